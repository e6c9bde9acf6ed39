from typing import Any

import pytest

from tailrank.datasets.score_tables import ScoreTables
from tailrank.tuner.recpipe.checks import of_latency, of_logged_quality, of_quality
from tailrank.tuner.recpipe.latency import replay
from tailrank.tuner.recpipe.logged import ranked
from tailrank.tuner.recpipe.quality import measure


@pytest.fixture(scope="module")
def found(tables: ScoreTables) -> dict[str, Any]:
    return measure(tables, seed=1)


def test_the_artifacts_own_ndcg_holds_all_of_check_10() -> None:
    lines = of_logged_quality({each.funnel: each.ndcg for each in ranked() if each.run != "7"})
    assert [each["holds"] for each in lines] == [True] * 5


def test_each_line_of_check_10_follows_its_numbers(found: dict[str, Any]) -> None:
    def holds(**changed: Any) -> list[bool | None]:
        return [each["holds"] for each in of_quality("planted", found | changed)]

    assert holds()[:2] == [True, True]
    assert holds(effects={"ndcg": {"items_points": 31.0, "model_points": 1.2}})[2] is True
    assert holds(effects={"ndcg": {"items_points": 11.0, "model_points": 1.2}})[2] is False
    falling = [row | {"ndcg": 1 - row["ndcg"]} for row in found["single"]]
    assert holds(single=falling)[0] is False


@pytest.mark.parametrize(
    ("kept", "two", "expected"),
    [
        ([0.05, -0.2, 0.3], [0.4, 0.3, 0.5], (True, True)),
        ([-0.5, -0.8, -0.2], [-0.5, -0.8, -0.2], (False, False)),
        ([-0.5, -1.0, 0.1], [-0.5, -1.0, 0.1], (None, None)),
        ([0.5, 0.3, 0.8], [0.0, 0.0, 0.0], (False, True)),
    ],
)
def test_differences_hold_fail_or_cannot_be_told(
    found: dict[str, Any], kept: list[float], two: list[float], expected: tuple[bool | None, bool | None]
) -> None:
    pairs = {"two_less_one": {"512": two}, "best_two_less_one": {}, "keep_few_less_many": kept}
    lines = of_quality("planted", found | {"checks": found["checks"] | {"ndcg": pairs}})
    assert (lines[3]["holds"], lines[4]["holds"]) == expected


@pytest.mark.parametrize(
    ("interval", "expected"), [([0.5, 0.1, 0.9], True), ([0.5, -0.1, 1.0], None), ([-1, -2, -0.5], False)]
)
def test_models_rise_only_beyond_chance(found: dict[str, Any], interval: list[float], expected: bool | None) -> None:
    changed = found["checks"] | {"model_steps": {"rm-med over rm-small": interval}}
    assert of_quality("planted", found | {"checks": changed})[1]["holds"] is expected


def test_few_candidates_leave_funnels_open(found: dict[str, Any]) -> None:
    pairs = {"two_less_one": {}, "best_two_less_one": {}}
    lines = of_quality("planted", found | {"checks": found["checks"] | {"ndcg": pairs}})
    assert [each["holds"] for each in lines[3:]] == [None, None]


def test_check_13_of_the_artifacts_times() -> None:
    capacities = {"one": 100.0, "two": 300.0, "three": 200.0}
    cells = replay((1, 2))
    lines = of_latency(cells, 1.4, capacities)
    assert len(lines) == 8
    assert {each["check"] for each in lines} == {13}
    at_low, at_high, three = (each["holds"] for each in lines[:3])
    assert at_low is True
    assert three is True
    assert at_high is False  # beyond what the logged times allow: see docs/reproductions/recpipe.md
    worse = of_latency(cells, 14.0, capacities | {"three": 400.0})
    assert [worse[number]["holds"] for number in (3, 6, 7)] == [False, False, False]
