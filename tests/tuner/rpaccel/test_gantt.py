from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.accelerator import evaluate
from tailrank.tuner.rpaccel import funnel, gantt, pipelined


def overlaps(segments: list[dict[str, Any]]) -> bool:
    spans = sorted((each["start_ms"], each["end_ms"]) for each in segments)
    return any(after[0] < before[1] - 1e-9 for before, after in pairwise(spans))


@given(
    st.sampled_from([(4, 4), (4, 16), (16, 4), (1, 1)]),
    st.sampled_from(["released", "corrected"]),
    st.integers(1, 6),
    st.booleans(),
    st.floats(0.01, 3.0),
)
@settings(max_examples=60, deadline=None)
def test_what_is_drawn_is_what_is_evaluated(
    slices: tuple[int, ...], mode: str, parts: int, ahead: bool, apart: float
) -> None:
    resident = ahead and mode == "corrected" and slices == (4, 4)
    design = pipelined(funnel(slices, mode), parts, resident=resident, look_ahead=ahead)  # type: ignore[arg-type]
    chart = gantt(design, apart_ms=apart)
    if slices != (1, 1):  # in turns, parts of one query cannot overlap
        assert chart["latency_ms"][0] == pytest.approx(evaluate(design).latency_ns / 1e6)
    assert chart["latency_ms"][1] >= chart["latency_ms"][0] - 1e-9
    for lane in chart["lanes"]:
        if lane.startswith("stage"):
            assert not overlaps([each for each in chart["segments"] if each["lane"] == lane])
    assert {each["lane"] for each in chart["segments"]} == set(chart["lanes"])


def test_two_queries_far_apart_do_not_meet() -> None:
    design = funnel((1, 1), "corrected")
    chart = gantt(design, apart_ms=10.0)
    assert chart["latency_ms"] == pytest.approx([evaluate(design).latency_ns / 1e6] * 2)


def test_a_third_query_waits_for_a_sub_array() -> None:
    design = funnel((4, 4), "corrected")
    chart = gantt(design, queries=3, apart_ms=0.0)
    slowest = max(stage.work_ns for stage in evaluate(design).stages) / 1e6
    assert chart["latency_ms"][2] >= chart["latency_ms"][0] + slowest - 1e-9
