from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart, schedule_lag
from tailrank.report.document import Value


def test_shares_add_up_and_one_per_cent_of_the_target_is_marked(document: dict[str, Any]) -> None:
    chart = schedule_lag(Value(document))
    assert isinstance(chart, Chart)
    counts = document["engine"]["schedule_lag_us"]["histogram"]["counts"]
    steps = chart.figure.data[0].y
    assert sum(steps[1 : 1 + len(counts)]) == pytest.approx(100)
    assert [shape.x0 for shape in chart.figure.layout.shapes] == [pytest.approx(250)]  # 1 % of 25 ms, in us
    assert chart.figure.layout.yaxis.range[0] == 0
    assert f"n = {sum(counts):,} queries" in chart.caption


def test_equal_bins_over_a_short_range_stay_linear() -> None:
    lag = {"histogram": {"edges_us": [10, 20, 30, 40], "counts": [1, 2, 1]}}
    chart = schedule_lag(Value({"engine": {"schedule_lag_us": lag}}))
    assert isinstance(chart, Chart)
    assert chart.figure.layout.xaxis.type != "log"
    assert list(chart.figure.data[0].x) == [10, 10, 20, 30, 40, 40]
    assert list(chart.figure.data[0].y) == [0, 25, 50, 25, 25, 0]


@pytest.mark.parametrize("latency_ms", [None, 0, -1, 1e308])
def test_a_target_that_makes_no_sense_is_not_marked(document: dict[str, Any], latency_ms: float | None) -> None:
    document["sla"]["latency_ms"] = latency_ms
    chart = schedule_lag(Value(document))
    assert isinstance(chart, Chart)
    assert len(chart.figure.layout.shapes) == 0


@pytest.mark.parametrize(
    "histogram", [None, {}, {"edges_us": [1, 2], "counts": [1, 2]}, {"edges_us": [1, 2], "counts": [0]}]
)
def test_without_a_histogram_it_is_absent(histogram: object) -> None:
    assert isinstance(schedule_lag(Value({"engine": {"schedule_lag_us": {"histogram": histogram}}})), Absent)
