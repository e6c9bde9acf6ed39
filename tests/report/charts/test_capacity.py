from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart, capacity_by_batch_size
from tailrank.report.document import Value


def drawn(document: dict[str, Any]) -> Chart:
    chart = capacity_by_batch_size(Value(document))
    assert isinstance(chart, Chart)
    return chart


def test_points_and_intervals_are_the_candidates(document: dict[str, Any]) -> None:
    document["candidates"].reverse()  # the order measured is not the order drawn
    line = drawn(document).figure.data[0]
    wanted = sorted((each["batch_size"], each["capacity_qps"], *each["ci95_qps"]) for each in document["candidates"])
    assert list(line.x) == [size for size, *_ in wanted]
    assert list(line.y) == [capacity for _, capacity, *_ in wanted]
    for (_, capacity, low, high), up, down in zip(wanted, line.error_y.array, line.error_y.arrayminus, strict=True):
        assert (capacity - down, capacity + up) == pytest.approx((low, high))


def test_both_plans_are_marked_and_the_axis_starts_at_zero(document: dict[str, Any]) -> None:
    chart = drawn(document)
    marks = {trace.name.split()[0]: (trace.x[0], trace.y[0]) for trace in chart.figure.data if trace.mode == "markers"}
    assert marks == {"tuned": (256, 783.1), "baseline": (512, 752.0)}
    assert chart.figure.layout.yaxis.range[0] == 0
    assert chart.figure.layout.yaxis.range[1] > 783.1
    assert "n = 9 plans" in chart.caption


def test_each_offload_threshold_is_a_line_of_its_own(document: dict[str, Any]) -> None:
    for each in document["candidates"][:4]:
        each["offload_at"] = 300
    names = [trace.name for trace in drawn(document).figure.data if trace.mode == "lines+markers"]
    assert names == ["simulator, no offload", "simulator, offload from 300 items"]


def test_an_absent_interval_has_no_width(document: dict[str, Any]) -> None:
    for each in document["candidates"]:
        each["ci95_qps"] = None
    assert set(drawn(document).figure.data[0].error_y.array) == {0}


def test_without_candidates_it_is_absent() -> None:
    assert isinstance(capacity_by_batch_size(Value({"candidates": [{"batch_size": 4}]})), Absent)
