"""Figures of tails against load: logged ones hollow and dotted, ours solid."""

import math

import plotly.graph_objects as go

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import INK, blank, log_ticks, safe
from tailrank.report.document import Value
from tailrank.report.recpipe.words import SERIES, STAGES, last_reading
from tailrank.report.wording import count, percent

__all__ = ["front_ends", "scatter", "stages"]


def stages(document: Value) -> Chart | Absent:
    """Draw figure 7c: p95 against nominal load of one, two and three stages, logged and ours."""
    heading, name = "One, two, three stages on CPUs: p95 against the nominal load", last_reading(document)
    rows = [row for row in document["latency"]["cells"] if row["figure"].text == "7c"]
    if not rows:
        return Absent(heading, "the document holds no tails")
    figure = blank("nominal load (queries/s)", "p95 (ms)")
    for number, (funnel, words) in enumerate(STAGES.items()):
        mine = [row for row in rows if row["funnel"].text == funnel]
        _pair(figure, mine, words, SERIES[number], name)
    _log_both(figure, rows, name)
    caption = (
        f"Hollow, dotted: the artifact's logs [L]. Solid: its own times in our simulator, {name}. Beyond its "
        f"capacity a p95 grows with the length of the run and means nothing (n = 2,000 queries a point)."
    )
    return Chart(heading, figure, caption, height=380)


def front_ends(document: Value) -> Chart | Absent:
    """Draw figure 8: p95 against nominal load with a T4 in front, behind, alone, or not at all."""
    heading, name = "A T4 in front: p95 against the nominal load", last_reading(document)
    rows = [row for row in document["latency"]["cells"] if row["figure"].text == "8"]
    if not rows:
        return Absent(heading, "the document holds no tails")
    figure = blank("nominal load (queries/s)", "p95 (ms)")
    kinds = (
        ("gpu", "rm-large:4096", "GPU alone, RM_large"),
        ("gpu>cpu", "rm-small:4096>rm-large:128", "GPU in front"),
        ("cpu>gpu", "rm-small:4096>rm-large:128", "GPU behind"),
        ("cpu>cpu", "rm-small:4096>rm-large:128", "CPUs only"),
    )
    for number, (devices, funnel, words) in enumerate(kinds):
        mine = [row for row in rows if (row["devices"].text, row["funnel"].text) == (devices, funnel)]
        _pair(figure, mine, words, SERIES[number], name)
    _log_both(figure, rows, name)
    caption = (
        "Hollow, dotted: logged [L]. Solid: ours. One engine makes a query's inputs, copies them and waits for the "
        "GPU, some 10 ms a query: it can do no more than about a hundred queries a second, whatever the GPU can."
    )
    return Chart(heading, figure, caption, height=380)


def scatter(document: Value) -> Chart | Absent:
    """Draw every logged tail against ours."""
    heading, name = "Every logged tail against ours", last_reading(document)
    rows = [row for row in document["latency"]["cells"] if row["inferred_from"].raw is not True]
    if not rows:
        return Absent(heading, "the document holds no tails")
    figure = blank("logged p95 (ms)", "ours (ms)")
    readings = [row["reading"].text or "" for row in document["latency"]["errors"]]
    seen: list[float] = []
    for number, reading in enumerate(readings):
        x = [row["p95_ms"].number or math.nan for row in rows]
        y = [_mean(row, reading) for row in rows]
        seen += [each for each in (*x, *y) if each > 0]
        colour = SERIES[0] if reading == name else "#b9bec6"
        symbol = "circle" if reading == name else ("x-thin-open" if number else "cross-thin-open")
        label = [f"{row['funnel'].text} on {row['devices'].text}, {row['nominal_qps'].number:g} qps" for row in rows]
        figure.add_scatter(
            x=x, y=y, mode="markers", name=safe(reading), text=[safe(each) for each in label],
            marker={"color": colour, "symbol": symbol, "size": 7},
        )  # fmt: skip
    low, high = min(seen) / 1.2, max(seen) * 1.2
    figure.add_scatter(x=[low, high], y=[low, high], mode="lines", line={"color": INK, "width": 1}, showlegend=False)
    ticks = log_ticks(low, high)
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    last = next((row for row in document["latency"]["errors"] if row["reading"].text == name), Value())
    caption = (
        f"Blue: with two numbers inferred from RM_med's tails alone, {count(last['same_stability'].number)} of "
        f"{count(last['points'].number)} points keep up where the log's do, with a median error of "
        f"{percent(100 * (last['median_error'].number or math.nan))}; grey: readings that infer nothing."
    )
    return Chart(heading, figure, caption, height=380)


def _pair(figure: go.Figure, rows: list[Value], words: str, colour: str, name: str) -> None:
    """Add logged and our tails of one funnel."""
    x = [row["nominal_qps"].number for row in rows]
    figure.add_scatter(
        x=x, y=[row["p95_ms"].number for row in rows], mode="lines+markers", name=f"{words} [L]", showlegend=False,
        line={"color": colour, "dash": "dot", "width": 1.2}, marker={"symbol": "circle-open", "size": 7},
    )  # fmt: skip
    figure.add_scatter(x=x, y=[_mean(row, name) for row in rows], mode="lines", name=words, line={"color": colour})


def _log_both(figure: go.Figure, rows: list[Value], name: str) -> None:
    loads = sorted({row["nominal_qps"].number or 1.0 for row in rows})
    shown = [load for place, load in enumerate(loads) if place == 0 or load >= 1.25 * loads[place - 1]]
    figure.update_xaxes(type="log", tickvals=shown, ticktext=[f"{load:g}" for load in shown])
    values = [each for row in rows for each in (row["p95_ms"].number or 1.0, _mean(row, name)) if each > 0]
    ticks = log_ticks(min(values), max(values))
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])


def _mean(row: Value, reading: str) -> float:
    numbers = row["ours"][reading].numbers
    return numbers[0] if numbers else math.nan
