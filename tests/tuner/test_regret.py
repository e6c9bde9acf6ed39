"""Regret against plants whose capacity is known, and against the plain way of measuring every plan."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, Pool, Stage, Trace, stream
from tailrank.metrics import Interval, SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime
from tailrank.tuner import (
    Candidate,
    Replication,
    Search,
    capacity,
    climb,
    exhaust,
    fresh_ratio,
    full_batches,
    full_thresholds,
    plan_grid,
    regret,
)
from tailrank.tuner.bounds import Bounds
from tailrank.tuner.stable import Stable

FIXED = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TARGET = SLATarget(latency_ms=10)
PLAN = Plan(
    stages=(Stage(model="m", batch_size=64),), pools={"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="cuda")}
)
SMALL = plan_grid(PLAN, (1, 8, 64), (100, 400), pool="gpu")


def test_the_grid_of_the_study():
    assert full_batches() == (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
    assert full_batches(7) == (1, 2, 3, 4, 6)
    assert full_thresholds(100) == (32, 64, 96)
    grid = plan_grid(PLAN, full_batches(), full_thresholds(1000), pool="gpu")
    assert len(grid) == len({repr(each) for each in grid}) == 20 * 32
    assert {each.stages[0].offload_at for each in grid} == {None, *range(32, 1001, 32)}


@pytest.fixture
def world(cliffs, cliff):
    """Repetitions whose capacity is a function of the plan, and a search that knows the first plans of the grid."""

    def make(qps: Callable[[Plan], float], known: int = 1) -> tuple[list[Replication], Search]:
        base = [each.trace for each in cliffs([1.0, 1.0])]
        replications = [Replication(cliff(qps), trace) for trace in base]
        candidates = [Candidate(each, capacity(replications, each, TARGET), "batch size") for each in SMALL[:known]]
        best = max(candidates, key=lambda each: each.capacity.qps)
        return replications, Search(best, tuple(candidates))

    return make


@FIXED
@given(st.lists(st.floats(50, 5000), min_size=len(SMALL), max_size=len(SMALL)))
def test_the_best_is_that_of_measuring_every_plan_for_fewer_runs(world, loads):
    replications, first = world(lambda plan: loads[SMALL.index(plan)])
    found = exhaust(replications, SMALL, TARGET, first=first)
    plain = [capacity(replications, each, TARGET) for each in SMALL]
    assert found.best.capacity.qps == max(each.qps for each in plain)
    assert (found.plans, found.known, found.bounded) == (len(SMALL), 1, 0)
    assert found.known + found.measured + found.refused == len(SMALL)
    assert found.probes <= sum(each.probes for each in plain) + 2 * len(SMALL)


def test_a_climb_on_the_peak_has_none_and_is_confirmed_by_a_probe_a_repetition(world):
    replications, first = world(lambda plan: 2000.0 if plan == SMALL[0] else 700.0)
    found = exhaust(replications, SMALL, TARGET, first=first)
    assert (found.refused, found.measured, found.probes) == (len(SMALL) - 1, 0, 2 * (len(SMALL) - 1))
    lost = regret(first, found)
    assert (lost.regret, lost.fresh, lost.evaluations, lost.exhaustive) == (0.0, None, 1, len(SMALL))
    assert (lost.climb_batch_size, lost.climb_offload_at) == (lost.best_batch_size, lost.best_offload_at) == (1, None)


def test_what_is_lost_is_a_share_of_the_best(world):
    replications, first = world(lambda plan: 800.0 if plan == SMALL[4] else 600.0)
    found = exhaust(replications, SMALL, TARGET, first=first)
    asked: list[Plan] = []

    def fresh(best: Plan) -> Interval:
        asked.append(best)
        return Interval(0.75, 0.7, 0.8)

    lost = regret(first, found, fresh=fresh)
    assert found.best.plan == SMALL[4]
    assert lost.regret == pytest.approx(0.25, abs=0.01)
    assert lost.regret == 1 - lost.climb_qps / lost.best_qps
    assert (lost.best_batch_size, lost.best_offload_at) == (8, 100)
    assert lost.fresh == Interval(0.75, 0.7, 0.8)
    assert asked == [SMALL[4]]


def test_plans_that_cannot_do_the_work_are_left_out_and_some_of_them_tried(world):
    replications, first = world(lambda plan: 1000.0 if plan == SMALL[0] else 300.0)
    found = exhaust(replications, SMALL, TARGET, first=first, bound=lambda _: 500.0, audit=2)
    assert (found.bounded, found.audited, found.measured, found.refused) == (len(SMALL) - 1, 2, 0, 0)
    assert found.probes == 2 * 2


def test_a_bound_just_above_or_below_the_best_leaves_nothing_out(world):
    replications, first = world(lambda plan: 1000.0 if plan == SMALL[0] else 300.0)
    assert exhaust(replications, SMALL, TARGET, first=first, bound=lambda _: 960.0).bounded == 0


def test_a_bound_that_is_wrong_is_found_out(world):
    replications, first = world(lambda plan: 1000.0 if plan != SMALL[5] else 3000.0)
    with pytest.raises(ValueError, match="bounded by"):
        exhaust(replications, SMALL, TARGET, first=first, bound=lambda _: 10.0, audit=len(SMALL))


def test_a_grid_that_never_meets_the_target_has_no_regret(world, measured):
    replications, first = world(lambda _: 500.0)
    found = exhaust(replications, SMALL, TARGET, first=first)
    nothing = dataclasses.replace(found, best=Candidate(SMALL[0], measured(0.0), ""))
    with pytest.raises(BadInputError, match="no plan of the grid"):
        regret(first, nothing)


SERVICES = {"cpu": LinearTime(100_000, 10_000), "gpu": LinearTime(400_000, 1000)}


def simulated(seeds: range) -> list[Replication]:
    services = {("m", pool): service for pool, service in SERVICES.items()}
    found = []
    for seed in seeds:
        rng = stream(seed, "regret")
        trace = Trace(np.cumsum(rng.exponential(1e6, 3000)).astype(np.int64), rng.integers(1, 500, 3000))
        found.append(Replication(Stable(Simulator(services, detail=False)), trace))
    return found


def test_in_the_simulator_bounds_and_refusals_change_nothing():
    """The shortened way finds the plan that measuring all of them finds."""
    replications = simulated(range(2))
    grid = plan_grid(PLAN, (4, 16, 64, 256), (64, 128, 256), pool="gpu")

    def capacity_of(plan: Plan):
        return capacity(replications, plan, TARGET)

    first = climb(capacity_of, PLAN, batches=(4, 16), thresholds=(128,), offload_pool="gpu", refine=False)
    bounds = Bounds(replications[0].trace.size, SERVICES, {"cpu": 4, "gpu": 1})
    found = exhaust(replications, grid, TARGET, first=first, bound=bounds.most_qps, audit=20)
    best = max(capacity_of(each).qps for each in grid)
    assert found.best.capacity.qps >= best
    assert found.bounded > 0
    assert found.audited == found.bounded


def test_on_fresh_queries_a_worse_plan_is_worse():
    good, bad = PLAN, plan_grid(PLAN, (8,))[0]
    ratio = fresh_ratio(simulated(range(50, 53)), bad, good, TARGET)
    assert ratio.high < 1
    same = fresh_ratio(simulated(range(50, 53)), good, good, TARGET)
    assert same.low <= 1 <= same.high
