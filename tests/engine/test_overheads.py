"""Overheads read off records with known costs."""

import numpy as np
import pytest

from tailrank.core import Plan, Pool, Records, SliceRecords, Stage, Trace, single
from tailrank.engine import Engine, NullScorer, measure_keeping, measure_overheads
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime, Overheads


@pytest.mark.parametrize("crew", ["auto", "threads"])
def test_overheads_are_read_off_a_run_that_keeps_up(crew) -> None:
    trace = Trace(np.arange(200) * 1_000_000, np.full(200, 40))
    records = Engine({"m": NullScorer()}, crew=crew).serve(trace, single("m", batch_size=10, workers=1))
    overheads = measure_overheads([records], cores=2)
    assert overheads.cores == 2
    assert overheads.timer_ns == round(float(np.median(records.lag_ns)))
    assert (crew == "threads") <= overheads.slice_ns < 1_000_000  # a native crew takes all slices in one call
    spent_ns = overheads.query_ns * 200 + overheads.slice_ns * 800
    assert abs(spent_ns - records.meta["dispatcher_cpu_ns"]) <= 200 or overheads.query_ns == 0


def simulated(costs: Overheads, qps: float) -> Records:
    """Records of a system whose overheads are known: the simulator's, with the dispatcher's time as it reports it."""
    rng = np.random.default_rng(3)
    trace = Trace(np.cumsum(rng.exponential(1e9 / qps, 20_000)).astype(np.int64), rng.integers(1, 400, 20_000))
    service = {("m", "cpu"): LinearTime(50_000, 1_000)}
    records = Simulator(service, overheads=costs).serve(trace, single("m", batch_size=128, workers=2))
    spent = len(trace) * costs.query_ns + len(records.slices) * costs.slice_ns
    return Records(
        records.arrival_ns,
        records.size,
        records.dispatch_ns,
        records.finish_ns,
        records.slices,
        meta={"dispatcher_cpu_ns": float(spent)},
    )


def test_what_the_simulator_charges_is_what_is_measured() -> None:
    costs = Overheads(
        timer_ns=20_000,
        query_ns=25_000,
        slice_ns=1_000,
        wakeup_ns=2_000,  # as the hand-off, so that who is idle is beyond doubt
        handoff_ns=2_000,
        merge_ns=1_500,
        cold_ns=40_000,
        interrupt_ns=30_000,
        cores=2,
    )
    found = measure_overheads([simulated(costs, 2_000)], cores=2, expected=LinearTime(50_000, 1_000))
    for name in ("timer_ns", "query_ns", "slice_ns", "wakeup_ns", "merge_ns", "cold_ns"):
        assert getattr(found, name) == pytest.approx(getattr(costs, name), rel=0.02), name
    assert found.handoff_ns == pytest.approx(costs.handoff_ns, abs=200)
    assert found.interrupt_ns == pytest.approx(costs.interrupt_ns, rel=0.05)


def test_without_expected_times_interference_is_not_measured() -> None:
    found = measure_overheads([simulated(Overheads(query_ns=100, cold_ns=5_000, cores=2), 500)])
    assert (found.cold_ns, found.interrupt_ns, found.cores) == (0, 0, 0)
    assert isinstance(simulated(Overheads(), 500).slices, SliceRecords)


FUNNEL = Plan(
    stages=(Stage(model="m", batch_size=64, keep=20), Stage(model="m", batch_size=64, pool="back")),
    pools={"cpu": Pool(workers=1), "back": Pool(workers=1)},
)


@pytest.mark.parametrize("relayed", [True, False])
@pytest.mark.parametrize("sizes", [(100, 800), (400, 400)])
def test_what_lies_between_two_stages_is_measured(relayed: bool, sizes: tuple[int, int]) -> None:
    costs = Overheads(query_ns=700, keep_ns=3_000 if sizes[0] != sizes[1] else 0, keep_item_ps=900, relayed=relayed)
    trace = Trace(np.arange(400) * 2_000_000, np.tile(sizes, 200))
    services = {("m", pool): LinearTime(50_000, 100) for pool in FUNNEL.pools}
    records = Simulator(services, overheads=costs).serve(trace, FUNNEL)
    records.meta.update({"relayed": float(relayed)})
    found = measure_keeping([records], Overheads(query_ns=700))
    assert found.relayed is relayed
    assert found.keep_item_ps == pytest.approx(900, abs=3)
    assert found.keep_ns == pytest.approx(costs.keep_ns, abs=3)


def test_one_stage_says_nothing_of_keeping() -> None:
    known = Overheads(keep_ns=5, keep_item_ps=6, relayed=True)
    assert measure_keeping([simulated(Overheads(), 500)], known) == known


@pytest.mark.parametrize("crew", ["auto", "threads"])
def test_the_engine_is_measured_between_stages(crew) -> None:
    trace = Trace(np.arange(200) * 1_000_000, np.tile([100, 1600], 100))
    records = Engine({"m": NullScorer()}, crew=crew).serve(trace, FUNNEL)
    found = measure_overheads([records], cores=2)
    assert found.relayed is bool(records.meta["relayed"])
    assert (found.keep_ns + found.keep_item_ps > 0) >= found.relayed
