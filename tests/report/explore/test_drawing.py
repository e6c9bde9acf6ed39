from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.explore.drawing import LEAST, Step, drawings


def widths(step: Step) -> tuple[float, float]:
    """Return the width of a stage at its top and at its end."""
    corners = [tuple(map(float, pair.split(","))) for pair in step.corners.split()]
    top, end = min(y for _, y in corners), max(y for _, y in corners)
    across = ([x for x, y in corners if y == level] for level in (top, end))
    first, last = (max(each) - min(each) for each in across)
    return first, last


def test_width_is_in_proportion_to_items_on_one_scale(document: dict[str, Any]) -> None:
    found = drawings(Value(document))
    assert [each.title for each in found] == ["The chosen funnel", "The best single stage"]
    scales = []
    for drawing, rows in zip(found, document["funnel"], strict=True):
        for step, row in zip(drawing.steps, rows, strict=True):
            if widths(step)[0] > LEAST:
                scales.append(widths(step)[0] / row["items"])
    assert len(scales) >= 3
    assert scales == pytest.approx([scales[0]] * len(scales), abs=1e-3)


def test_a_stage_ends_as_wide_as_the_next_begins(document: dict[str, Any]) -> None:
    for drawing in drawings(Value(document)):
        for above, below in zip(drawing.steps, drawing.steps[1:], strict=False):
            assert widths(above)[1] == pytest.approx(widths(below)[0], abs=0.1)


def test_bars_are_in_proportion_to_work_on_one_scale(document: dict[str, Any]) -> None:
    document["funnel"][0][0]["work_ms"] = 6.0
    document["funnel"][1][0]["work_ms"] = 12.0
    chosen, single = drawings(Value(document))
    assert 2 * chosen.steps[0].time_width == pytest.approx(single.steps[0].time_width)
    assert chosen.steps[0].time == "6.00\N{NO-BREAK SPACE}ms of work"


def test_every_stage_says_items_time_workers_and_quality(document: dict[str, Any]) -> None:
    chosen = drawings(Value(document))[0]
    for step, row in zip(chosen.steps, document["funnel"][0], strict=True):
        assert step.entering == f"{row['items']:,} items"
        assert step.network == row["network"]
        words = " ".join(step.lines)
        assert "2 cpu workers, batch size 128" in words
        assert "on an idle machine" in words
        assert f"NDCG@64 {row['quality']:.4f}" in words
    assert chosen.results == "64 results"
    assert "share their workers" in chosen.under


def test_one_funnel_is_drawn_once(document: dict[str, Any]) -> None:
    document["funnel"][1] = document["funnel"][0]
    assert len(drawings(Value(document))) == 1


def test_stages_that_are_not_known_are_not_drawn(document: dict[str, Any]) -> None:
    document["funnel"][0][0]["items"] = None
    assert [each.title for each in drawings(Value(document))] == ["The best single stage"]
    assert drawings(Value({})) == []
