import math
from itertools import pairwise
from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.explore.front import quality_by_capacity, quality_by_latency


def drawn(found: Chart | Absent) -> dict[str, Any]:
    assert isinstance(found, Chart)
    return {trace.name: trace for trace in found.figure.data if trace.name}


def staircase(found: Chart | Absent) -> Any:
    assert isinstance(found, Chart)
    return next(trace for trace in found.figure.data if trace.mode == "lines" and trace.line.shape == "hv")


def test_every_point_of_the_front_is_drawn_with_its_whole_plan(document: dict[str, Any]) -> None:
    traces = drawn(quality_by_capacity(Value(document)))
    for count, name in ((1, "1\N{NO-BREAK SPACE}stage"), (2, "2\N{NO-BREAK SPACE}stages")):
        rows = [row for row in document["front"] if row["stages"] == count]
        assert list(traces[name].x) == [row["capacity_qps"] for row in rows]
        assert list(traces[name].y) == [row["quality"] for row in rows]
        for row, words in zip(rows, traces[name].text, strict=True):
            for network, items in zip(row["networks"], row["items"], strict=True):
                assert f"{network} on {items:,} items, batch size 128" in words
            assert "2 cpu workers" in words
            assert f"NDCG@64 {row['quality']:.4f}" in words
    colours = {traces[name].marker.color for name in traces if "stage" in name and name[0].isdigit()}
    assert len(colours) == len({row["stages"] for row in document["front"]})


def test_what_matters_is_marked(document: dict[str, Any]) -> None:
    traces = drawn(quality_by_capacity(Value(document)))
    for name, key in (("chosen", "chosen"), ("best single stage", "best_single_stage"), ("knee", "knee")):
        assert list(traces[name].x) == [document[key]["capacity_qps"]]
        assert list(traces[name].y) == [document[key]["quality"]]
    floor = document["reference"]["floor"]
    assert list(traces[f"floor {floor:.4f}"].y) == [floor, floor]


@pytest.mark.parametrize("more", [True, False])
def test_the_line_is_the_best_quality_at_that_much_or_better(document: dict[str, Any], more: bool) -> None:
    key = "capacity_qps" if more else "p95_ms"
    line = staircase((quality_by_capacity if more else quality_by_latency)(Value(document)))
    corners = list(zip(line.x, line.y, strict=True))
    assert all(a[1] < b[1] for a, b in pairwise(corners))
    for x, y in corners:
        rows = [row for row in document["front"] if (row[key] >= x if more else row[key] <= x)]
        assert y == max(row["quality"] for row in rows)


def test_the_engine_is_drawn_with_its_bracket(document: dict[str, Any]) -> None:
    trace = drawn(quality_by_capacity(Value(document)))["on the engine"]
    for number, key in enumerate(("chosen", "best_single_stage")):
        low, high = document["engine"][key]["capacity_bracket_qps"]
        assert trace.x[number] == document["engine"][key]["capacity_qps"]
        assert trace.x[number] + trace.error_x.array[number] == pytest.approx(high)
        assert trace.x[number] - trace.error_x.arrayminus[number] == pytest.approx(low)


def test_latencies_of_the_engine_are_drawn_where_they_met_the_target_at_the_same_load(document: dict[str, Any]) -> None:
    both = drawn(quality_by_latency(Value(document)))["on the engine"]
    assert list(both.x) == [document["engine"][key]["p95_ms"] for key in ("chosen", "best_single_stage")]
    document["sla"]["latency_ms"] = (both.x[0] + both.x[1]) / 2
    assert list(drawn(quality_by_latency(Value(document)))["on the engine"].x) == [both.x[0]]
    document["engine"]["load_qps"] *= 2
    found = quality_by_latency(Value(document))
    assert "on the engine" not in drawn(found)
    assert isinstance(found, Chart)
    assert "400 queries/s, which is not shown here" in found.caption


def test_a_plan_without_a_load_that_met_the_target_has_no_point(document: dict[str, Any]) -> None:
    document["engine"]["chosen"] |= {"capacity_qps": 0.0, "capacity_bracket_qps": [0.0, 50.0]}
    found = quality_by_capacity(Value(document))
    assert len(drawn(found)["on the engine"].x) == 1
    assert isinstance(found, Chart)
    assert "Only one plan met the target on the engine" in found.caption


def test_points_that_cannot_keep_up_are_left_out_and_counted(document: dict[str, Any]) -> None:
    document["front"][0]["p95_ms"] = None
    found = quality_by_latency(Value(document))
    assert isinstance(found, Chart)
    assert "1 point of the front cannot keep up with this load" in found.caption
    assert f"n = {len(document['front']) - 1} points" in found.caption


def test_the_axis_holds_every_point(document: dict[str, Any]) -> None:
    found = quality_by_capacity(Value(document))
    assert isinstance(found, Chart)
    low, high = found.figure.layout.xaxis.range
    ends = document["engine"]["chosen"]["capacity_bracket_qps"]
    every = [*ends, *(row["capacity_qps"] for row in (*document["front"], *document["scatter"]))]
    assert low < math.log10(min(every))
    assert math.log10(max(every)) < high


def test_without_a_front_nothing_is_drawn(document: dict[str, Any]) -> None:
    document["front"] = []
    assert isinstance(quality_by_capacity(Value(document)), Absent)
    assert isinstance(quality_by_latency(Value(document)), Absent)
