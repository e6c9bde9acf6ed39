import plotly.graph_objects as go
import pytest

from tailrank.report.study.charts.palette import COLOURS, band, colour, log_axis, sizes_axis
from tailrank.report.study.paper import NETWORKS


def test_every_network_of_the_paper_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == set(NETWORKS)
    assert len(set(COLOURS.values())) == len(NETWORKS)
    assert colour("another") not in COLOURS.values()


@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_logarithmic_axis_has_ticks_around_its_values(axis: str) -> None:
    figure = go.Figure()
    log_axis(figure, axis, [0.3, 40.0])
    found = figure.layout[f"{axis}axis"]
    assert found.type == "log"
    assert min(found.tickvals) <= 0.5
    assert max(found.tickvals) >= 30


def test_sizes_that_have_no_room_get_no_tick() -> None:
    figure = go.Figure()
    sizes_axis(figure, [100, 1, 2, 3, 96])
    assert list(figure.layout.xaxis.tickvals) == [1, 2, 96]


def test_error_bars_reach_to_the_ends_of_the_interval() -> None:
    bars = band([(1.0, 10.0, 8.0, 13.0)])
    assert (bars["array"], bars["arrayminus"]) == ([3.0], [2.0])


def test_an_axis_of_values_beyond_reason_still_has_ticks() -> None:
    figure = go.Figure()
    log_axis(figure, "y", [1e-300, 1e308])
    assert len(figure.layout.yaxis.tickvals) < 50
