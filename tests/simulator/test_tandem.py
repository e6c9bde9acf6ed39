"""Funnels solved stage by stage are funnels walked by time, to the nanosecond."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import Plan, Pool, Stage, Trace
from tailrank.simulator import Simulator, tandem
from tailrank.timing import NO_OVERHEADS, LinearTime, Overheads

THOROUGH = settings(max_examples=300, deadline=None)
COST = st.sampled_from([0, 0, 1, 6, 250])


@st.composite
def apart(draw: st.DrawFn, scenarios: Any) -> Any:
    """A scenario whose stages have pools of their own and whose dispatcher costs nothing."""
    scenario = draw(scenarios)
    stages, pools, services = [], {}, {}
    for number, stage in enumerate(scenario.plan.stages):
        names = {}
        for pool in (stage.pool, stage.offload_pool):
            if pool is not None:
                names[pool] = f"{pool}.{number}"
                pools[names[pool]] = scenario.plan.pools[pool]
                services[stage.model, names[pool]] = scenario.services[stage.model, pool]
        stages.append({"pool": names[stage.pool], "offload_pool": names.get(stage.offload_pool)})
    changed = tuple(
        Stage(model=stage.model, batch_size=stage.batch_size, offload_at=stage.offload_at, keep=stage.keep, **own)
        for stage, own in zip(scenario.plan.stages, stages, strict=True)
    )
    costs = {name: draw(COST) for name in ("timer_ns", "wakeup_ns", "handoff_ns", "merge_ns", "cold_ns")}
    plan = Plan(stages=changed, pools=pools, take=draw(st.none() | st.just(scenario.plan.take)))
    return replace(scenario, plan=plan, services=services, overheads=Overheads(**costs))


@THOROUGH
@given(data=st.data())
def test_stage_by_stage_is_what_events_give(scenarios: Any, data: st.DataObject) -> None:
    """The reference, and the recursion over jobs, which serves whenever slices are recorded."""
    scenario = data.draw(apart(scenarios))
    assert len(scenario.plan.stages) == 1 or tandem.separable(scenario.plan, scenario.overheads)

    def served(**options: Any) -> Any:
        simulator = Simulator(scenario.services, overheads=scenario.overheads, seed=3, **options)
        return simulator.serve(scenario.trace, scenario.plan)

    found = served(detail=False)
    for other in (served(), served(kernel="reference")):
        np.testing.assert_array_equal(found.finish_ns, other.finish_ns)
        np.testing.assert_array_equal(found.dispatch_ns, other.dispatch_ns)
        assert found.meta == other.meta


@given(st.lists(st.integers(0, 9) | st.integers(0, 2**62), max_size=40))
def test_queries_are_in_order_of_time_and_then_of_number(ready: list[int]) -> None:
    want = sorted(range(len(ready)), key=lambda query: (ready[query], query))
    assert tandem.in_order(np.array(ready, np.int64)).tolist() == want


def a_plan(**changes: Any) -> Plan:
    first = {"model": "a", "batch_size": 8, "pool": "x", "keep": 4} | changes.pop("first", {})
    second = {"model": "b", "batch_size": 8, "pool": "y"} | changes.pop("second", {})
    pools = {"x": Pool(workers=2), "y": Pool(workers=1), "z": Pool(workers=1)}
    return Plan(stages=(Stage(**first), Stage(**second)), pools=pools)


@pytest.mark.parametrize(
    ("plan", "overheads", "can"),
    [
        (a_plan(), NO_OVERHEADS, True),
        (a_plan(first={"offload_at": 5, "offload_pool": "z"}), NO_OVERHEADS, True),
        (a_plan(), Overheads(timer_ns=5, wakeup_ns=5, handoff_ns=5, merge_ns=5, cold_ns=5), True),
        (a_plan(), Overheads(interrupt_ns=5), True),
        (a_plan(second={"pool": "x"}), NO_OVERHEADS, False),
        (a_plan(second={"offload_at": 5, "offload_pool": "x"}), NO_OVERHEADS, False),
        (a_plan(second={"adapt": True}), NO_OVERHEADS, False),
        (a_plan(first={"feed": "share"}), NO_OVERHEADS, False),
        (a_plan(), Overheads(query_ns=1), False),
        (a_plan(), Overheads(slice_ns=1), False),
        (a_plan(), Overheads(interrupt_ns=1, cores=2), False),
    ],
)
def test_what_can_be_solved_stage_by_stage(plan: Plan, overheads: Overheads, can: bool) -> None:
    assert tandem.separable(plan, overheads) is can


def test_it_is_taken_where_no_slices_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the test above would compare a kernel with itself."""
    from tailrank.simulator import compiled

    taken = []

    def noted(*given_: Any) -> Any:
        taken.append(given_[1])
        return tandem.walk_tandem(*given_)

    monkeypatch.setattr(compiled, "walk_tandem", noted)
    trace = Trace(np.arange(5) * 100, np.full(5, 20))
    services = {(model, pool): LinearTime(50.0, 7.0) for model in "ab" for pool in "xyz"}
    for detail in (True, False):
        Simulator(services, detail=detail).serve(trace, a_plan())
    assert taken == [2]
