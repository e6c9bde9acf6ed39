import itertools
from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError, InfeasibleError
from tailrank.tuner.explore import (
    Asked,
    Explored,
    Explorer,
    Point,
    Space,
    dominated_by,
    front,
    funnels,
    iso_latency,
    iso_load,
    iso_quality,
    plan_of,
    reason,
    values,
)

Make = Callable[..., Explorer]


@pytest.fixture(scope="module")
def explored(explorer_of: Make, space: Space) -> Explored:
    return explorer_of(space).explore()


def brute_force(explorer: Explorer) -> list[Point]:
    """Simulate every funnel of the space with every pool and every batch size."""
    arithmetic, found = explorer.bench.arithmetic, []
    every, quality = explorer.rate()
    explorer.load_qps = 100.0
    for funnel, rated in zip(every, quality, strict=True):
        for way in {each[:3] for each in arithmetic.options(funnel)}:
            found += [
                explorer.measure(funnel, float(rated), arithmetic.option(funnel, *way, batches))
                for batches in itertools.product(*(arithmetic.sizes_for(items) for items in funnel.items))
            ]
    return found


def test_the_choice_is_nearly_the_best_of_all_plans_within_the_floor(explorer_of: Make, space: Space) -> None:
    small = replace(space, take=(256,), keep=(96, 24), sharing=("shared",))
    found = explorer_of(small, drop=0.1).explore()
    every = brute_force(explorer_of(small, drop=0.1))
    best = max(each.capacity_qps for each in every if each.quality >= found.floor)
    rated = next(each for each in every if each.plan == found.chosen.plan)
    assert rated.quality >= found.floor
    assert rated.capacity_qps >= 0.97 * best  # plans within a few per cent are told apart by other queries


def test_every_funnel_has_the_quality_of_its_own_funnel(explored: Explored, space: Space) -> None:
    assert explored.counts.funnels == len(funnels(space)) == len(explored.funnels) == len(explored.qualities)
    known = dict(zip(explored.funnels, explored.qualities.tolist(), strict=True))
    assert all(each.quality == known[each.funnel] for each in explored.points if each.feed != "share")


def test_the_front_is_the_front_of_what_was_simulated(explored: Explored) -> None:
    table = values(explored.points, explored.asked.objectives)
    best = values(explored.front, explored.asked.objectives)
    assert len(front(best)) == len(best)
    able = np.array([each.capacity_qps > 0 for each in explored.points])
    assert dominated_by(table[able], best).all()
    assert explored.knee in explored.front


def test_the_floor_is_relative_to_the_best_single_stage(explored: Explored, space: Space) -> None:
    singles = [q for each, q in zip(explored.funnels, explored.qualities, strict=True) if len(each.items) == 1]
    assert explored.reference_quality == max(singles)
    assert explored.floor == pytest.approx(max(singles) * 0.995)
    assert explored.best_single.stages == 1
    assert explored.best_single.quality >= explored.floor
    assert explored.chosen.quality >= explored.floor


def test_a_funnel_beats_the_best_single_stage_where_the_cheap_network_sorts_out_most(explored: Explored) -> None:
    assert explored.chosen.stages > 1
    assert explored.chosen.capacity_qps > explored.best_single.capacity_qps


def test_the_same_question_has_the_same_answer(explorer_of: Make, space: Space, explored: Explored) -> None:
    again = explorer_of(space).explore()
    assert again.chosen.plan == explored.chosen.plan
    assert [each.plan for each in again.front] == [each.plan for each in explored.front]


def test_every_plan_is_accounted_for(explored: Explored) -> None:
    counts = explored.counts
    assert counts.below < counts.funnels
    assert counts.simulated == len(explored.points) > 0
    assert counts.funnels_per_second > 0
    assert counts.outranked <= counts.plans
    assert counts.simulator_runs >= counts.simulated


def test_what_no_plan_meets_is_said(explorer_of: Make, space: Space) -> None:
    with pytest.raises(InfeasibleError, match=r"no funnel of the space with quality of at least .* meets p95 <= 0.05"):
        explorer_of(space, latency_ms=0.05).explore()


def test_a_load_is_kept(explorer_of: Make, space: Space) -> None:
    found = explorer_of(replace(space, stages=(1,)), load_qps=50.0).explore()
    assert found.load_qps == 50.0
    assert all(np.isfinite(each.tail_ms) for each in found.front)


def test_shares_are_rated_and_exact_feeding_keeps_the_quality(explorer_of: Make, space: Space) -> None:
    small = replace(space, take=(256,), keep=(96, 24), stages=(1, 2), feeds=("whole", "share", "exact"))
    found = explorer_of(small).explore()
    quality = {(each.funnel, each.option, each.feed): each.quality for each in found.points}
    fed = [key for key in quality if key[2] == "exact"]
    assert fed
    assert all(quality[key] == quality[*key[:2], "whole"] for key in fed)
    assert any(quality[*key[:2], "share"] != quality[key] for key in fed)
    plans = [each.plan for each in found.points if each.feed == "share"]
    assert all(plan.stages[0].feed == "share" and plan.stages[1].feed == "whole" for plan in plans)


def test_a_plan_says_what_the_funnel_is(explored: Explored, space: Space) -> None:
    for each in explored.points:
        plan = each.plan
        assert plan.take == each.funnel.items[0]
        assert tuple(stage.model for stage in plan.stages) == each.funnel.networks
        assert tuple(stage.keep for stage in plan.stages) == (*each.funnel.items[1:], space.results)
        assert sum(pool.workers for pool in plan.pools.values()) == 3
        assert plan == plan_of(space, each.funnel, each.option, feed=each.feed)


def test_questions_are_answered_by_the_best_of_the_points(explored: Explored) -> None:
    for stages, answer in iso_quality(explored.points, explored.floor).items():
        among = [each for each in explored.points if each.stages == stages and each.quality >= explored.floor]
        assert answer["capacity"].capacity_qps == max(each.capacity_qps for each in among)
        assert answer["latency"].tail_ms == min(each.tail_ms for each in among)
    for stages, answer in iso_load(explored.points, explored.load_qps, 20.0).items():
        assert answer["quality"].capacity_qps >= explored.load_qps
        assert answer["quality"].stages == stages
    for answer in iso_latency(explored.points, 5.0).values():
        assert answer["quality"].tail_ms <= 5.0
    assert iso_quality(explored.points, 2.0) == {}


def test_reasons_name_what_a_point_is_best_at(explored: Explored) -> None:
    objectives = explored.asked.objectives
    said = [reason(each, explored.front, objectives) for each in explored.front]
    table = values(explored.front, objectives)
    assert "highest quality of all" in said[int(np.argmax(table[:, 0]))]
    assert "lowest latency of all" in said[int(np.argmax(table[:, 1]))]
    assert "highest capacity of all" in said[int(np.argmax(table[:, 2]))]
    assert "equals another point" not in said


@pytest.mark.parametrize("wrong", [{"objectives": ()}, {"objectives": ("speed",)}, {"drop": 1.0}])
def test_impossible_questions_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        Asked(**wrong)  # type: ignore[arg-type]


def test_costs_are_of_the_capacity(explorer_of: Make, space: Space) -> None:
    asked = {"objectives": ("quality", "cost"), "price_per_hour": 3.6}
    found = explorer_of(replace(space, stages=(1,)), **asked).explore()
    assert all(each.cost == pytest.approx(1e3 / each.capacity_qps) for each in found.points if each.capacity_qps > 0)


def test_without_single_stages_there_is_nothing_to_compare_with(explorer_of: Make, space: Space) -> None:
    with pytest.raises(BadInputError, match="single stages"):
        explorer_of(replace(space, stages=(2,))).explore()
