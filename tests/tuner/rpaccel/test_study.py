import json
from typing import Any

import pytest

from tailrank.accelerator import Design, evaluate, parse_stages
from tailrank.tuner.rpaccel import artifact_values, floorplan, funnel, pipelined, study
from tailrank.tuner.rpaccel.choices import BACK, FRONT, choices, planted
from tailrank.tuner.rpaccel.configurations import configurations


@pytest.fixture(scope="module")
def parts(quick_study: dict[str, Any]) -> dict[str, Any]:
    return quick_study


def test_it_is_the_same_each_time_and_plain_data(parts: dict[str, Any]) -> None:
    again = json.dumps(study(quick=True))
    assert json.dumps(parts) == again
    assert json.loads(again) == json.loads(json.dumps(parts, allow_nan=False))


def test_formulas_and_orderings_hold(parts: dict[str, Any]) -> None:
    holds = {row["id"]: row["holds"] for row in parts["checks"]}
    assert list(holds)[:8] == ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "B8"]
    exact = ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "C10", "C11", "C13", "C14", "C16", "D2", "D3"]
    assert {name: holds[name] for name in exact} == dict.fromkeys(exact, True)
    assert all(row["ours"] for row in parts["checks"])


def test_every_configuration_meets_every_load(parts: dict[str, Any]) -> None:
    loads = len(artifact_values().loads.qps)
    assert len(parts["configurations"]) == 2 * sum(len(configurations(depth)) for depth in (1, 2, 3)) == 80
    for row in parts["configurations"]:
        assert {len(row["p95_ms"][kind]) for kind in ("paper", "poisson")} == {loads}
        for kind in ("paper", "poisson"):
            assert all(ms >= row["latency_ms"] * (1 - 1e-6) for ms in row["p99_ms"][kind])
    assert len(parts["fig12"]) == 2 * 2 * 3 * loads


def test_the_best_configuration_is_none_worse_than_any(parts: dict[str, Any]) -> None:
    for best in parts["fig12"]:
        at = artifact_values().loads.qps.index(best["qps"])
        for row in parts["configurations"]:
            if (row["mode"], row["stages"]) == (best["mode"], best["stages"]) and row["stable"][best["arrivals"]][at]:
                assert best["stable"]
                assert best["p95_ms"] <= row["p95_ms"][best["arrivals"]][at]


def test_logged_and_ours_stay_apart(parts: dict[str, Any]) -> None:
    cells = [row for row in parts["fig14"] if row["artifact"] is not None]
    assert {row["device"] for row in cells} == {"CPU", "GPU", "RPAccel, released", "RPAccel, corrected"}
    alone = next(row for row in cells if (row["device"], row["stages"]) == ("CPU", 1))
    assert alone["artifact"] == {"low": 68.5, "medium": 88.4, "high": None}


def test_the_search_beats_equal_divisions(parts: dict[str, Any]) -> None:
    rows = parts["searched"]["rows"]
    papers = [row for row in rows if row["kind"] == "paper"]
    found = [row for row in rows if row["kind"] == "found"]
    assert [row["name"] for row in papers][:4] == ["(1, 1)", "(4, 4)", "(4, 16)", "(16, 16)"]
    assert max(row["capacity_qps"] for row in found) > max(row["capacity_qps"] for row in papers)
    assert sum(row["knee"] for row in found) == 1
    assert all(row["quality"] >= parts["searched"]["floor"] for row in found)


def test_a_floor_plan_covers_what_the_stages_have() -> None:
    design = Design(stages=parse_stages("rm-small:4096@4,rm-large:512@16"))
    plan = floorplan(design, "x")
    cells = sum(each["rows"] * each["cols"] for each in plan["placed"])
    assert cells == 128 * 128
    assert max(stage["busy"] for stage in plan["stages"]) == pytest.approx(1.0)
    parts = floorplan(pipelined(funnel((4, 4), "corrected"), 4, resident=True, look_ahead=True), "x")
    assert max(stage["busy"] for stage in parts["stages"]) == pytest.approx(1.0)
    assert plan["capacity_qps"] == evaluate(design).capacity_qps


def test_more_bins_choose_closer_to_what_was_asked() -> None:
    tables = planted(queries=24, items=512, seed=3)
    rows = choices(tables, front=FRONT, back=BACK, items=None, keep=64)
    for parts in (1, 4):
        extra = [row["chosen"] for row in rows if (row["excess"], row["parts"]) == ("pass", parts)]
        assert extra == sorted(extra, reverse=True)
        assert min(extra) >= 64
    assert {row["chosen"] for row in rows if row["excess"] == "fill"} == {64.0}
