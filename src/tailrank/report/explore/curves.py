"""Quality against items: into the first stage, a line a network; kept by the first, a line a pair of networks."""

import math
from typing import NamedTuple

import plotly.graph_objects as go

from tailrank.report.charts.style import BASELINE, INK, Absent, Chart, blank, mark, safe
from tailrank.report.document import Value
from tailrank.report.explore.axes import LEAST, MOST, add_floor, add_level, log_axis
from tailrank.report.explore.points import LINES, metric
from tailrank.report.wording import count, plural

__all__ = ["quality_by_items", "quality_by_kept"]


class Curve(NamedTuple):
    """Quality (n,) against items (n,) of a chain of networks; `bounds` are intervals at some of the items."""

    networks: tuple[str, ...]
    items: list[float]
    quality: list[float]
    bounds: list[tuple[float, float, float]]

    @property
    def name(self) -> str:
        """The networks in order."""
        return " \N{RIGHTWARDS ARROW} ".join(self.networks)


def quality_by_items(document: Value) -> Chart | Absent:
    """Draw quality against the items into a single stage, a line a network."""
    title = "Quality against items into the first stage"
    curves = _curves(document, 1)
    if not curves:
        return Absent(title, "the document holds no curve of a single network")
    figure = _lines(curves, "items into the only stage (log scale)", document)
    gains = [(each.quality[-1] - each.quality[0], each.networks[0]) for each in curves]
    ends = [each.quality[-1] for each in curves]
    between = max(ends) - min(ends)
    words = f"From {count(curves[0].items[0])} to {count(curves[0].items[-1])} items {metric(document)} moves by "
    words += f"{min(gains)[0]:+.4f} to {max(gains)[0]:+.4f}; " if len(gains) > 1 else f"{gains[0][0]:+.4f}"
    words += f"from network to network, at all items, by {between:.4f}" if len(gains) > 1 else ""
    return Chart(title, figure, f"{words} (n = {_queries(document)}{_shaded(curves)}).", height=400)


def quality_by_kept(document: Value) -> Chart | Absent:
    """Draw quality against the items that the first of two stages keeps, a line a pair of networks."""
    title = "Quality against items kept"
    curves = _curves(document, 2)
    if not curves:
        return Absent(title, "the document holds no curve of a pair of networks")
    figure = _lines(curves, "items kept for the second stage (log scale)", document)
    chosen = document["chosen"]
    items = chosen["items"].numbers
    if len(items) > 1 and math.isfinite(items[1]) and items[1] > 0:
        mark(figure, "x", items[1], f"chosen: {count(items[1])}", INK)
    every = [item for each in curves for item in each.items]
    add_level(figure, every, document["reference"]["quality"].number, "best network alone", BASELINE)
    best = [(max(each.quality), each.items[each.quality.index(max(each.quality))], each.name) for each in curves]
    top = max(best)
    words = f"The first stage sees all items. The best mean, {top[0]:.4f}, is {top[2]} with {count(top[1])} kept"
    return Chart(title, figure, f"{words} (n = {_queries(document)}{_shaded(curves)}).", height=400)


def _curves(document: Value, stages: int) -> list[Curve]:
    """Return the curves of chains with so many networks; points that are not numbers are left out."""
    found = []
    for row in document["curves"]:
        networks = tuple(row["networks"].texts)
        if len(networks) != stages:
            continue
        intervals = [each.numbers for each in row["quality_ci95"]]
        points, bounds = [], []
        for number, (items, quality) in enumerate(zip(row["items"].numbers, row["quality"].numbers, strict=False)):
            if not (LEAST <= items <= MOST and -1 <= quality <= 1):
                continue
            points.append((items, quality))
            ends = intervals[number] if number < len(intervals) else []
            if len(ends) == 2 and ends[0] <= quality <= ends[1]:
                bounds.append((items, ends[0], ends[1]))
        if len(points) > 1:
            points.sort()
            found.append(Curve(networks, [x for x, _ in points], [y for _, y in points], sorted(bounds)))
    return found


def _lines(curves: list[Curve], x: str, document: Value) -> go.Figure:
    figure = blank(x, safe(metric(document)))
    for number, each in enumerate(curves):
        colour = LINES[number % len(LINES)]
        if len(each.bounds) > 1:
            _add_band(figure, each, colour)
        figure.add_scatter(
            x=each.items,
            y=each.quality,
            mode="lines",
            line={"color": colour, "width": 2},
            name=safe(each.name),
            hovertemplate="%{x:,} items: %{y:.4f}<extra>" + safe(each.name) + "</extra>",
        )
    every = [item for each in curves for item in each.items]
    add_floor(figure, every, document["reference"]["floor"].number)
    log_axis(figure, every, room=0.0)
    figure.update_layout(showlegend=True)
    return figure


def _add_band(figure: go.Figure, curve: Curve, colour: str) -> None:
    """Shade the intervals: down the upper ends and back along the lower."""
    there = curve.bounds
    figure.add_scatter(
        x=[x for x, *_ in there] + [x for x, *_ in reversed(there)],
        y=[high for *_, high in there] + [low for _, low, _ in reversed(there)],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=colour,
        opacity=0.12,
        hoverinfo="skip",
        showlegend=False,
    )


def _shaded(curves: list[Curve]) -> str:
    return "; shaded: 95 % intervals over queries" if any(len(each.bounds) > 1 for each in curves) else ""


def _queries(document: Value) -> str:
    queries = document["queries"].number
    return "queries not recorded" if queries is None else plural(int(queries), "query")
