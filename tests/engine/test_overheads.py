"""Overheads read off records with known costs."""

import numpy as np
import pytest

from tailrank.core import Records, SliceRecords, Trace, single
from tailrank.engine import Engine, NullScorer, measure_overheads
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
