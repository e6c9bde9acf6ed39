"""Both kernels give the same nanoseconds, and what they give is a schedule."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import Records, Trace, single
from tailrank.scheduler import split_all
from tailrank.simulator import Simulator, replay
from tailrank.timing import LinearTime

THOROUGH = settings(max_examples=300, deadline=None)
BRIEF = settings(max_examples=100, deadline=None)


def taken(scenario: Any) -> Any:
    size, take = scenario.trace.size, scenario.plan.take
    return size if take is None else np.minimum(size, take)


def serve(scenario: Any, **options: Any) -> Records:
    simulator = Simulator(scenario.services, overheads=scenario.overheads, seed=3, **options)
    return simulator.serve(scenario.trace, scenario.plan)


@THOROUGH
@given(data=st.data())
def test_both_kernels_agree(scenarios: Any, assert_same: Any, data: st.DataObject) -> None:
    scenario = data.draw(scenarios)
    assert_same(serve(scenario), serve(scenario, kernel="reference"))


@BRIEF
@given(data=st.data())
def test_records_without_slices_tell_the_same_story(scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(scenarios)
    whole, brief = serve(scenario), serve(scenario, detail=False)
    np.testing.assert_array_equal(whole.finish_ns, brief.finish_ns)
    np.testing.assert_array_equal(whole.dispatch_ns, brief.dispatch_ns)
    assert len(brief.slices) == 0
    assert whole.meta == brief.meta
    assert len(whole.slices) == whole.meta["slices"]


@BRIEF
@given(data=st.data())
def test_every_candidate_of_every_stage_is_scored_exactly_once(scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(scenarios)
    slices, size = serve(scenario).slices, taken(scenario)
    for number, stage in enumerate(scenario.plan.stages):
        mine = np.flatnonzero(slices.stage == number)
        mine = mine[np.lexsort((slices.first[mine], slices.query[mine]))]
        for found, wanted in zip((slices.query, slices.first, slices.size), split_all(size, stage), strict=True):
            np.testing.assert_array_equal(found[mine], wanted)
        size = size if stage.keep is None else np.minimum(size, stage.keep)


@BRIEF
@given(data=st.data())
def test_pools_are_first_in_first_out_and_workers_do_one_thing_at_a_time(scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(scenarios)
    costs, slices = scenario.overheads, serve(scenario).slices
    assert np.all(np.diff(slices.queued_ns) >= 0)
    assert np.all(slices.start_ns >= slices.queued_ns + costs.wakeup_ns)
    for number, pool in enumerate(scenario.plan.pools.values()):
        mine = slices.pool == number
        assert np.all(np.diff(slices.start_ns[mine]) >= 0)
        for worker in range(pool.workers):
            its = mine & (slices.worker == worker)
            assert np.all(slices.start_ns[its][1:] >= slices.finish_ns[its][:-1] + costs.handoff_ns)
        assert np.all(slices.worker[mine] < pool.workers)


@BRIEF
@given(data=st.data())
def test_nobody_waits_beside_an_idle_worker(ideal_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(ideal_scenarios)
    slices = serve(scenario).slices
    workers = [pool.workers for pool in scenario.plan.pools.values()]
    for row in np.flatnonzero(slices.start_ns > slices.queued_ns):
        same, before = slices.pool == slices.pool[row], slices.start_ns[row] - 1
        busy = np.sum(same & (slices.start_ns <= before) & (slices.finish_ns > before))
        assert busy == workers[slices.pool[row]]


@BRIEF
@given(data=st.data())
def test_a_query_goes_on_when_its_last_slice_is_done(scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(scenarios)
    records, costs = serve(scenario), scenario.overheads
    slices = records.slices
    for query in range(len(records)):
        ready = records.arrival_ns[query] + costs.timer_ns
        for number in range(len(scenario.plan.stages)):
            mine = (slices.query == query) & (slices.stage == number)
            assert slices.queued_ns[mine].min() >= ready + costs.query_ns + costs.slice_ns
            ready = slices.finish_ns[mine].max()
        assert records.finish_ns[query] == ready + costs.merge_ns


@BRIEF
@given(gaps=st.lists(st.integers(0, 300), min_size=1, max_size=40), workers=st.integers(1, 6), data=st.data())
def test_another_worker_delays_nobody(gaps: list[int], workers: int, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 60), min_size=len(gaps), max_size=len(gaps)))
    trace = Trace(np.cumsum(np.array(gaps, np.int64)), np.array(sizes, np.int64))
    simulator = Simulator({("m", "cpu"): LinearTime(50.0, 11.0)})
    few, more = (simulator.serve(trace, single("m", batch_size=7, workers=c)) for c in (workers, workers + 1))
    assert np.all(more.finish_ns <= few.finish_ns)


@BRIEF
@given(data=st.data())
def test_a_replay_of_a_simulation_is_that_simulation(scenarios: Any, assert_same: Any, data: st.DataObject) -> None:
    scenario = data.draw(scenarios)
    served = serve(scenario)
    for kernel in ("compiled", "reference"):
        again = replay(scenario.trace, scenario.plan, served, scenario.overheads, kernel=kernel)
        assert_same(served, again)


def test_many_workers_slide_far(assert_same: Any) -> None:
    """Windows are copied back many times in a trace of a few thousand slices, and pools may be large."""
    chance = np.random.default_rng(5)
    trace = Trace(np.cumsum(chance.integers(0, 120, 3000)), chance.integers(1, 80, 3000))
    for workers in (1, 2, 40, 700):
        plan = single("m", batch_size=16, workers=workers)
        one, two = (
            Simulator({("m", "cpu"): LinearTime(40.0 * workers, 3.0 * workers)}, kernel=kernel).serve(trace, plan)
            for kernel in ("compiled", "reference")
        )
        assert_same(one, two)


def test_arrays_that_cannot_be_written_or_stride_are_read_all_the_same() -> None:
    arrival, size = np.arange(0, 40, 2)[::2], np.full(10, 3)
    trace = Trace(arrival, size)
    trace.arrival_ns.flags.writeable = trace.size.flags.writeable = False
    records = Simulator({("m", "cpu"): LinearTime(1.0, 0.0)}).serve(trace, single("m", batch_size=4, workers=1))
    np.testing.assert_array_equal(records.finish_ns, arrival + 1)
