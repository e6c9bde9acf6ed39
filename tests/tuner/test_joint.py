"""The joint climb on plants whose capacity is known for every pair."""

import math
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, InfeasibleError, Plan, Pool, Stage
from tailrank.metrics import SLATarget
from tailrank.tuner import (
    Candidate,
    Replication,
    capacity,
    climb,
    full_batches,
    full_thresholds,
    joint_climb,
    offload_thresholds,
    with_batch,
    with_threshold,
)
from tailrank.tuner.contest import Contest
from tailrank.tuner.joint import Plane, uphill

FIXED = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
BOTH = Plan(
    stages=(Stage(model="m", batch_size=64),), pools={"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="cuda")}
)
BATCHES, THRESHOLDS = full_batches(), full_thresholds(1000)
Surface = Callable[[int, int | None], float]


@pytest.fixture
def plant(measured):
    """A noise-free plant that keeps the plans it was asked for."""

    def make(qps: Surface):
        asked: list[Plan] = []

        def capacity_of(plan: Plan):
            asked.append(plan)
            stage = plan.stages[0]
            return measured(float(qps(stage.batch_size, stage.offload_at)))

        capacity_of.asked = asked
        return capacity_of

    return make


def distinct(plans: list[Plan]) -> int:
    return len({repr(plan) for plan in plans})


def ridge(batch: float, at: float) -> Surface:
    """A narrow hill around a pair: far from its threshold every batch size is nearly as bad as any other."""

    def qps(size: int, offload_at: int | None) -> float:
        across = abs(math.log2(size / batch))
        along = abs((1000 if offload_at is None else offload_at) - at) / 300
        return 1000 / (1 + across + along)

    return qps


def joint(capacity_of, **more):
    return joint_climb(capacity_of, BOTH, batches=BATCHES, thresholds=THRESHOLDS, offload_pool="gpu", **more)


@FIXED
@given(st.sampled_from(BATCHES), st.sampled_from(THRESHOLDS))
def test_the_peak_of_a_hill_is_found_wherever_it_is(plant, batch, at):
    capacity_of = plant(ridge(batch, at))
    found = joint(capacity_of, budget=200)
    assert (found.best.plan.stages[0].batch_size, found.best.plan.stages[0].offload_at) == (batch, at)


@FIXED
@given(st.sampled_from(BATCHES), st.sampled_from(THRESHOLDS), st.integers(1, 80))
def test_no_more_plans_than_the_budget_and_none_twice(plant, batch, at, budget):
    capacity_of = plant(ridge(batch, at))
    found = joint(capacity_of, budget=budget)
    assert distinct(capacity_of.asked) == len(capacity_of.asked) == len(found.candidates) <= budget
    assert found.best.capacity.qps == max(each.capacity.qps for each in found.candidates)


def test_a_pair_of_which_neither_half_is_good_alone_is_found(plant):
    """Small batches pay only where the large queries are gone, and no threshold pays with large batches."""

    def qps(size: int, at: int | None) -> float:
        plain = 500 / (1 + 0.3 * abs(math.log2(size / 512)))
        return plain if at is None else max(plain / 2, 900 - 60 * abs(math.log2(size / 4)) - abs(at - 480))

    capacity_of = plant(qps)
    first = climb(capacity_of, BOTH, batches=BATCHES, thresholds=offload_thresholds(1000), offload_pool="gpu")
    assert first.best.plan.stages[0].offload_at is None  # the one after the other walks past it
    after = joint(capacity_of, first=first, budget=120)
    stage = after.best.plan.stages[0]
    assert (stage.batch_size, stage.offload_at) == (4, 480)


def test_it_begins_where_the_first_search_ended_and_never_falls_below_it(plant):
    capacity_of = plant(ridge(48, 352))
    first = climb(capacity_of, BOTH, batches=(1, 32, 1024), thresholds=(1, 250, 1000), offload_pool="gpu")
    known = len(capacity_of.asked)
    after = joint(capacity_of, first=first)
    assert after.candidates[:known] == first.candidates
    assert after.best.capacity.qps >= first.best.capacity.qps
    assert distinct(capacity_of.asked) == len(capacity_of.asked)
    stage = after.best.plan.stages[0]
    assert (stage.batch_size, stage.offload_at) == (48, 352)


def test_a_spent_budget_returns_the_first_search(plant):
    capacity_of = plant(ridge(48, 352))
    first = climb(capacity_of, BOTH, batches=(1, 32, 1024), thresholds=(1, 250), offload_pool="gpu")
    assert joint(capacity_of, first=first, budget=1).candidates == first.candidates


def test_no_offload_is_a_neighbour_of_the_largest_threshold(plant):
    found = joint(plant(lambda size, at: 100 if at is not None else 300 - abs(size - 64)), budget=100)
    assert found.best.plan.stages[0].offload_at is None
    assert found.best.plan.stages[0].offload_pool is None
    assert found.best.plan.stages[0].batch_size == 64


def test_among_plans_that_miss_the_target_the_faster_leads_to_one_that_meets_it(measured):
    def capacity_of(plan: Plan):
        stage = plan.stages[0]
        slow = abs(math.log2(stage.batch_size / 8)) + (1000 if stage.offload_at is None else stage.offload_at) / 100
        return measured(10.0) if slow < 1 else measured(0.0, smallest_ms=100 + slow)

    found = joint(capacity_of)
    assert found.best.capacity.met
    assert found.best.plan.stages[0].batch_size in (6, 8, 12)


def test_nothing_meets_the_target(measured):
    with pytest.raises(InfeasibleError, match="no plan can meet"):
        joint(lambda _: measured(0.0, smallest_ms=500.0))


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"budget": 0}, "budget"),
        ({"batches": ()}, "batch sizes"),
        ({"thresholds": ()}, "thresholds"),
        ({"batches": (0, 1)}, "batch sizes"),
        ({"offload_pool": None}, "no pool"),
    ],
)
def test_unusable_arguments_are_refused(measured, more, named):
    given_ = {"batches": BATCHES, "thresholds": THRESHOLDS, "offload_pool": "gpu"} | more
    with pytest.raises(BadInputError, match=named):
        joint_climb(lambda _: measured(1.0), BOTH, **given_)


@pytest.fixture
def contest(cliffs, cliff):
    """A contest on a surface, led by the plan of a pair."""

    def make(qps: Surface, size: int, at: int | None) -> Contest:
        def truth(plan: Plan) -> float:
            return 10 * qps(plan.stages[0].batch_size, plan.stages[0].offload_at)

        replications = [Replication(cliff(truth), each.trace) for each in cliffs([1.0, 1.0], queries=400)]
        start = with_threshold(with_batch(BOTH, size), at, None if at is None else "gpu")
        target = SLATarget(latency_ms=10)
        return Contest(replications, target, Candidate(start, capacity(replications, start, target), "start"))

    return make


@FIXED
@given(st.sampled_from(BATCHES[4:]), st.sampled_from(THRESHOLDS[4:]), st.sampled_from((None, *THRESHOLDS)))
def test_uphill_ends_where_no_neighbour_is_better(contest, batch, at, begin):
    surface = ridge(batch, at)
    here = contest(surface, BATCHES[-1], begin)
    plane = Plane(BOTH, BATCHES, THRESHOLDS, "gpu", 0, here.best.plan)
    first = here.best.capacity.qps
    uphill(here, plane)
    assert here.best.capacity.qps >= first
    top = plane.cell(here.best.plan)
    around = [plane.plan_of(cell).stages[0] for _, cell in plane.around(top, (1, 1), (0, 1))]
    height = surface(here.best.plan.stages[0].batch_size, here.best.plan.stages[0].offload_at)
    assert max(surface(each.batch_size, each.offload_at) for each in around) <= height * 1.01


def test_uphill_serves_no_plan_that_bounds_rule_out(contest):
    here = contest(ridge(64, 320), 64, 320)
    here.bound = lambda plan: 0.0 if plan.stages[0].offload_at == 352 else 1e9
    uphill(here, Plane(BOTH, BATCHES, THRESHOLDS, "gpu", 0, here.best.plan))
    assert here.best.plan.stages[0].offload_at == 320
    assert here.served
    assert not any("offload_at=352" in name for name in here.served)


def test_without_thresholds_only_batch_sizes_are_walked(contest):
    here = contest(lambda size, at: 1000 / (1 + abs(math.log2(size / 48))), 8, None)
    plane = Plane(here.best.plan, BATCHES, (), None, 0, here.best.plan)
    assert plane.size == (len(BATCHES), 1)
    uphill(here, plane)
    assert here.best.plan.stages[0].batch_size == 48
    assert here.best.plan.stages[0].offload_at is None
