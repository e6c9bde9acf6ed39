from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.study.charts import (
    best_batch_sizes,
    capacity_by_batch_size,
    capacity_by_threshold,
    offload_shares,
)
from tailrank.report.study.charts.knobs import curves

HOST = "skylake-40c"


def test_curves_are_of_one_host_and_ascend(document: dict[str, Any]) -> None:
    document["curves"]["batch_size"].reverse()
    found = curves(Value(document), "batch_size", HOST)
    assert len(found) == 8
    assert [at for at, *_ in found["rmc1"]] == [16, 32, 64, 128, 256, 512, 1024]
    assert max(found["rmc1"], key=lambda point: point[1])[0] == 256


@pytest.mark.parametrize("draw", [capacity_by_batch_size, capacity_by_threshold])
def test_lines_are_relative_to_their_own_best(document: dict[str, Any], draw: Any) -> None:
    chart = draw(Value(document), HOST)
    assert isinstance(chart, Chart)
    assert len(chart.figure.data) == 8
    assert all(max(trace.y) == pytest.approx(100) for trace in chart.figure.data)
    assert all(sum(size == 10 for size in trace.marker.size) == 1 for trace in chart.figure.data)


def test_an_optimum_within_the_intervals_of_the_ends_is_not_called_inner(document: dict[str, Any]) -> None:
    for row in document["curves"]["offload_at"]:
        row["ci95_qps"] = [1.0, 10_000.0]
    chart = capacity_by_threshold(Value(document), HOST)
    assert isinstance(chart, Chart)
    assert "none peak in between" in chart.caption


def test_shares_of_items_are_drawn_along_the_targets(document: dict[str, Any]) -> None:
    chart = offload_shares(Value(document), HOST)
    assert isinstance(chart, Chart)
    assert list(chart.figure.data[0].x) == ["low", "medium", "high"]
    assert list(chart.figure.data[0].y) == pytest.approx([40.0, 30.0, 20.0])
    assert "of 8." in chart.caption


def test_batch_sizes_are_those_of_the_cells(document: dict[str, Any]) -> None:
    chart = best_batch_sizes(Value(document))
    assert isinstance(chart, Chart)
    assert [trace.name for trace in chart.figure.data] == ["broadwell-28c", HOST]
    assert list(chart.figure.data[0].y)[:3] == [256, 384, 512]


@pytest.mark.parametrize("draw", [capacity_by_batch_size, capacity_by_threshold, offload_shares])
def test_without_data_there_is_a_reason(draw: Any) -> None:
    assert isinstance(draw(Value({}), HOST), Absent)
    assert isinstance(best_batch_sizes(Value({})), Absent)
