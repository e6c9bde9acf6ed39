import math

import pytest

from tailrank.report.charts.style import blank
from tailrank.report.explore.axes import add_floor, add_level, log_axis


def test_a_logarithmic_axis_holds_everything_and_a_little_more() -> None:
    figure = blank("x", "y")
    log_axis(figure, [30.0, 2.0, 500.0])
    low, high = figure.layout.xaxis.range
    assert low < math.log10(2.0)
    assert math.log10(500.0) < high
    assert [float(words.replace(",", "")) for words in figure.layout.xaxis.ticktext] == list(
        figure.layout.xaxis.tickvals
    )


def test_an_axis_of_one_value_has_a_width() -> None:
    figure = blank("x", "y")
    log_axis(figure, [5.0])
    low, high = figure.layout.xaxis.range
    assert low < math.log10(5.0) < high


def test_a_level_is_a_line_named_in_the_legend() -> None:
    figure = blank("x", "y")
    add_floor(figure, [3.0, 1.0, 2.0], 0.25)
    add_level(figure, [3.0, 1.0], 0.5, "best", "black")
    floor, best = figure.data
    assert (list(floor.x), list(floor.y), floor.name) == ([1.0, 3.0], [0.25, 0.25], "floor 0.2500")
    assert best.name == "best 0.5000"


@pytest.mark.parametrize("level", [None, 7.0, -2.0])
def test_what_is_no_quality_is_not_drawn(level: float | None) -> None:
    figure = blank("x", "y")
    add_floor(figure, [1.0], level)
    assert not figure.data
