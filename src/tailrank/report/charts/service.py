"""Service time: the profile the simulator was given, and where the time goes inside the network."""

from collections import defaultdict

import plotly.graph_objects as go

from tailrank.report.charts.style import ENGINE, INK, SIMULATOR, Absent, Chart, blank, log_ticks, safe, spaced
from tailrank.report.document import Value
from tailrank.report.wording import amount, count, plural

__all__ = ["cost_per_item", "operator_shares", "service_time"]

SERVICE = "Service time against batch size"
PER_ITEM = "Cost per item against batch size"
OPERATORS = "Where the time goes"
NO_PROFILE = "the document holds no profile"
BUSY_COLOURS = (SIMULATOR, ENGINE, "#2a8c78", "#6a51a3", "#8c564b")
PARTS = {
    "lookup": "#1f6fb4",
    "fc": "#e0a034",
    "interaction": "#2a8c78",
    "attention": "#6a51a3",
    "recurrent": "#b5546a",
    "other": "#b9bec6",
}

Point = tuple[float, float, float, float]  # items, mean, p50, p95 in microseconds


def service_time(document: Value) -> Chart | Absent:
    """Draw mean service time (ms) with the p50 to p95 band against items in a batch, per workers busy."""
    series, samples = _profile(document)
    if not series:
        return Absent(SERVICE, NO_PROFILE)
    figure = blank("items in the batch (log scale)", "service time (ms, log scale)")
    for (busy, points), colour in zip(sorted(series.items()), _colours(len(series)), strict=True):
        _add_band(figure, points, colour)
        figure.add_scatter(
            x=[items for items, *_ in points],
            y=[mean / 1e3 for _, mean, *_ in points],
            mode="lines+markers",
            line={"color": colour, "width": 1.8},
            marker={"size": 5},
            name=_busy(busy),
        )
    _log_axes(figure, series, [value / 1e3 for points in series.values() for _, *values in points for value in values])
    return Chart(SERVICE, figure, _contention(series, samples))


def cost_per_item(document: Value) -> Chart | Absent:
    """Draw mean service time over items (us per item) against items in a batch, per workers busy."""
    series, samples = _profile(document)
    if not series:
        return Absent(PER_ITEM, NO_PROFILE)
    figure = blank("items in the batch (log scale)", "service time per item (µs, log scale)")
    for (busy, points), colour in zip(sorted(series.items()), _colours(len(series)), strict=True):
        figure.add_scatter(
            x=[items for items, *_ in points],
            y=[mean / items for items, mean, *_ in points],
            mode="lines+markers",
            line={"color": colour, "width": 1.8},
            marker={"size": 5},
            name=_busy(busy),
        )
    _log_axes(figure, series, [mean / items for points in series.values() for items, mean, *_ in points])
    alone = series[min(series)]
    first, best = alone[0], min(alone, key=lambda point: point[1] / point[0])
    caption = (
        f"Batching pays while this falls: {amount(first[1] / first[0], 'µs')} per item at "
        f"{plural(int(first[0]), 'item')}, at best {amount(best[1] / best[0], 'µs')} at {count(best[0])} "
        f"({_timed(samples)})."
    )
    return Chart(PER_ITEM, figure, caption)


def _profile(document: Value) -> tuple[dict[int, list[Point]], int]:
    """Group the profile's points by workers busy, sorted by items; and count the samples behind them."""
    series, samples = defaultdict(list), 0
    for each in document["profile"]["points"]:
        items, mean = each["items"].number, each["mean_us"].number
        if items is None or items < 1 or mean is None or mean <= 0:
            continue
        p50, p95 = (each[key].number or mean for key in ("p50_us", "p95_us"))
        band = (p50, p95) if 0 < p50 <= p95 else (mean, mean)
        series[int(each["busy"].number or 1)].append((items, mean, *band))
        samples += int(each["samples"].number or 0)
    return {busy: sorted(points) for busy, points in series.items()}, samples


def _add_band(figure: go.Figure, points: list[Point], colour: str) -> None:
    """Shade from p50 to p95."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    figure.add_scatter(
        x=[items for items, *_ in points] + [items for items, *_ in reversed(points)],
        y=[p50 / 1e3 for *_, p50, _ in points] + [p95 / 1e3 for *_, p95 in reversed(points)],
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.16)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )


def _log_axes(figure: go.Figure, series: dict[int, list[Point]], values: list[float]) -> None:
    sizes = sorted({items for points in series.values() for items, *_ in points})
    ticks = spaced(sizes)
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[count(tick) for tick in ticks])
    marks = log_ticks(min(values), max(values))
    figure.update_yaxes(type="log", tickvals=marks, ticktext=[f"{tick:g}" for tick in marks])


def _busy(busy: int) -> str:
    return "worker alone" if busy == 1 else f"{busy} workers busy"


def _colours(number: int) -> list[str]:
    return [BUSY_COLOURS[each % len(BUSY_COLOURS)] for each in range(number)]


def _contention(series: dict[int, list[Point]], samples: int) -> str:
    """Say how much slower the largest common batch is when all workers are busy."""
    lead = "Mean service time, shaded from p50 to p95" if samples else "Service time"
    alone, crowd = ({items: mean for items, mean, *_ in series[busy]} for busy in (min(series), max(series)))
    common = alone.keys() & crowd.keys()
    if len(series) < 2 or not common:
        return f"{lead} ({_timed(samples)}); it is known at one degree of contention only."
    size = max(common)
    return (
        f"{lead} ({_timed(samples)}): with {max(series)} workers busy a batch of {count(size)} items "
        f"takes {amount(crowd[size] / alone[size])} times as long as alone."
    )


def _timed(samples: int) -> str:
    return f"n = {count(samples)} timed batches" if samples else "computed: no batch was timed"


def operator_shares(document: Value) -> Chart | Absent:
    """Draw the share of each kind of operator (%, stacked from zero) for each profiled batch size."""
    rows = [each for each in document["operators"] if each["items"].number is not None and each["shares"]]
    if not rows:
        return Absent(OPERATORS, "the document holds no operator breakdown")
    rows.sort(key=lambda row: row["items"].number or 0)
    figure = blank("items in the batch", "share of service time (%)")
    names = dict.fromkeys([*PARTS, *(key for row in rows for key, _ in row["shares"].pairs)])
    for name in names:
        shares = [100 * (row["shares"][name].number or 0) for row in rows]
        if any(shares):
            figure.add_bar(
                x=[count(row["items"].number) for row in rows],
                y=shares,
                name=safe(name),
                marker={"color": PARTS.get(name, INK)},
                hovertemplate="%{y:.1f} %<extra>%{fullData.name}</extra>",
            )
    figure.update_layout(barmode="stack", bargap=0.35, legend={"traceorder": "normal"})
    figure.update_xaxes(type="category")
    figure.update_yaxes(range=[0, 100.5], rangemode="tozero")
    largest = rows[-1]
    top = max(largest["shares"].pairs, key=lambda pair: pair[1].number or 0)
    caption = (
        f"What to speed up first: at {plural(int(largest['items'].number or 0), 'item')} the largest share is {top[0]} "
        f"with {amount(100 * (top[1].number or 0), digits=2)} % (n = {plural(len(rows), 'batch size')} profiled)."
    )
    return Chart(OPERATORS, figure, caption)
