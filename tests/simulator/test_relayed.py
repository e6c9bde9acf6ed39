"""Queries that workers send on: by hand, and both kernels alike."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.core import Plan, Pool, Records, Stage, Trace
from tailrank.simulator import Kernel, Simulator, replay
from tailrank.timing import ConstantTime, Overheads

KERNELS: list[Kernel] = ["compiled", "reference"]


def serve(kernel: Kernel, overheads: Overheads, *, shared: bool, gap_ns: int = 1000) -> Records:
    stages = (
        Stage(model="a", batch_size=5, pool="x", keep=4),
        Stage(model="b", batch_size=2, pool="x" if shared else "y"),
    )
    plan = Plan(stages=stages, pools={"x": Pool(workers=1), "y": Pool(workers=1)})
    services = {(model, pool): ConstantTime(100) for model in "ab" for pool in "xy"}
    trace = Trace(np.arange(2) * gap_ns, np.full(2, 10))
    return Simulator(services, overheads=overheads, kernel=kernel).serve(trace, plan)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_worker_of_the_last_slice_chooses_and_queues_without_the_dispatcher(kernel: Kernel) -> None:
    costs = Overheads(query_ns=30, slice_ns=5, wakeup_ns=1, merge_ns=7, keep_ns=40, keep_item_ps=2_000, relayed=True)
    records = serve(kernel, costs, shared=False)
    # Queued at 35 and 40, started at 36 and 136, done at 236; ten candidates chosen among in 60; both slices at 296.
    mine = records.slices.query == 0
    assert records.slices.queued_ns[mine].tolist() == [35, 40, 296, 296]
    assert records.slices.start_ns[mine].tolist() == [36, 136, 297, 397]
    assert records.finish_ns.tolist() == [504, 1504]
    assert records.meta["load.dispatcher"] == pytest.approx(2 * (30 + 2 * 5) / 1000)


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_busy_until_then(kernel: Kernel) -> None:
    records = serve(kernel, Overheads(keep_ns=50, relayed=True), shared=True, gap_ns=10)
    rows = records.slices
    order = np.argsort(rows.start_ns)
    # First stages at 0, 100 | chosen until 250 | 250, 350 of the other query | chosen until 500 | then second stages.
    assert rows.start_ns[order].tolist() == [0, 100, 250, 350, 500, 600, 700, 800]
    assert rows.stage[order].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert records.finish_ns.tolist() == [700, 900]


@pytest.mark.parametrize("kernel", KERNELS)
def test_else_the_dispatcher_chooses(kernel: Kernel) -> None:
    records = serve(kernel, Overheads(query_ns=30, keep_ns=40, keep_item_ps=2_000), shared=False)
    mine = records.slices.query == 0
    assert records.slices.queued_ns[mine].tolist() == [30, 30, 320, 320]  # 230 + 30 + 40 + 20
    assert records.meta["load.dispatcher"] == pytest.approx(2 * (2 * 30 + 60) / 1000)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), keep_ns=st.sampled_from([0, 1, 250]), keep_item_ps=st.sampled_from([0, 900, 40_000]))
@pytest.mark.parametrize("relayed", [True, False])
def test_both_kernels_agree_to_the_nanosecond(
    data: st.DataObject, keep_ns: int, keep_item_ps: int, relayed: bool, scenarios: Any, assert_same: Any
) -> None:
    scenario = data.draw(scenarios)
    costs = replace(scenario.overheads, keep_ns=keep_ns, keep_item_ps=keep_item_ps, relayed=relayed)
    trace, plan = scenario.trace, scenario.plan
    one, two = (
        Simulator(scenario.services, overheads=costs, seed=3, kernel=kernel).serve(trace, plan) for kernel in KERNELS
    )
    assert_same(one, two)
    bare = Simulator(scenario.services, overheads=costs, seed=3, detail=False).serve(trace, plan)
    np.testing.assert_array_equal(bare.finish_ns, one.finish_ns)
    assert bare.meta == one.meta
    for kernel in KERNELS:
        assert_same(one, replay(trace, plan, one, costs, kernel=kernel))
