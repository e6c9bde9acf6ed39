from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart, cost_per_item, operator_shares, service_time
from tailrank.report.document import Value


@pytest.mark.parametrize("busy", [1, 2])
def test_lines_are_the_profile_in_milliseconds_and_per_item_in_microseconds(
    document: dict[str, Any], busy: int
) -> None:
    points = [each for each in document["profile"]["points"] if each["busy"] == busy]
    name = "worker alone" if busy == 1 else "2 workers busy"
    for draw, value in (
        (service_time, lambda p: p["mean_us"] / 1e3),
        (cost_per_item, lambda p: p["mean_us"] / p["items"]),
    ):
        chart = draw(Value(document))
        assert isinstance(chart, Chart)
        line = next(trace for trace in chart.figure.data if trace.name == name)
        assert list(line.x) == [point["items"] for point in points]
        assert list(line.y) == pytest.approx([value(point) for point in points])
        assert "n = 1,800 timed batches" in chart.caption


def test_the_caption_says_how_much_contention_costs(document: dict[str, Any]) -> None:
    for point in document["profile"]["points"]:
        point["mean_us"] = 100.0 * point["items"] * (2.5 if point["busy"] == 2 else 1)
    chart = service_time(Value(document))
    assert isinstance(chart, Chart)
    assert "takes 2.50 times as long as alone" in chart.caption
    document["profile"]["points"] = [point for point in document["profile"]["points"] if point["busy"] == 1]
    chart = service_time(Value(document))
    assert isinstance(chart, Chart)
    assert "one degree of contention only" in chart.caption


def test_times_that_were_computed_are_not_called_measured(document: dict[str, Any]) -> None:
    for point in document["profile"]["points"]:
        point["samples"] = 0
    for draw in (service_time, cost_per_item):
        chart = draw(Value(document))
        assert isinstance(chart, Chart)
        assert "no batch was timed" in chart.caption
        assert "p95" not in chart.caption


def test_a_band_that_makes_no_sense_is_not_drawn(document: dict[str, Any]) -> None:
    for point in document["profile"]["points"]:
        point.update(p50_us=-1.0)
    chart = service_time(Value(document))
    assert isinstance(chart, Chart)
    band, line = chart.figure.data[:2]
    assert list(band.y) == [*line.y, *reversed(line.y)]


def test_bars_stack_to_the_whole_from_zero(document: dict[str, Any]) -> None:
    chart = operator_shares(Value(document))
    assert isinstance(chart, Chart)
    for column, row in enumerate(document["operators"]):
        found = {trace.name: trace.y[column] for trace in chart.figure.data}
        assert sum(found.values()) == pytest.approx(100)
        assert found["lookup"] == pytest.approx(100 * row["shares"]["lookup"])
    assert "attention" not in {trace.name for trace in chart.figure.data}  # zero everywhere
    assert chart.figure.layout.barmode == "stack"
    assert chart.figure.layout.yaxis.range[0] == 0


def test_an_operator_not_known_here_is_still_drawn(document: dict[str, Any]) -> None:
    document["operators"][1]["shares"]["<hash>"] = 0.1
    chart = operator_shares(Value(document))
    assert isinstance(chart, Chart)
    assert "&lt;hash&gt;" in {trace.name for trace in chart.figure.data}


@pytest.mark.parametrize("draw", [service_time, cost_per_item, operator_shares])
def test_without_numbers_they_are_absent(draw: Any) -> None:
    assert isinstance(draw(Value({"profile": {"points": [{"items": 4}]}, "operators": [{"items": 4}]})), Absent)
