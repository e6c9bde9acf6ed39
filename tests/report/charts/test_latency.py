import math
from typing import Any

import numpy as np
import pytest

from tailrank.report.charts import Absent, Chart, latency_against_load, latency_distribution
from tailrank.report.document import Value


def test_the_distribution_is_the_documents_own(document: dict[str, Any]) -> None:
    chart = latency_distribution(Value(document))
    assert isinstance(chart, Chart)
    by_name = {trace.name.split(" (")[0].split(",")[-1].strip(): trace for trace in chart.figure.data}
    for name, key in (("engine", "engine_ms"), ("profiled service times", "simulator_ms")):
        trace = by_name[name]
        assert list(trace.x) == document["latency_cdf"][key]
        np.testing.assert_allclose(1 - np.array(trace.y), document["latency_cdf"]["probability"])
    assert [shape.x0 for shape in chart.figure.layout.shapes if shape.yref == "paper"] == [25]
    assert 0.05 in [pytest.approx(shape.y0) for shape in chart.figure.layout.shapes]


def test_the_scale_of_shares_rises_to_the_tail(document: dict[str, Any]) -> None:
    chart = latency_distribution(Value(document))
    assert isinstance(chart, Chart)
    axis = chart.figure.layout.yaxis
    assert axis.range[0] > axis.range[1]  # of the share that is slower, so fast is below
    for tick, words in zip(axis.tickvals, axis.ticktext, strict=True):
        assert math.isclose(100 * (1 - tick), float(words.removesuffix(" %")), abs_tol=1e-9)


def test_the_number_of_queries_is_of_the_same_run_only(document: dict[str, Any]) -> None:
    chart = latency_distribution(Value(document))
    assert isinstance(chart, Chart)
    assert "n = 2,500 queries" in chart.caption
    document["latency_cdf"]["offered_qps"] = 701.0
    chart = latency_distribution(Value(document))
    assert isinstance(chart, Chart)
    assert "n = 130 quantiles" in chart.caption


def test_a_line_that_was_not_measured_is_not_drawn(document: dict[str, Any]) -> None:
    document["latency_cdf"]["same_run_ms"] = None
    document["latency_cdf"]["simulator_ms"].pop()
    chart = latency_distribution(Value(document))
    assert isinstance(chart, Chart)
    assert [trace.name for trace in chart.figure.data] == ["engine (measured)"]
    document["latency_cdf"]["engine_ms"] = None
    assert isinstance(latency_distribution(Value(document)), Absent)


def test_runs_are_marked_by_whether_the_target_was_met(document: dict[str, Any]) -> None:
    chart = latency_against_load(Value(document))
    assert isinstance(chart, Chart)
    runs = document["engine"]["runs"]
    for plan in ("tuned", "baseline"):
        for met, word, symbol in ((True, "met", "circle"), (False, "missed", "x")):
            wanted = [(run["offered_qps"], run["p95_ms"]) for run in runs if run["plan"] == plan and run["met"] == met]
            trace = next(each for each in chart.figure.data if each.name == f"engine, {plan}: {word}")
            assert list(zip(trace.x, trace.y, strict=True)) == wanted
            assert trace.marker.symbol == symbol


def test_simulated_lines_go_up_in_load_whatever_the_order(document: dict[str, Any]) -> None:
    document["curve"].reverse()
    chart = latency_against_load(Value(document))
    assert isinstance(chart, Chart)
    lines = [trace for trace in chart.figure.data if trace.mode == "lines"]
    assert len(lines) == 4  # three percentiles of the tuned plan, the baseline's p95
    assert all(list(trace.x) == sorted(trace.x) for trace in lines)
    assert chart.figure.layout.yaxis.type == "log"


@pytest.mark.parametrize("percentile", [50, 95, 99])
def test_points_show_the_percentile_of_the_target(document: dict[str, Any], percentile: int) -> None:
    document["sla"]["percentile"] = percentile
    chart = latency_against_load(Value(document))
    assert isinstance(chart, Chart)
    run = next(run for run in document["engine"]["runs"] if run["plan"] == "tuned" and run["met"])
    trace = next(each for each in chart.figure.data if each.name == "engine, tuned: met")
    assert trace.y[0] == run[f"p{percentile}_ms"]


def test_a_run_without_a_latency_is_counted_but_not_drawn(document: dict[str, Any]) -> None:
    for run in document["engine"]["runs"]:
        run["p95_ms"] = None if run["plan"] == "baseline" else run["p95_ms"]
    chart = latency_against_load(Value(document))
    assert isinstance(chart, Chart)
    assert not any(trace.name.startswith("engine, baseline") for trace in chart.figure.data)
    assert "engine points from 4 of 8 runs" in chart.caption


def test_without_curve_and_runs_it_is_absent() -> None:
    assert isinstance(latency_against_load(Value({"sla": {"percentile": 95, "latency_ms": 9}})), Absent)
    assert isinstance(latency_against_load(Value({"curve": [{"offered_qps": 5}]})), Absent)
