"""Profiles measured on scorers with known times."""

import numpy as np

from tailrank.engine import Engine, NullScorer, TimedScorer, measure_profile


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


def test_a_device_is_profiled_by_its_own_scorer() -> None:
    engine = Engine({"m": NullScorer(rows=64), ("m", "card"): TimedScorer(2_000_000, 0, rows=32)})
    profile = measure_profile(engine, "m", device="card", workers=1, budget_s=0.05, rounds=1, sizes=(1, 32, 64))
    assert {p.items for p in profile.points} == {1, 32}
    assert all(min(p.samples_ns) >= 1_900_000 for p in profile.points)
