"""Policies around a plan: what is tried, and that luck is not taken for a gain."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime
from tailrank.tuner import Capacity, Replication, capacity, label, try_policies, without_policies
from tailrank.tuner.policies import POLICIES, policy_plans
from tailrank.workload import Workload

LARGEST = 1000
POOLS = {"cpu": Pool(workers=8), "gpu": Pool(workers=1, device="cuda")}
PLAIN = Plan(stages=(Stage(model="m", batch_size=64),), pools={"cpu": POOLS["cpu"]})
BOTH = Plan(stages=(Stage(model="m", batch_size=64, offload_at=200, offload_pool="gpu"),), pools=POOLS)


@pytest.mark.parametrize("policy", [each for each in POLICIES if each != "together"])
def test_every_plan_of_a_policy_has_it_on_and_is_valid(policy: str) -> None:
    plans = policy_plans(policy, BOTH, largest=LARGEST)
    assert len({repr(each) for each in plans}) == len(plans) > 1
    for plan in plans:
        stage = plan.stages[0]
        assert stage.dynamic
        assert {"queue-aware": stage.queue_aware, "adapt": stage.adapt, "combine": stage.combine_wait_us is not None}[
            policy
        ]
        assert without_policies(plan).stages[0].model == "m"
        assert not without_policies(plan).dynamic


def test_without_a_second_pool_no_query_can_choose() -> None:
    assert policy_plans("queue-aware", PLAIN, largest=LARGEST) == []
    assert policy_plans("together", PLAIN, largest=LARGEST) == []
    assert policy_plans("adapt", PLAIN, largest=LARGEST)
    with pytest.raises(BadInputError, match="unknown policy"):
        policy_plans("wise", PLAIN, largest=LARGEST)


def test_together_joins_what_won_alone() -> None:
    chosen = {name: policy_plans(name, BOTH, largest=LARGEST)[0] for name in ("queue-aware", "adapt", "combine")}
    stages = [plan.stages[0] for plan in policy_plans("together", BOTH, largest=LARGEST, chosen=chosen)]
    assert all(stage.queue_aware and stage.combine_wait_us is not None for stage in stages)
    assert {stage.adapt for stage in stages} == {True, False}


GOAL = SLATarget(latency_ms=20.0)
SERVICES = {("m", "cpu"): LinearTime(2e5, 2e4), ("m", "gpu"): LinearTime(1e6, 1e3)}


def measuring(seeds: range, factor: Callable[[Plan], float] = lambda plan: 1.0) -> Callable[[Plan], Capacity]:
    replications = [
        Replication(
            Simulator(SERVICES, seed=seed, detail=False),
            Workload().trace(1500, 100.0, 1, replication=seed),
        )
        for seed in seeds
    ]

    def measured(plan: Plan) -> Capacity:
        found = capacity(replications, plan, GOAL, tolerance=0.02, start_qps=2000.0)
        by = factor(plan)
        return replace(
            found,
            qps=by * found.qps,
            low_qps=by * found.low_qps,
            high_qps=by * found.high_qps,
            per_replication=tuple(by * each for each in found.per_replication),
        )

    return measured


def test_shared_batches_beside_a_strong_gpu_are_taken_and_measured_on_other_queries() -> None:
    found = try_policies(measuring(range(2)), measuring(range(2, 6)), BOTH, POOLS, largest=LARGEST)
    assert [each.policy for each in found.trials] == list(POLICIES)
    taken = found.taken
    assert taken is not None  # decision 9: 40 % beside a GPU that is worth twenty cores
    assert taken.candidate.plan.stages[0].combine_wait_us is not None
    assert taken.judged.low_qps > found.static.capacity.high_qps
    assert taken.gain.low > 1
    assert taken.judged.queries == 4 * 1500


def test_what_wins_on_the_queries_it_was_chosen_by_only_is_not_taken() -> None:
    lucky = measuring(range(2), lambda plan: 3.0 if plan.dynamic else 1.0)
    fresh = measuring(range(2, 5), lambda plan: 0.5 if plan.dynamic else 1.0)
    found = try_policies(lucky, fresh, PLAIN, PLAIN.pools, largest=LARGEST)
    assert [each.policy for each in found.trials] == ["adapt", "combine"]
    assert found.taken is None
    assert all(each.gain.value < 1 for each in found.trials)


def test_a_plan_with_policies_is_no_place_to_start() -> None:
    with pytest.raises(BadInputError, match="already"):
        try_policies(
            measuring(range(1)),
            measuring(range(1)),
            changed(PLAIN, stages=(changed(PLAIN.stages[0], adapt=True),)),
            PLAIN.pools,
            largest=LARGEST,
        )


def test_labels_name_what_is_on() -> None:
    stage = BOTH.stages[0]

    def told(**options: object) -> str:
        return label(changed(BOTH, stages=(changed(stage, **options),)))

    assert told() == "batch size 64, offload from 200"
    assert told(offload="queue-aware") == "batch size 64, offload from 200, queue-aware"
    assert told(adapt=True, least_batch=16) == "batch size 64, offload from 200, slices that adapt from 16"
    assert told(combine_wait_us=0) == "batch size 64, offload from 200, shared batches"
    assert told(combine_wait_us=500, offload_batch=512).endswith(
        "shared batches of up to 512 offloaded, 500 us of waiting"
    )
