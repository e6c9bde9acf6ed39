"""Stages that feed early: both kernels agree, and what they give is what feeding promises."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Pool, Records, Stage, Trace
from tailrank.scheduler import lay_out, share
from tailrank.simulator import Kernel, Simulator, replay
from tailrank.timing import LinearTime, Overheads

THOROUGH = settings(max_examples=250, deadline=None)
BRIEF = settings(max_examples=100, deadline=None)


def serve(scenario: Any, **options: Any) -> Records:
    simulator = Simulator(scenario.services, overheads=scenario.overheads, seed=3, **options)
    return simulator.serve(scenario.trace, scenario.plan)


@THOROUGH
@given(data=st.data())
def test_both_kernels_agree(early_scenarios: Any, assert_same: Any, data: st.DataObject) -> None:
    scenario = data.draw(early_scenarios)
    assert_same(serve(scenario), serve(scenario, kernel="reference"))


@BRIEF
@given(data=st.data())
def test_records_without_slices_tell_the_same_story(early_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(early_scenarios)
    whole, brief = serve(scenario), serve(scenario, detail=False)
    np.testing.assert_array_equal(whole.finish_ns, brief.finish_ns)
    np.testing.assert_array_equal(whole.dispatch_ns, brief.dispatch_ns)
    assert len(brief.slices) == 0
    assert whole.meta == brief.meta
    assert len(whole.slices) == whole.meta["slices"]


def waiting(plan: Plan) -> Plan:
    """Return `plan` with stages that feed whole."""
    stages = tuple(replace(stage, feed="whole") for stage in plan.stages)
    return Plan(stages=stages, pools=plan.pools, take=plan.take)


@BRIEF
@given(data=st.data())
def test_a_query_of_one_slice_a_stage_has_nothing_to_feed_early(early_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(early_scenarios)
    stages = tuple(replace(stage, batch_size=50) for stage in scenario.plan.stages)
    plan = Plan(stages=stages, pools=scenario.plan.pools, take=scenario.plan.take)
    simulator = Simulator(scenario.services, overheads=scenario.overheads, seed=3)
    early, whole = (simulator.serve(scenario.trace, each) for each in (plan, waiting(plan)))
    np.testing.assert_array_equal(early.finish_ns, whole.finish_ns)
    for column in ("query", "stage", "first", "size", "pool", "worker", "queued_ns", "start_ns", "finish_ns"):
        np.testing.assert_array_equal(getattr(early.slices, column), getattr(whole.slices, column), column)
    assert early.meta == whole.meta


@BRIEF
@given(data=st.data())
def test_slices_are_those_of_the_layout_and_more_only_after_exact(early_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(early_scenarios)
    slices, plan = serve(scenario).slices, scenario.plan
    for query, size in enumerate(scenario.trace.size.tolist()):
        for number, parts in enumerate(lay_out(plan, size)):
            mine = (slices.query == query) & (slices.stage == number)
            first, sizes = slices.first[mine], slices.size[mine]
            order = np.argsort(first)
            if number and plan.stages[number - 1].feed == "exact":
                assert parts.total <= sizes.sum() <= 2 * parts.total
                assert np.all(first[order][1:] >= (first + sizes)[order][:-1])
            else:
                assert first[order].tolist() == list(parts.first)
                assert sizes[order].tolist() == list(parts.size)


@BRIEF
@given(data=st.data())
def test_a_query_is_done_with_its_last_slice(early_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(early_scenarios)
    records = serve(scenario)
    for query in range(len(records)):
        last = records.slices.finish_ns[records.slices.query == query].max()
        assert records.finish_ns[query] == last + scenario.overheads.merge_ns


@BRIEF
@given(data=st.data(), cost=st.sampled_from([(10.0, 1.0), (100.0, 0.0), (1.0, 20.0)]))
def test_beside_enough_idle_workers_early_is_never_late(
    early_scenarios: Any, data: st.DataObject, cost: tuple[float, float]
) -> None:
    """Every slice is at most as large as the largest of the plan that feeds whole, and begins at most as late."""
    scenario = data.draw(early_scenarios)
    plan, size = scenario.plan, scenario.trace.size
    alone = Trace(np.arange(len(size)) * 1_000_000, size)
    roomy = Plan(stages=plan.stages, pools={name: Pool(workers=400) for name in plan.pools}, take=plan.take)
    simulator = Simulator({(model, pool): LinearTime(*cost) for model in "ab" for pool in plan.pools}, seed=5)
    early, whole = (simulator.serve(alone, each) for each in (roomy, waiting(roomy)))
    assert np.all(early.finish_ns <= whole.finish_ns)


@BRIEF
@given(data=st.data())
def test_where_the_best_lie_as_shares_say_exact_wastes_nothing(early_scenarios: Any, data: st.DataObject) -> None:
    """Then what is sent when the last slice is done is its own share."""
    scenario = data.draw(early_scenarios)

    def as_shared(_: Any, size: Any, at: Any, best: Any) -> Any:
        return np.array(
            [each for query, most in enumerate(best) for each in share(most, size[at[query] : at[query + 1]].tolist())]
        )

    slices = serve(scenario, placement=as_shared).slices
    for query, size in enumerate(scenario.trace.size.tolist()):
        for number, parts in enumerate(lay_out(scenario.plan, size)):
            mine = (slices.query == query) & (slices.stage == number)
            assert slices.size[mine].sum() == parts.total


KERNELS: list[Kernel] = ["compiled", "reference"]


def two_stages(feed: str, **options: Any) -> Plan:
    stages = (
        Stage(model="a", batch_size=4, pool="x", keep=4, feed=feed),  # type: ignore[arg-type]
        Stage(model="b", batch_size=4, pool="y"),
    )
    return Plan(stages=stages, pools={"x": Pool(workers=1), "y": Pool(workers=2)}, **options)


def run(kernel: Kernel, plan: Plan, found: list[int], costs: Overheads | None = None) -> Records:
    services = {("a", "x"): LinearTime(0, 10), ("b", "y"): LinearTime(5, 30)}
    simulator = Simulator(
        services, kernel=kernel, overheads=costs or Overheads(), placement=lambda *_: np.array(found, np.int64)
    )
    return simulator.serve(Trace(np.zeros(1, np.int64), np.array([8])), plan)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("feed", "found", "queued", "sizes", "finish"),
    [
        ("whole", [], [80], [4], 205),
        ("share", [], [40, 80], [2, 2], 145),
        ("exact", [2, 2], [40, 80], [2, 2], 145),  # the guess was right
        ("exact", [4, 0], [40, 80], [2, 2], 145),  # both sent are right, the other two are in the first slice, too
        ("exact", [1, 3], [40, 80], [2, 3], 175),  # one was sent in vain
        ("exact", [0, 4], [40, 80], [2, 4], 205),  # both were
    ],
)
def test_what_is_sent_and_when(
    kernel: Kernel, feed: str, found: list[int], queued: list[int], sizes: list[int], finish: int
) -> None:
    records = run(kernel, two_stages(feed), found)
    second = records.slices.stage == 1
    assert records.slices.queued_ns[second].tolist() == queued
    assert records.slices.size[second].tolist() == sizes
    assert records.finish_ns.tolist() == [finish]


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_dispatcher_takes_every_group_up(kernel: Kernel) -> None:
    records = run(kernel, two_stages("share"), [], Overheads(query_ns=7, slice_ns=1))
    # slices are queued at 8 and 9, done at 48 and 88, and what they give is queued 8 later
    assert records.slices.queued_ns.tolist() == [8, 9, 56, 96]
    assert records.meta["utilisation.dispatcher"] == (3 * 7 + 4 * 1) / records.finish_ns[0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_empty_trace_gives_empty_records(kernel: Kernel) -> None:
    empty = Trace(np.zeros(0, np.int64), np.zeros(0, np.int64))
    for feed in ("share", "exact"):
        records = Simulator({}, kernel=kernel).serve(empty, two_stages(feed))
        assert len(records) == len(records.slices) == 0


def test_many_workers_slide_far(assert_same: Any) -> None:
    chance = np.random.default_rng(5)
    trace = Trace(np.cumsum(chance.integers(0, 400, 1500)), chance.integers(1, 80, 1500))
    for feed in ("share", "exact"):
        plan = two_stages(feed)
        plan = Plan(stages=plan.stages, pools={"x": Pool(workers=2), "y": Pool(workers=40)})
        services = {("a", "x"): LinearTime(3, 2), ("b", "y"): LinearTime(40, 30)}
        one, two = (Simulator(services, kernel=kernel).serve(trace, plan) for kernel in KERNELS)
        assert_same(one, two)


def test_a_placement_that_loses_candidates_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"stages\.0\.feed.*placement"):
        run("compiled", two_stages("exact"), [1, 2])
    with pytest.raises(BadInputError, match="placement"):
        run("compiled", two_stages("exact"), [5, -1])


def test_what_feeds_early_cannot_be_replayed() -> None:
    trace = Trace(np.zeros(1, np.int64), np.array([8]))
    with pytest.raises(BadInputError, match="feed early"):
        replay(trace, two_stages("share"), run("compiled", two_stages("share"), []))
