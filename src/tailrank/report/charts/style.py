"""How every chart looks: one colour per meaning, units on every axis, and no network."""

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass

import plotly.graph_objects as go

__all__ = [
    "BASELINE",
    "ENGINE",
    "INK",
    "OTHERS",
    "SAME_RUN",
    "SIMULATOR",
    "TARGET",
    "Absent",
    "Chart",
    "blank",
    "log_ticks",
    "mark",
    "safe",
    "spaced",
]

SIMULATOR = "#1f6fb4"
ENGINE = "#d1661a"
SAME_RUN = "#2a8c78"
BASELINE = "#7b828c"
TARGET = "#a3123a"
OTHERS = "#d3d7dc"
INK = "#22262b"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True)
class Chart:
    """A drawn figure, and one sentence that says what to read off it and from how many observations."""

    title: str
    figure: go.Figure
    caption: str
    height: int = 340
    wide: bool = False


@dataclass(frozen=True)
class Absent:
    """A figure that cannot be drawn, and one sentence that says why."""

    title: str
    why: str


def safe(text: str) -> str:
    """Return `text` with markup made harmless: chart labels understand a subset of HTML, links included."""
    return html.escape(text)


def blank(x: str, y: str) -> go.Figure:
    """Return an empty figure with axis titles `x` and `y`, which must state their units."""
    figure = go.Figure()
    axis = {
        "showline": True,
        "linecolor": "#9aa1aa",
        "gridcolor": "#eceef1",
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#9aa1aa",
        "automargin": True,
        "title": {"standoff": 8},
    }
    figure.update_layout(
        template=go.layout.Template(),
        font={"family": FONT, "size": 12, "color": INK},
        paper_bgcolor="white",
        plot_bgcolor="white",
        margin={"l": 56, "r": 16, "t": 34, "b": 48},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(255,255,255,0)"},
        hoverlabel={"font": {"family": FONT}},
        xaxis={**axis, "title": {"text": x, "standoff": 8}},
        yaxis={**axis, "title": {"text": y, "standoff": 8}},
    )
    return figure


def log_ticks(low: float, high: float) -> list[float]:
    """Return ticks from just below `low` to just above `high`: 1-2-5, decades alone when many, more when few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1,) if last - first > 3 else (1, 2, 5) if high > 10 * low else (1, 2, 3, 5, 7)
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    return [tick for tick in ticks if low / 1.5 <= tick <= high * 1.5]


def spaced(values: Iterable[float]) -> list[float]:
    """Return those of the sorted `values` to write on a logarithmic axis: each at least 1.7 times the one before."""
    ticks: list[float] = []
    for value in values:
        if not ticks or value >= 1.7 * ticks[-1]:
            ticks.append(value)
    return ticks


def mark(figure: go.Figure, axis: str, value: float, label: str, colour: str = TARGET) -> None:
    """Draw a dashed line at `value` across the `axis` ("x" or "y") and write `label` beside it.

    Annotations on a logarithmic axis count in powers of ten, lines in values; this hides the difference.
    """
    log = figure.layout[f"{axis}axis"].type == "log"
    place = math.log10(value) if log else value
    line = {"color": colour, "width": 1.4, "dash": "dash"}
    text = {
        "text": safe(label),
        "showarrow": False,
        "font": {"color": colour, "size": 11},
        "bgcolor": "rgba(255,255,255,0.8)",
    }
    if axis == "x":
        figure.add_shape(type="line", x0=value, x1=value, y0=0, y1=1, yref="paper", line=line)
        figure.add_annotation(x=place, y=0.02, yref="paper", xanchor="right", yanchor="bottom", textangle=-90, **text)
    else:
        figure.add_shape(type="line", x0=0, x1=1, xref="paper", y0=value, y1=value, line=line)
        figure.add_annotation(x=0.005, xref="paper", y=place, xanchor="left", yanchor="bottom", **text)
