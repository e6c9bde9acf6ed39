import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, InfeasibleError, Plan, Pool, Stage
from tailrank.metrics import SLATarget
from tailrank.tuner import Replication, batch_sizes, capacity, climb, offload_thresholds

FIXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BOTH = Plan(
    stages=(Stage(model="m", batch_size=64),), pools={"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="gpu")}
)
SIZES, THRESHOLDS = batch_sizes(1000), offload_thresholds(1000)


def hill(peak: float) -> Callable[[int], float]:
    """Unimodal over the logarithm of a knob, 1 at `peak`."""
    return lambda value: 1 / (1 + 0.3 * abs(math.log2(value / peak)))


@pytest.fixture
def plant(measured):
    """A noise-free plant: capacity as a function of batch size and threshold; keeps the plans it was asked for."""

    def make(qps: Callable[[int, int | None], float]):
        asked: list[Plan] = []

        def capacity_of(plan: Plan):
            asked.append(plan)
            stage = plan.stages[0]
            return measured(float(qps(stage.batch_size, stage.offload_at)))

        capacity_of.asked = asked
        return capacity_of

    return make


@FIXED
@given(st.sampled_from(SIZES))
def test_the_peak_of_a_hill_is_found(plant, peak):
    shape = hill(peak)
    search = climb(plant(lambda batch, _: 1000 * shape(batch)), BOTH, batches=SIZES)
    assert search.best.plan.stages[0].batch_size == peak


@FIXED
@given(st.floats(1, 1024), st.floats(1, 1000))
def test_refining_lands_within_one_refined_step(plant, batch, threshold):
    by_batch, by_threshold = hill(batch), hill(threshold)

    def qps(size, offload_at):
        return 1000 * by_batch(size) * (0.5 if offload_at is None else by_threshold(offload_at))

    search = climb(plant(qps), BOTH, batches=SIZES, thresholds=THRESHOLDS, offload_pool="gpu")
    found = search.best.plan.stages[0]
    assert 1 / 2 < found.batch_size / batch < 2
    assert found.offload_at is not None
    assert 1 / 2 < found.offload_at / threshold < 2


@FIXED
@given(st.lists(st.floats(1, 1e4), min_size=len(SIZES), max_size=len(SIZES)))
def test_every_listed_value_is_measured_once_whatever_the_shape(plant, loads):
    # A climb that stops at the first fall misses every optimum behind a dip.
    by_size = dict(zip(SIZES, loads, strict=True))
    capacity_of = plant(lambda batch, _: by_size[batch])
    search = climb(capacity_of, BOTH, batches=SIZES, refine=False)
    assert [plan.stages[0].batch_size for plan in capacity_of.asked] == list(SIZES)
    assert search.best.capacity.qps == pytest.approx(max(loads))
    assert all(each.phase == "batch size" for each in search.candidates)


def test_no_plan_is_measured_twice(plant):
    capacity_of = plant(lambda batch, at: 100 if at is None else 200)
    climb(capacity_of, BOTH, batches=(4, 4, 64, 4), thresholds=(8, 8), offload_pool="gpu")
    asked = [(plan.stages[0].batch_size, plan.stages[0].offload_at) for plan in capacity_of.asked]
    assert len(asked) == len(set(asked))


def test_the_first_threshold_can_win(plant):
    # The published scheduler never applies the first value of its list, so it cannot find this optimum.
    capacity_of = plant(lambda batch, at: 100 if at is None else 500 if at == THRESHOLDS[0] else 200)
    search = climb(capacity_of, BOTH, batches=(32, 64), thresholds=THRESHOLDS, offload_pool="gpu")
    assert search.best.plan.stages[0].offload_at == THRESHOLDS[0]


def test_every_threshold_is_measured(plant):
    capacity_of = plant(lambda batch, at: 100 if at is None else at)
    climb(capacity_of, BOTH, batches=(64,), thresholds=THRESHOLDS, offload_pool="gpu", refine=False)
    assert {plan.stages[0].offload_at for plan in capacity_of.asked} == {None, *THRESHOLDS}


@pytest.mark.parametrize("worth", [0.999, 1.0])
def test_a_useless_accelerator_is_left_alone(plant, worth):
    capacity_of = plant(lambda batch, at: 1000 * (1 if at is None else worth))
    search = climb(capacity_of, BOTH, batches=SIZES, thresholds=THRESHOLDS, offload_pool="gpu")
    stage = search.best.plan.stages[0]
    assert stage.offload_at is None
    assert stage.offload_pool is None


def test_the_batch_size_is_tried_again_at_the_threshold(plant):
    # With the large queries gone, small batches lose their point.
    capacity_of = plant(lambda batch, at: 1000 * hill(4)(batch) if at is None else 4000 * hill(256)(batch))
    search = climb(capacity_of, BOTH, batches=SIZES, thresholds=(300,), offload_pool="gpu")
    assert search.best.plan.stages[0].batch_size == 256
    assert search.best.phase == "batch size at the threshold"


def test_an_accelerator_can_save_a_plan_that_the_cpu_cannot_meet(measured):
    def capacity_of(plan: Plan):
        stage = plan.stages[0]
        return measured(0.0, smallest_ms=100 + stage.batch_size) if stage.offload_at is None else measured(10.0)

    search = climb(capacity_of, BOTH, batches=(1, 8, 64), thresholds=(1, 100), offload_pool="gpu")
    assert search.best.plan.stages[0].offload_at is not None


def test_nothing_meets_the_target(measured):
    goal = SLATarget(percentile=99, latency_ms=20)

    def capacity_of(plan: Plan):
        return measured(0.0, smallest_ms=30 + abs(plan.stages[0].batch_size - 8), target=goal)

    with pytest.raises(InfeasibleError, match=r"p99 <= 20 ms; the fastest \(batch size 8\) takes 30 ms") as caught:
        climb(capacity_of, BOTH, batches=SIZES)
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_infeasible_is_decided_by_serving_at_near_zero_load(cliffs, plan):
    replications = cliffs([900.0, 900.0], unloaded_ms=120.0)
    with pytest.raises(InfeasibleError, match="takes 120 ms even at near-zero load"):
        climb(lambda each: capacity(replications, each, SLATarget(latency_ms=100)), plan, batches=(1, 2, 4))
    for system, _ in replications:
        assert [asked.offered_qps for asked in system.asked] == pytest.approx([0.1] * 3)  # one for each candidate


def test_when_everything_fails_no_latency_is_claimed(measured):
    with pytest.raises(InfeasibleError, match="too many queries fail"):
        climb(lambda _: measured(0.0, smallest_ms=math.inf), BOTH, batches=(1,))


def test_plans_within_the_paired_interval_tie(measured):
    rng = np.random.default_rng(11)
    luck = 1 + 0.1 * rng.standard_normal(8)
    own = {size: 1 + 0.001 * rng.standard_normal(8) for size in (16, 32, 64)}
    worth = {16: 800.0, 32: 1000.0, 64: 1001.0}

    def capacity_of(plan: Plan):
        size = plan.stages[0].batch_size
        return measured((worth[size] * luck * own[size]).tolist())

    search = climb(capacity_of, BOTH, batches=(16, 32, 64), refine=False)
    # 0.1 % apart is within the search tolerance; 20 % apart stands out, though luck alone moves either by 10 %.
    assert {each.plan.stages[0].batch_size for each in (search.best, *search.ties)} == {32, 64}


def test_a_plan_measured_on_fewer_queries_must_win_clearly(measured):
    def best(short: list[float]) -> int:
        def capacity_of(plan: Plan):
            if plan.stages[0].batch_size == 1:
                return replace(measured(short), queries=300)
            return measured([98.0, 100.0, 102.0])

        return climb(capacity_of, BOTH, batches=(1, 64), refine=False).best.plan.stages[0].batch_size

    assert best([80.0, 140.0, 95.0]) == 64  # a higher mean, but by luck
    assert best([118.0, 120.0, 122.0]) == 1


def test_noise_moves_the_choice_by_one_step_at_most(cliff, make_trace, plan):
    shape = hill(64)

    def tuned(seed: int) -> int:
        rng = np.random.default_rng(seed)
        own = {size: 1 + 0.02 * rng.standard_normal(4) for size in SIZES}
        replications = [
            Replication(
                cliff(
                    lambda each, number=number: (
                        500 * shape(each.stages[0].batch_size) * own[each.stages[0].batch_size][number]
                    )
                ),
                make_trace(number, 400),
            )
            for number in range(4)
        ]
        goal = SLATarget(latency_ms=50)
        return (
            climb(lambda each: capacity(replications, each, goal), plan, batches=SIZES, refine=False)
            .best.plan.stages[0]
            .batch_size
        )

    # A step away from the peak loses 23 %, 33 standard errors of a mean of four.
    assert {tuned(seed) for seed in range(5)} <= {32, 64, 128}


def test_a_funnel_is_tuned_stage_by_stage(plant, measured):
    funnel = Plan(stages=(Stage(model="a", batch_size=4, keep=50), Stage(model="b", batch_size=4)), pools=BOTH.pools)

    def capacity_of(plan: Plan):
        return measured(1000 * hill(16)(plan.stages[1].batch_size))

    search = climb(capacity_of, funnel, batches=SIZES, stage=1)
    assert search.best.plan.stages[0] == funnel.stages[0]
    assert search.best.plan.stages[1].batch_size == 16


def test_what_cannot_be_searched_is_named(plant):
    capacity_of = plant(lambda *_: 1.0)
    with pytest.raises(BadInputError, match="no batch sizes"):
        climb(capacity_of, BOTH, batches=())
    with pytest.raises(BadInputError, match="no pool to offload to"):
        climb(capacity_of, BOTH, batches=(1,), thresholds=(1,))
    with pytest.raises(BadInputError, match="0 is too small"):
        climb(capacity_of, BOTH, batches=(0, 1))
    assert capacity_of.asked == []


def test_find(plant, plan):
    search = climb(plant(lambda *_: 1.0), plan, batches=(1, 2), refine=False)
    assert search.find(search.candidates[1].plan) is search.candidates[1]
    assert search.find(BOTH) is None
