from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.study.charts import operator_shares, roofline, speedups, work_per_row


def test_every_point_lies_on_or_below_the_roof(document: dict[str, Any]) -> None:
    chart = roofline(Value(document))
    assert isinstance(chart, Chart)
    roof, *networks = chart.figure.data
    assert max(roof.y) == 5000.0
    assert len(networks) == 10
    for trace in networks:
        assert all(y <= min(5000.0, 170.0 * x) * 1.0001 for x, y in zip(trace.x, trace.y, strict=True))


@pytest.mark.parametrize("value", [0, 1e308])
@pytest.mark.parametrize("field", ["flops_per_byte", "bound_gflops", "batch"])
def test_a_point_without_a_place_is_left_out(document: dict[str, Any], field: str, value: float) -> None:
    document["evidence"]["roofline"]["points"][0][field] = value
    chart = roofline(Value(document))
    assert isinstance(chart, Chart)
    assert len(chart.figure.data[1].x) == 2


def test_shares_are_drawn_beside_the_figures_and_fill_the_bar(document: dict[str, Any]) -> None:
    chart = operator_shares(Value(document), "cpu")
    assert isinstance(chart, Chart)
    assert len(chart.figure.data[0].x[0]) == 16
    assert [sum(each) for each in zip(*(trace.y for trace in chart.figure.data), strict=True)] == pytest.approx(
        [100] * 16
    )
    assert "64 items" in chart.caption


def test_a_network_without_a_figure_has_one_bar(document: dict[str, Any]) -> None:
    for row in document["evidence"]["shares"]:
        row["figure"] = None
    chart = operator_shares(Value(document), "gpu")
    assert isinstance(chart, Chart)
    assert set(chart.figure.data[0].x[1]) == {"model"}


def test_speed_ups_are_lines_for_the_model_and_circles_for_the_figure(document: dict[str, Any]) -> None:
    chart = speedups(Value(document))
    assert isinstance(chart, Chart)
    assert [trace.mode for trace in chart.figure.data] == ["lines", "markers"] * 8
    assert "9.1\N{NO-BREAK SPACE}% at worst" in chart.caption  # figures are 1.1 times the model: 1 - 1 / 1.1


def test_random_reads_are_bars_with_the_work_for_each(document: dict[str, Any]) -> None:
    chart = work_per_row(Value(document))
    assert isinstance(chart, Chart)
    (bars,) = chart.figure.data
    assert list(bars.y) == [10, 20, 30, 40, 50, 60, 70, 80, 128]
    assert bars.text[0] == "100\N{NO-BREAK SPACE}k"
    assert "ResNet-50 reads none" in chart.caption


def test_without_evidence_there_is_a_reason() -> None:
    for found in (roofline(Value({})), operator_shares(Value({}), "cpu"), speedups(Value({})), work_per_row(Value({}))):
        assert isinstance(found, Absent)
