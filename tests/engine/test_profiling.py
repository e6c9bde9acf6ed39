"""Profiles and overheads measured on scorers with known times."""

import numpy as np

from tailrank.core import Trace, single
from tailrank.engine import Engine, NullScorer, TimedScorer, measure_overheads, measure_profile


def test_a_profile_finds_the_known_time_of_a_batch() -> None:
    engine = Engine({"m": TimedScorer(300_000, 2_000)})
    profile = measure_profile(engine, "m", workers=2, budget_s=0.6, rounds=2, sizes=(1, 16, 256))
    assert {(p.items, p.busy) for p in profile.points} == {(n, b) for n in (1, 16, 256) for b in (1, 2)}
    table = profile.table(256, 2)
    for items in (1, 16, 100, 256):
        known = 300_000 + 2_000 * items
        # a sleep is never short; how late it ends is the host's affair, so only the lower bound is exact
        assert table.mean_ns[0, items] >= known * 0.98
        assert np.median(profile.points[0].samples_ns) < 50 * known


def test_sizes_beyond_the_prepared_rows_are_left_out() -> None:
    engine = Engine({"m": NullScorer(rows=64)})
    profile = measure_profile(engine, "m", workers=1, budget_s=0.05, rounds=1)
    assert max(p.items for p in profile.points) == 64
    assert profile.measured_workers == 1


def test_overheads_are_read_off_a_run_that_keeps_up() -> None:
    trace = Trace(np.arange(200) * 1_000_000, np.full(200, 40))
    records = Engine({"m": NullScorer()}).serve(trace, single("m", batch_size=10, workers=1))
    overheads = measure_overheads([records], cores=2)
    assert overheads.cores == 2
    assert overheads.timer_ns == round(float(np.median(records.lag_ns)))
    assert 0 < overheads.slice_ns < 1_000_000
    spent_ns = overheads.query_ns * 200 + overheads.slice_ns * 800
    assert abs(spent_ns - records.meta["dispatcher_cpu_ns"]) <= 200 or overheads.query_ns == 0
