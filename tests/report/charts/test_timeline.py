from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart, slow_query
from tailrank.report.document import Value


def bars(chart: Chart, name: str) -> list[tuple[float, float]]:
    return [
        (base, base + length)
        for trace in chart.figure.data
        if trace.name == name
        for base, length in zip(trace.base, trace.x, strict=True)
    ]


def test_bars_are_the_times_of_the_document(document: dict[str, Any]) -> None:
    query = document["slow_query"]
    chart = slow_query(Value(document))
    assert isinstance(chart, Chart)
    slices = sorted(query["slices"], key=lambda each: each["finish_ms"])
    assert len(slices) > 1
    served = [(each["start_ms"], each["finish_ms"]) for each in slices]
    for name, wanted in (
        ("dispatcher", [(0.0, each["queued_ms"]) for each in slices]),
        ("queueing", [(each["queued_ms"], each["start_ms"]) for each in slices]),
        ("service", served * 2),  # once per slice, once on its worker
        ("other queries", [(each["start_ms"], each["finish_ms"]) for each in query["others"]]),
    ):
        assert sorted(bars(chart, name)) == [pytest.approx(each) for each in sorted(wanted)]


def test_of_many_slices_the_last_to_finish_are_shown_and_the_caption_says_so() -> None:
    slices = [
        {"worker": number % 2, "size": 1, "queued_ms": 0.1, "start_ms": 1.0 + number, "finish_ms": 2.0 + number}
        for number in range(100)
    ]
    query = {"query": 1, "size": 100, "arrival_ms": 0, "latency_ms": 101.0, "slices": slices, "others": []}
    chart = slow_query(Value({"slow_query": query}))
    assert isinstance(chart, Chart)
    assert "n = 100 slices, the last 16 shown" in chart.caption
    assert len(bars(chart, "queueing")) == 16
    assert max(stop for _, stop in bars(chart, "queueing")) == 100.0
    assert chart.figure.layout.yaxis.ticktext[0] == "slice 85"


def test_without_slices_it_is_absent() -> None:
    assert isinstance(slow_query(Value({"slow_query": {"query": 3, "slices": [{"start_ms": 1}]}})), Absent)


def test_workers_of_different_pools_have_lanes_of_their_own() -> None:
    times = {"size": 3, "queued_ms": 0.1, "start_ms": 1.0, "finish_ms": 2.0}
    slices = [{"worker": 0, "pool": "cpu"} | times, {"worker": 0, "pool": "gpu"} | times]
    query = {"query": 1, "size": 6, "arrival_ms": 0, "latency_ms": 2.0, "slices": slices, "others": []}
    chart = slow_query(Value({"slow_query": query}))
    assert isinstance(chart, Chart)
    assert list(chart.figure.layout.yaxis.ticktext)[2:] == ["worker 0", "gpu worker 0"]
