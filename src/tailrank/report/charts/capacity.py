"""Capacity against batch size: every plan the tuner measured."""

from collections import defaultdict

import plotly.graph_objects as go

from tailrank.report.charts.style import BASELINE, SIMULATOR, TARGET, Absent, Chart, blank, spaced
from tailrank.report.document import Value
from tailrank.report.wording import count, describe_plan, plural, target

__all__ = ["capacity_by_batch_size"]

TITLE = "Capacity against batch size"
SERIES = (SIMULATOR, "#6a51a3", "#2a8c78", "#b8860b", "#8c564b", "#4d4d4d")

Point = tuple[float, float, float, float]  # batch size, capacity, low, high


def capacity_by_batch_size(document: Value) -> Chart | Absent:
    """Draw capacity (queries/s, from zero) against batch size with 95 % intervals and both plans marked."""
    series = _swept(_series(document["candidates"]))
    if not series:
        return Absent(TITLE, "the document lists no candidate plan with a measured capacity")
    figure = blank("batch size (items, log scale)", "capacity (queries/s)")
    for number, (offload_at, points) in enumerate(sorted(series.items(), key=lambda each: each[0] or 0)):
        _add_series(figure, offload_at, sorted(points), SERIES[number % len(SERIES)], named=len(series) > 1)
    tuned, baseline = document["plan"], document["baseline"]
    marks = [
        _add_mark(figure, tuned, document["capacity_qps"].number, "tuned", "diamond", TARGET),
        _add_mark(figure, baseline["plan"], baseline["capacity_qps"].number, "baseline", "square", BASELINE),
    ]
    sizes = sorted({size for points in series.values() for size, *_ in points} | {x for x, _ in filter(None, marks)})
    figure.update_xaxes(type="log", tickvals=spaced(sizes), ticktext=[count(size) for size in spaced(sizes)])
    tops = [high for points in series.values() for *_, high in points] + [y for _, y in filter(None, marks)]
    figure.update_yaxes(range=[0, 1.08 * max(tops)])
    return Chart(TITLE, figure, _caption(document, sum(map(len, series.values()))), height=380)


def _series(candidates: Value) -> dict[float | None, list[Point]]:
    """Group (batch size, capacity, low, high) by offload threshold; an absent interval has no width."""
    series = defaultdict(list)
    for each in candidates:
        size, capacity = each["batch_size"].number, each["capacity_qps"].number
        if size is None or size <= 0 or capacity is None:
            continue
        ends = each["ci95_qps"].numbers
        low, high = ends if len(ends) == 2 and ends[0] <= capacity <= ends[1] else (capacity, capacity)
        series[each["offload_at"].number].append((size, capacity, low, high))
    return series


def _swept(series: dict[float | None, list[Point]]) -> dict[float | None, list[Point]]:
    """Return thresholds that were tried at several batch sizes; the others are of a sweep over thresholds."""
    several = {at: points for at, points in series.items() if at is None or len(points) > 1}
    return several or series


def _add_series(
    figure: go.Figure,
    offload_at: float | None,
    points: list[Point],
    colour: str,
    *,
    named: bool,
) -> None:
    where = "no offload" if offload_at is None else f"offload from {count(offload_at)} items"
    figure.add_scatter(
        x=[size for size, *_ in points],
        y=[capacity for _, capacity, *_ in points],
        error_y={
            "array": [high - capacity for _, capacity, _, high in points],
            "arrayminus": [capacity - low for _, capacity, low, _ in points],
            "thickness": 1.2,
            "width": 3,
        },
        mode="lines+markers",
        line={"color": colour, "width": 1.6},
        marker={"size": 5},
        name=f"simulator, {where}" if named else "simulator, 95 % interval",
    )


def _add_mark(
    figure: go.Figure, plan: Value, capacity: float | None, name: str, symbol: str, colour: str
) -> tuple[float, float] | None:
    size = next(iter(plan["stages"]), Value())["batch_size"].number
    if size is None or size <= 0 or capacity is None:
        return None
    figure.add_scatter(
        x=[size],
        y=[capacity],
        mode="markers",
        marker={"symbol": f"{symbol}-open", "size": 13, "line": {"width": 2.2}, "color": colour},
        name=f"{name} plan ({count(size)})",
    )
    return size, capacity


def _caption(document: Value, plans: int) -> str:
    queries = [each["queries"].number for each in document["candidates"] if each["queries"].number is not None]
    effort = f", {count(min(queries))} simulated queries or more each" if queries else ""
    return (
        f"The highest offered load that met {target(document['sla'])}, for each plan tried "
        f"(n = {plural(plans, 'plan')}{effort}); where intervals overlap, the batch size hardly matters. "
        f"Tuned: {describe_plan(document['plan'])}."
    )
