import math

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.report.charts.style import blank, log_ticks, mark, spaced


@given(st.floats(1e-6, 1e9), st.floats(1, 1e6))
def test_ticks_rise_and_there_are_some_but_not_many(low: float, ratio: float) -> None:
    ticks = log_ticks(low, low * ratio)
    assert ticks == sorted(set(ticks))
    assert 1 <= len(ticks) <= 15
    assert low / 1.5 <= ticks[0]
    assert ticks[-1] <= low * ratio * 1.5


def test_ticks_that_would_overlap_are_left_out() -> None:
    assert spaced([1, 2, 4, 128, 155, 186, 217, 256, 372, 512]) == [1, 2, 4, 128, 256, 512]
    assert spaced([]) == []


@pytest.mark.parametrize("kind", ["linear", "log"])
def test_a_mark_and_its_words_are_at_the_same_place(kind: str) -> None:
    figure: go.Figure = blank("time (ms)", "share (%)")
    figure.update_yaxes(type=kind)
    mark(figure, "y", 25.0, "<b>target</b>")
    words = figure.layout.annotations[0]
    assert figure.layout.shapes[0].y0 == 25.0
    assert math.isclose(words.y, math.log10(25.0) if kind == "log" else 25.0)
    assert words.text == "&lt;b&gt;target&lt;/b&gt;"
