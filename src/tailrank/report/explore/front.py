"""The front of an exploration, drawn: quality against capacity and against latency, every point with its plan."""

import math
from typing import NamedTuple

import plotly.graph_objects as go

from tailrank.report.charts.style import ENGINE, INK, TARGET, Absent, Chart, blank, safe
from tailrank.report.document import Value
from tailrank.report.explore.axes import LABEL, LEAST, MOST, add_floor, log_axis
from tailrank.report.explore.points import depth, drawn_colour, funnel, hover, metric, stages_words
from tailrank.report.wording import amount, count, plural, tail_name

__all__ = ["quality_by_capacity", "quality_by_latency"]

SAME_LOAD = 0.02  # loads this near to each other count as one

Spot = tuple[float, float, str]  # x, quality, hover


class Axis(NamedTuple):
    """What the x axis shows: `key` of a point; `more` says that more of it is better."""

    key: str
    title: str
    more: bool


class Special(NamedTuple):
    """A point that is marked: its key in the document, its name in the legend, and how it looks."""

    key: str
    name: str
    symbol: str
    colour: str
    size: int


SERVED = ("chosen", "best_single_stage")
SPECIALS = (
    Special("knee", "knee", "diamond-open", INK, 14),
    Special("best_single_stage", "best single stage", "square-open", INK, 15),
    Special("chosen", "chosen", "star-open", TARGET, 19),
)


def quality_by_capacity(document: Value) -> Chart | Absent:
    """Draw the front: quality against capacity at the target."""
    return _drawn(document, Axis("capacity_qps", "capacity (queries/s, log scale)", True), "Quality against capacity")


def quality_by_latency(document: Value) -> Chart | Absent:
    """Draw the front: quality against the target's percentile at the load of the exploration."""
    tail = tail_name(document["sla"])
    load = amount(document["load_qps"].number)
    axis = Axis("p95_ms", f"{tail} at {load} queries/s (ms, log scale)", False)
    return _drawn(document, axis, f"Quality against {tail}")


def _drawn(document: Value, axis: Axis, title: str) -> Chart | Absent:
    points = [(each, spot) for each in document["front"] if (spot := _spot(each, axis, document)) is not None]
    if not points:
        return Absent(title, "the document holds no front")
    figure = blank(axis.title, safe(metric(document)))
    seen = [spot for _, spot in points]
    seen += _add_simulated(figure, document, axis)
    _add_staircase(figure, [spot for _, spot in points], axis.more)
    for stages in sorted({depth(each) for each, _ in points}):
        mine = [spot for each, spot in points if depth(each) == stages]
        _add_markers(figure, mine, stages_words(stages), drawn_colour(stages))
    seen += _add_specials(figure, document, axis)
    served = _add_engine(figure, document, axis)
    every = [*(x for x, *_ in seen), *served]
    log_axis(figure, every)
    add_floor(figure, every, document["reference"]["floor"].number)
    figure.update_layout(hovermode="closest", showlegend=True, hoverlabel=LABEL)
    return Chart(title, figure, _caption(document, axis, len(points)), height=440)


def _caption(document: Value, axis: Axis, shown: int) -> str:
    simulated, total = document["plans"]["simulated"].number, len(list(document["front"]))
    of = "" if simulated is None else f" of {count(simulated)} simulated plans"
    better = "at that capacity or more" if axis.more else "at that latency or less"
    words = (
        f"The front{of} (n = {plural(shown, 'point')}); small dots are others. The line is the best quality {better}. "
    )
    if shown < total:
        lost = plural(total - shown, "point")
        words += f"{lost} of the front {'cannot be shown' if axis.more else 'cannot keep up with this load'}. "
    words += _served_words(document, axis)
    return words + "Hover for the whole plan; drag to zoom in, double-click to zoom out."


def _served_words(document: Value, axis: Axis) -> str:
    """Say where the engine's points are, or why there are fewer than two."""
    engine, shown = document["engine"], len(_served(document, axis))
    if not engine:
        return ""
    if not axis.more and not _at_one_load(document):
        return f"The engine ran both plans at {amount(engine['load_qps'].number)} queries/s, which is not shown here. "
    words = (
        f"Orange: the engine, with its {'bracket' if axis.more else 'runs'}, at the offline quality. " if shown else ""
    )
    missing = f"{'Neither plan' if not shown else 'Only one plan'} met the target on the engine and has a point. "
    return words + (missing if shown < len(SERVED) else "")


def _served(document: Value, axis: Axis) -> list[tuple[str, float, float]]:
    """Return (plan, x, quality) of the plans that met the target on the engine, where the axis can show them."""
    engine, limit = document["engine"], document["sla"]["latency_ms"].number
    if not axis.more and not _at_one_load(document):
        return []
    found = []
    for key in SERVED:
        x, y = engine[key][axis.key].number, document[key]["quality"].number
        missed = x is not None and limit is not None and not axis.more and x > limit
        if x is not None and y is not None and not missed and LEAST <= x <= MOST and -1 <= y <= 1:
            found.append((key, x, y))
    return found


def _spot(point: Value, axis: Axis, document: Value) -> Spot | None:
    """Return where `point` lies, or None where the axis cannot show it."""
    x, y = point[axis.key].number, point["quality"].number
    if x is None or y is None or not LEAST <= x <= MOST or not -1 <= y <= 1:
        return None
    return x, y, hover(point, document)


def _add_simulated(figure: go.Figure, document: Value, axis: Axis) -> list[Spot]:
    """Draw every simulated point that the document holds, small; of those that coincide one."""
    found: dict[int, dict[tuple[float, float], Spot]] = {}
    for each in document["scatter"]:
        x, y = each[axis.key].number, each["quality"].number
        if x is not None and y is not None and LEAST <= x <= MOST and -1 <= y <= 1:
            words = safe(each["funnel"].text or "")
            found.setdefault(depth(each), {})[(float(f"{x:.3g}"), round(y, 5))] = (x, y, words)
    for stages, spots in sorted(found.items()):
        figure.add_scatter(
            x=[x for x, *_ in spots.values()],
            y=[y for _, y, _ in spots.values()],
            text=[words for *_, words in spots.values()],
            mode="markers",
            marker={"size": 4, "color": drawn_colour(stages), "opacity": 0.28},
            hovertemplate="%{text}<extra></extra>",
            showlegend=False,
        )
    return [spot for spots in found.values() for spot in spots.values()]


def _add_staircase(figure: go.Figure, spots: list[Spot], more: bool) -> None:
    """Draw the best quality at each x or better."""
    best, corners = -math.inf, []
    for x, y, _ in sorted(spots, key=lambda spot: (-spot[0] if more else spot[0], -spot[1])):
        if y > best:
            best = y
            corners.append((x, y))
    figure.add_scatter(
        x=[x for x, _ in corners],
        y=[y for _, y in corners],
        mode="lines",
        line={"color": "#b9bec6", "width": 1.4, "shape": "hv"},
        hoverinfo="skip",
        showlegend=False,
    )


def _add_markers(figure: go.Figure, spots: list[Spot], name: str, colour: str) -> None:
    figure.add_scatter(
        x=[x for x, *_ in spots],
        y=[y for _, y, _ in spots],
        text=[words for *_, words in spots],
        mode="markers",
        marker={"size": 9, "color": colour, "line": {"color": "white", "width": 1}},
        hovertemplate=f"%{{text}}<extra>{name}</extra>",
        name=name,
    )


def _add_specials(figure: go.Figure, document: Value, axis: Axis) -> list[Spot]:
    """Mark the knee, the best single stage and the chosen funnel."""
    found = []
    for special in SPECIALS:
        spot = _spot(document[special.key], axis, document)
        if spot is None:
            continue
        found.append(spot)
        marker = {"size": special.size, "color": special.colour, "symbol": special.symbol, "line": {"width": 2}}
        figure.add_scatter(
            x=[spot[0]],
            y=[spot[1]],
            text=[spot[2]],
            mode="markers",
            marker=marker,
            hovertemplate=f"%{{text}}<extra>{special.name}</extra>",
            name=special.name,
        )
    return found


def _add_engine(figure: go.Figure, document: Value, axis: Axis) -> list[float]:
    """Draw what the engine measured of both plans, with its brackets or its runs; return every x that this takes."""
    spots, reached = [], []
    for key, x, y in _served(document, axis):
        ends = document["engine"][key]["capacity_bracket_qps" if axis.more else "p95_ms_runs"].numbers
        known = [x, *(each for each in ends if LEAST <= each <= MOST)]
        reached.append((min(known), max(known)))
        words = f"{amount(x)} {'queries/s' if axis.more else 'ms'} on the engine"
        spots.append((x, y, safe(f"{words}: {funnel(document[key])}")))
    if spots:
        up = [high - x for (x, *_), (_, high) in zip(spots, reached, strict=True)]
        down = [x - low for (x, *_), (low, _) in zip(spots, reached, strict=True)]
        figure.add_scatter(
            x=[x for x, *_ in spots],
            y=[y for _, y, _ in spots],
            text=[words for *_, words in spots],
            error_x={"array": up, "arrayminus": down, "thickness": 1.4},
            mode="markers",
            marker={"size": 10, "color": ENGINE, "symbol": "x"},
            hovertemplate="%{text}<extra></extra>",
            name="on the engine",
        )
    return [each for ends in reached for each in ends]


def _at_one_load(document: Value) -> bool:
    """Return whether the engine was run at the load at which latencies were simulated."""
    ours, theirs = document["engine"]["load_qps"].number, document["load_qps"].number
    return bool(ours and theirs) and abs((ours or 0.0) / (theirs or 1.0) - 1) <= SAME_LOAD
