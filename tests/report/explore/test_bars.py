from typing import Any

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.explore.bars import capacity_by_stages, latency_by_stages


def test_bars_are_the_best_of_each_number_of_stages(document: dict[str, Any]) -> None:
    for draw, asked, key in (
        (capacity_by_stages, "capacity", "capacity_qps"),
        (latency_by_stages, "latency", "p95_ms"),
    ):
        found = draw(Value(document))
        assert isinstance(found, Chart)
        heights = [trace.y[0] for trace in found.figure.data]
        assert heights == [document["iso_quality"][stages][asked][key] for stages in sorted(document["iso_quality"])]


def test_the_caption_compares_with_one_stage(document: dict[str, Any]) -> None:
    one, two = (document["iso_quality"][stages]["capacity"]["capacity_qps"] for stages in "12")
    found = capacity_by_stages(Value(document))
    assert isinstance(found, Chart)
    assert f"({two / one:.2f}\N{MULTIPLICATION SIGN} the single stage's)" in found.caption


def test_a_higher_latency_is_called_higher(document: dict[str, Any]) -> None:
    document["iso_quality"]["2"]["latency"]["p95_ms"] = 2 * document["iso_quality"]["1"]["latency"]["p95_ms"]
    found = latency_by_stages(Value(document))
    assert isinstance(found, Chart)
    assert "2.00\N{MULTIPLICATION SIGN} higher" in found.caption


def test_numbers_of_stages_without_a_funnel_are_named(document: dict[str, Any]) -> None:
    document["space"]["stages"] = [1, 2, 3, 4]
    found = capacity_by_stages(Value(document))
    assert isinstance(found, Chart)
    assert "No simulated funnel of" in found.caption
    assert "4\N{NO-BREAK SPACE}stages" in found.caption


def test_without_a_funnel_within_the_floor_there_is_a_sentence() -> None:
    found = capacity_by_stages(Value({"iso_quality": {}}))
    assert isinstance(found, Absent)
    assert "no funnel within the quality floor" in found.why
