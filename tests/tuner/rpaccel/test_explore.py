import itertools

import numpy as np
import pytest

from tailrank.accelerator import evaluate
from tailrank.core import BadInputError
from tailrank.tuner.explore import front
from tailrank.tuner.rpaccel.choices import planted
from tailrank.tuner.rpaccel.costs import family_costs
from tailrank.tuner.rpaccel.explore import Explored, Limits, _design, _families, _front, explore
from tailrank.tuner.rpaccel.quality import Qualities, qualities
from tailrank.tuner.rpaccel.space import Space

SMALL = Space(
    funnels=(("rm-large",), ("rm-small", "rm-large")),
    take=(512,),
    keep=(64, 128),
    results=32,
    sub_arrays=("32x32", "32x64", "64x64", "128x128"),
    servers=(1, 2, 4),
    bandwidth=(0.25, 0.6),
    cache=(0.3, 0.8),
    embedding_mib=(8, 16),
    parts=(1, 2, 3),
    bins=(16, 64),
)


@pytest.fixture(scope="module")
def quality() -> Qualities:
    return qualities(planted(queries=40, items=512), SMALL)


@pytest.fixture(scope="module")
def found(quality: Qualities) -> Explored:
    return explore(SMALL, quality, Limits(), ("latency", "capacity", "energy"))


def test_tabulated_costs_are_those_of_the_model() -> None:
    rng = np.random.default_rng(0)
    checked = 0
    for family in _families(SMALL):
        costs = family_costs(SMALL, family.chip, family.networks, family.items, family.ways)
        for place in rng.integers(0, int(np.prod(family.shape)), 12).tolist():
            at = np.unravel_index(place, family.shape)
            if len(family.networks) == 1 and SMALL.parts[at[3]] > 1:
                continue
            exact = evaluate(_design(SMALL, family, place))
            assert costs.latency_ms[at] == pytest.approx(exact.latency_ns / 1e6, rel=1e-12)
            assert costs.capacity_qps[at] == pytest.approx(exact.capacity_qps, rel=1e-12)
            assert costs.energy_mj[at] == pytest.approx(exact.energy.total_mj, rel=1e-9)
            checked += 1
    assert checked > 40


def test_the_front_is_that_of_every_design(found: Explored, quality: Qualities) -> None:
    every = []
    for family in _families(SMALL):
        for place in range(0, int(np.prod(family.shape))):
            at = np.unravel_index(place, family.shape)
            if len(family.networks) == 1 and (SMALL.parts[at[3]] > 1 or at[4] > 0):
                continue
            if place % 7 == 0:  # a part of them: each costs a run of the model
                result = evaluate(_design(SMALL, family, place))
                every.append((result.latency_ns, result.capacity_qps, result.energy.total_mj))
    best = np.array([(p.found.latency_ns, p.found.capacity_qps, p.found.energy.total_mj) for p in found.points])
    signs = np.array([-1.0, 1.0, -1.0])
    for each in every:
        assert not np.any(np.all(signs * np.array(each) >= signs * best * (1 + 1e-9 * signs), axis=1))
    assert found.feasible == found.designs > len(found.points)
    assert {name for point in found.points for name in point.best_at} == {"latency", "capacity", "energy"}
    assert sum(point.knee for point in found.points) == 1


def test_sampling_drops_only_what_is_dominated() -> None:
    rng = np.random.default_rng(1)
    points = rng.integers(0, 60, (5000, 3)).astype(float)
    kept = {tuple(row) for row in points[_front(points)].tolist()}
    assert kept == {tuple(row) for row in points[front(points)].tolist()}


def test_limits_bind(found: Explored, quality: Qualities) -> None:
    areas = sorted(point.found.area.total for point in found.points)
    limited = explore(SMALL, quality, Limits(area_mm2=areas[0]), ("latency", "capacity", "energy"))
    assert max(point.found.area.total for point in limited.points) <= areas[0]
    best = max(quality.of.values())
    choosy = explore(SMALL, quality, Limits(quality=best))
    assert {point.quality for point in choosy.points} == {best}
    assert choosy.feasible < found.feasible
    fast = explore(SMALL, quality, Limits(capacity_qps=8000.0))
    assert min(point.found.capacity_qps for point in fast.points) >= 8000.0


@pytest.mark.parametrize(
    ("limits", "words"),
    [(Limits(quality=1.1), "limits"), (Limits(area_mm2=1.0), "limits"), (Limits(power_mw=1.0), "limits")],
)
def test_nothing_within_the_limits_is_said(quality: Qualities, limits: Limits, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        explore(SMALL, quality, limits)


def test_unknown_objectives_and_networks_are_refused(quality: Qualities) -> None:
    with pytest.raises(BadInputError, match="beauty"):
        explore(SMALL, quality, Limits(), ("beauty",))  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="no scores"):
        qualities(planted(queries=8, items=128), Space(funnels=(("dien",),), take=(64,)))
    with pytest.raises(BadInputError, match="take"):
        qualities(planted(queries=8, items=128), Space(funnels=(("rm-large",),)))


def test_quality_is_of_the_same_queries_and_falls_with_fewer_kept(quality: Qualities) -> None:
    funnel = ("rm-small", "rm-large")
    for bins, parts in itertools.product(SMALL.bins, SMALL.parts):
        assert quality.of[funnel, (512, 64), bins, parts] <= quality.of[funnel, (512, 128), bins, parts] + 0.01
    assert quality.best_single == quality.of[("rm-large",), (512,), 16, 1]
