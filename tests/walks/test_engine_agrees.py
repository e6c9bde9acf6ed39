"""Two clocks, one walk: engine and simulator make the same slices and, given the same times, the same finishes."""

import numpy as np

from tailrank.core import Plan, Pool, Stage, Trace, single
from tailrank.engine import Engine, TimedScorer
from tailrank.simulator import Simulator, replay
from tailrank.timing import LinearTime


def keys(records) -> list[tuple[int, ...]]:
    rows = records.slices
    columns = (rows.query, rows.stage, rows.first, rows.size, rows.pool)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_the_same_slices_of_every_query_in_a_funnel() -> None:
    plan = Plan(
        stages=(
            Stage(model="front", batch_size=100, keep=64),
            Stage(model="back", batch_size=16, pool="back"),
        ),
        pools={"cpu": Pool(workers=2), "back": Pool(workers=1)},
    )
    trace = Trace(np.arange(30) * 2_000_000, 1 + np.arange(30) * 17)
    engine = Engine({"front": TimedScorer(10_000, 100), "back": TimedScorer(10_000, 100)})
    services = {("front", "cpu"): LinearTime(10_000, 100), ("back", "back"): LinearTime(10_000, 100)}
    assert keys(engine.serve(trace, plan)) == keys(Simulator(services).serve(trace, plan))


def test_replaying_the_recorded_times_gives_the_recorded_finishes() -> None:
    rng = np.random.default_rng(4)
    trace = Trace(np.cumsum(rng.exponential(12e6, 80)).astype(np.int64), rng.integers(1, 500, 80))
    plan = single("m", batch_size=128, workers=2)
    off_ns: list[float] = []
    while len(off_ns) < 6 and min(off_ns, default=np.inf) >= 2_000_000:
        records = Engine({"m": TimedScorer(5_000_000, 10_000)}).serve(trace, plan)
        again = replay(trace, plan, records)
        assert np.median(records.latency_ns) > 10_000_000  # queries wait and work for milliseconds ...
        off_ns.append(float(np.median(np.abs(again.finish_ns - records.finish_ns))))
    # ... so a wrong order of slices or a lost worker would show in most queries of every run. A host that is busy with
    # other things wakes threads late, which a replay does not know of: it may spoil some runs.
    assert min(off_ns) < 2_000_000, off_ns


def test_the_same_slices_where_large_queries_go_to_a_device() -> None:
    plan = Plan(
        stages=(Stage(model="m", batch_size=64, offload_at=200, offload_pool="card"),),
        pools={"cpu": Pool(workers=2), "card": Pool(workers=1, device="pretend")},
    )
    trace = Trace(np.arange(30) * 2_000_000, 1 + np.arange(30) * 17)
    engine = Engine({"m": TimedScorer(10_000, 100), ("m", "pretend"): TimedScorer(50_000, 10)})
    services = {("m", "cpu"): LinearTime(10_000, 100), ("m", "card"): LinearTime(50_000, 10)}
    assert keys(engine.serve(trace, plan)) == keys(Simulator(services).serve(trace, plan))
