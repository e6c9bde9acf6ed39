"""What the figures of an exploration share: how words at a point look, logarithmic axes, and levels of quality."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from tailrank.report.charts.style import INK, TARGET, log_ticks
from tailrank.report.wording import amount

__all__ = ["LABEL", "LEAST", "MOST", "add_floor", "add_level", "log_axis"]

LEAST, MOST = 1e-9, 1e12  # of what a logarithmic axis can show in earnest
ROOM = 0.06  # of the axis, left and right of the points
LABEL = {"align": "left", "bgcolor": "white", "bordercolor": "#9aa1aa", "font": {"color": INK, "size": 12}}
"""Words at a point: the lines of a plan, one below the other."""


def log_axis(figure: go.Figure, seen: Sequence[float], *, room: float = ROOM) -> None:
    """Make the x axis logarithmic, wide enough for all of `seen` and a little more."""
    low, high = min(seen), max(seen)
    ticks = log_ticks(low, high)
    more = max(room * math.log10(high / low), 0.01)
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[amount(tick, digits=1) for tick in ticks])
    figure.update_xaxes(range=[math.log10(low) - more, math.log10(high) + more])


def add_level(figure: go.Figure, seen: Sequence[float], level: float | None, name: str, colour: str) -> None:
    """Draw a dashed line at the quality `level` along all of `seen`, named in the legend: points lie all along it."""
    if level is None or not -1 <= level <= 1:
        return
    figure.add_scatter(
        x=[min(seen), max(seen)],
        y=[level, level],
        mode="lines",
        line={"color": colour, "width": 1.4, "dash": "dash"},
        hoverinfo="skip",
        name=f"{name} {level:.4f}",
    )


def add_floor(figure: go.Figure, seen: Sequence[float], floor: float | None) -> None:
    """Draw the quality floor."""
    add_level(figure, seen, floor, "floor", TARGET)
