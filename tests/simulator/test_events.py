"""Plans that decide by the state of the pools: both kernels agree, and what they give is what the options promise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Pool, Records, Stage, Trace, single
from tailrank.simulator import Kernel, Simulator, replay
from tailrank.timing import ConstantTime, LinearTime, Overheads, ServiceTime

THOROUGH = settings(max_examples=400, deadline=None)
BRIEF = settings(max_examples=100, deadline=None)


def taken(scenario: Any) -> Any:
    size, take = scenario.trace.size, scenario.plan.take
    return size if take is None else np.minimum(size, take)


def serve(scenario: Any, **options: Any) -> Records:
    simulator = Simulator(scenario.services, overheads=scenario.overheads, seed=3, **options)
    return simulator.serve(scenario.trace, scenario.plan)


@THOROUGH
@given(data=st.data())
def test_both_kernels_agree(dynamic_scenarios: Any, assert_same: Any, data: st.DataObject) -> None:
    scenario = data.draw(dynamic_scenarios)
    assert_same(serve(scenario), serve(scenario, kernel="reference"))


@BRIEF
@given(data=st.data())
def test_records_without_slices_tell_the_same_story(dynamic_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(dynamic_scenarios)
    whole, brief = serve(scenario), serve(scenario, detail=False)
    np.testing.assert_array_equal(whole.finish_ns, brief.finish_ns)
    np.testing.assert_array_equal(whole.dispatch_ns, brief.dispatch_ns)
    assert len(brief.slices) == 0
    assert whole.meta == brief.meta
    assert len(whole.slices) == whole.meta["slices"]


@THOROUGH
@given(data=st.data())
def test_options_that_change_nothing_change_nothing(scenarios: Any, data: st.DataObject) -> None:
    """Slices that may not shrink are served by events; without options the recursions give the same nanoseconds."""
    scenario = data.draw(scenarios)
    stages = tuple(replace(stage, adapt=True, least_batch=stage.batch_size) for stage in scenario.plan.stages)
    services, overheads = scenario.services, scenario.overheads
    by_events = Simulator(services, overheads=overheads, seed=3).serve(
        scenario.trace, Plan(stages=stages, pools=scenario.plan.pools, take=scenario.plan.take)
    )
    plain = serve(scenario)
    for column in ("query", "stage", "first", "size", "pool", "worker", "queued_ns", "start_ns", "finish_ns"):
        np.testing.assert_array_equal(getattr(plain.slices, column), getattr(by_events.slices, column), column)
    np.testing.assert_array_equal(plain.finish_ns, by_events.finish_ns)
    np.testing.assert_array_equal(plain.dispatch_ns, by_events.dispatch_ns)
    assert by_events.meta == plain.meta | {"batches": plain.meta["slices"]}


@BRIEF
@given(data=st.data())
def test_every_candidate_of_every_stage_is_scored_exactly_once(dynamic_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(dynamic_scenarios)
    slices, size = serve(scenario).slices, taken(scenario)
    for number, stage in enumerate(scenario.plan.stages):
        for query in range(len(size)):
            mine = (slices.stage == number) & (slices.query == query)
            ends = np.cumsum(slices.size[mine])
            assert ends[-1] == size[query]
            np.testing.assert_array_equal(slices.first[mine], ends - slices.size[mine])
        size = size if stage.keep is None else np.minimum(size, stage.keep)


@BRIEF
@given(data=st.data())
def test_batches_keep_to_their_limits(dynamic_scenarios: Any, data: st.DataObject) -> None:
    scenario = data.draw(dynamic_scenarios)
    records, plan = serve(scenario), scenario.plan
    slices, names = records.slices, list(scenario.plan.pools)
    together: dict[tuple[int, int, int], list[int]] = {}
    for row, key in enumerate(zip(slices.pool.tolist(), slices.worker.tolist(), slices.start_ns.tolist(), strict=True)):
        together.setdefault(key, []).append(row)
    for rows in together.values():
        stage = plan.stages[slices.stage[rows[0]]]
        pool = names[slices.pool[rows[0]]]
        assert len(set(slices.stage[rows].tolist())) == len(set(slices.finish_ns[rows].tolist())) == 1
        if len(rows) > 1:
            assert stage.combine_wait_us is not None
            assert slices.size[rows].sum() <= stage.batch_limit(pool)
        if pool == stage.pool:
            assert slices.size[rows].sum() <= stage.batch_size
    if together:
        assert records.meta.get("batches", len(slices)) == len(together)


@BRIEF
@given(data=st.data())
def test_pools_are_first_in_first_out_and_workers_do_one_batch_at_a_time(
    dynamic_scenarios: Any, data: st.DataObject
) -> None:
    scenario = data.draw(dynamic_scenarios)
    costs, slices = scenario.overheads, serve(scenario).slices
    assert np.all(np.diff(slices.queued_ns) >= 0)
    assert np.all(slices.start_ns >= slices.queued_ns + costs.wakeup_ns)
    for number, pool in enumerate(scenario.plan.pools.values()):
        mine = slices.pool == number
        for worker in range(pool.workers):
            its = mine & (slices.worker == worker)
            starts, finishes = np.unique(slices.start_ns[its]), np.unique(slices.finish_ns[its])
            assert len(starts) == len(finishes)
            assert np.all(starts[1:] >= finishes[:-1] + costs.handoff_ns)
        assert np.all(slices.worker[mine] < pool.workers)


@pytest.fixture(params=["compiled", "reference"])
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return "compiled" if request.param == "compiled" else "reference"


def trace_of(*queries: tuple[int, int]) -> Trace:
    arrival, size = np.array(queries, np.int64).reshape(-1, 2).T
    return Trace(arrival, size)


def two_pools(workers: int = 1, **options: Any) -> Plan:
    stage = Stage(model="m", offload_pool="gpu", **options)
    return Plan(stages=(stage,), pools={"cpu": Pool(workers=workers), "gpu": Pool(workers=1, device="cuda")})


def run(
    kernel: Kernel, plan: Plan, trace: Trace, overheads: Overheads | None = None, **services: ServiceTime
) -> Records:
    named = {("m", pool): service for pool, service in services.items()}
    return Simulator(named, overheads=overheads or Overheads(), kernel=kernel).serve(trace, plan)


def test_a_query_goes_where_it_is_done_earlier(kernel: Kernel) -> None:
    plan = two_pools(batch_size=100, offload_at=1, offload="queue-aware")
    trace = trace_of((0, 100), (1, 100), (2, 100))
    records = run(kernel, plan, trace, cpu=LinearTime(0, 10), gpu=ConstantTime(1500))
    # 1000 against 1500: it stays. Then 999 + 1000 against 1500, then 998 + 1000 against 1499 + 1500.
    assert [records.slices.pools[pool] for pool in records.slices.pool] == ["cpu", "gpu", "cpu"]
    assert records.finish_ns.tolist() == [1000, 1501, 2000]


def test_the_dispatcher_decides_when_it_has_looked_at_the_query(kernel: Kernel) -> None:
    plan = two_pools(batch_size=100, offload_at=1, offload="queue-aware")
    trace = trace_of((0, 100), (1, 100))
    records = run(kernel, plan, trace, Overheads(query_ns=600), cpu=LinearTime(0, 10), gpu=ConstantTime(1500))
    # The first is queued at 600. At 1200, 400 of it are left: 400 + 1000 is less than 1500.
    assert records.slices.pool.tolist() == [0, 0]


def test_only_queries_at_the_threshold_are_compared(kernel: Kernel) -> None:
    plan = two_pools(batch_size=100, offload_at=50, offload="queue-aware")
    records = run(kernel, plan, trace_of((0, 49), (0, 50)), cpu=ConstantTime(1000), gpu=ConstantTime(10))
    assert records.finish_ns.tolist() == [1000, 10]


def test_idle_workers_each_get_a_part(kernel: Kernel) -> None:
    stage = Stage(model="m", batch_size=64, adapt=True, least_batch=8)
    plan = Plan(stages=(stage,), pools={"cpu": Pool(workers=4)})
    trace = trace_of((0, 62), (50, 100), (400, 20))
    slices = run(kernel, plan, trace, cpu=ConstantTime(100)).slices
    assert slices.size[slices.query == 0].tolist() == [16, 16, 16, 14]
    assert slices.size[slices.query == 1].tolist() == [64, 36]  # nobody is idle
    assert slices.size[slices.query == 2].tolist() == [8, 8, 4]  # five would be too few


def test_a_batch_takes_what_is_there(kernel: Kernel) -> None:
    stage = Stage(model="m", batch_size=10, combine_wait_us=0)
    plan = Plan(stages=(stage,), pools={"cpu": Pool(workers=1)})
    trace = trace_of((0, 4), (10, 3), (20, 4), (30, 5))
    records = run(kernel, plan, trace, cpu=LinearTime(100, 1))
    assert records.finish_ns.tolist() == [104, 211, 211, 316]  # 3 + 4 go together, 5 more would be too many
    assert records.meta["batches"] == 3


def test_a_batch_waits_to_fill_but_not_for_long(kernel: Kernel) -> None:
    stage = Stage(model="m", batch_size=10, combine_wait_us=1)
    plan = Plan(stages=(stage,), pools={"cpu": Pool(workers=2)})
    trace = trace_of((0, 4), (500, 6), (700, 3), (5000, 10))
    records = run(kernel, plan, trace, Overheads(wakeup_ns=5), cpu=LinearTime(100, 1))
    # Full at 500; alone until 700 + 1000; full at once.
    assert records.slices.start_ns.tolist() == [505, 505, 1705, 5005]
    assert records.finish_ns.tolist() == [615, 615, 1808, 5115]


def test_offloaded_queries_share_batches_of_their_own_limit(kernel: Kernel) -> None:
    plan = two_pools(batch_size=4, offload_at=20, combine_wait_us=0, offload_batch=70)
    trace = trace_of((0, 30), (1, 30), (2, 40), (3, 25), (4, 3))
    records = run(kernel, plan, trace, cpu=ConstantTime(10), gpu=LinearTime(100, 1))
    assert records.finish_ns.tolist() == [130, 300, 300, 425, 14]


def test_a_wait_does_not_hold_up_stages_that_share_no_batches(kernel: Kernel) -> None:
    stages = (Stage(model="m", batch_size=8, keep=2), Stage(model="m", batch_size=8, pool="y", combine_wait_us=2))
    plan = Plan(stages=stages, pools={"cpu": Pool(workers=1), "y": Pool(workers=1)})
    records = run(kernel, plan, trace_of((0, 5), (1000, 5)), cpu=ConstantTime(10), y=ConstantTime(10))
    assert records.finish_ns.tolist() == [2020, 2020]  # ready at 10 and 1010, together at 10 + 2000


def test_an_empty_trace_gives_empty_records(kernel: Kernel) -> None:
    records = run(kernel, two_pools(batch_size=4, offload_at=1, offload="queue-aware"), trace_of(), cpu=ConstantTime(1))
    assert len(records) == len(records.slices) == 0


def test_rows_grow_with_the_queue(assert_same: Any) -> None:
    """Without detail the kernel begins with few columns; everything due at once fills many."""
    plan = single("m", batch_size=3, workers=5)
    plan = Plan(stages=(replace(plan.stages[0], adapt=True, combine_wait_us=0),), pools=plan.pools)
    trace = Trace(np.arange(4000) // 1000, np.random.default_rng(3).integers(1, 60, 4000))
    whole, brief = (
        Simulator({("m", "cpu"): LinearTime(10, 3)}, detail=detail).serve(trace, plan) for detail in (True, False)
    )
    np.testing.assert_array_equal(whole.finish_ns, brief.finish_ns)
    assert_same(whole, Simulator({("m", "cpu"): LinearTime(10, 3)}, kernel="reference").serve(trace, plan))


def test_what_decides_by_state_cannot_be_replayed() -> None:
    plan = single("m", batch_size=4, workers=2)
    plan = Plan(stages=(replace(plan.stages[0], adapt=True),), pools=plan.pools)
    records = Simulator({("m", "cpu"): ConstantTime(5)}).serve(trace_of((0, 9)), plan)
    with pytest.raises(BadInputError, match="cannot be replayed"):
        replay(trace_of((0, 9)), plan, records)
