"""Latency: its distribution, simulator over engine, and how it grows with offered load."""

import math

import plotly.graph_objects as go

from tailrank.report.charts.style import (
    BASELINE,
    ENGINE,
    SAME_RUN,
    SIMULATOR,
    TARGET,
    Absent,
    Chart,
    blank,
    log_ticks,
    mark,
    safe,
)
from tailrank.report.document import Value
from tailrank.report.wording import amount, count, plural, target

__all__ = ["latency_against_load", "latency_distribution"]

DISTRIBUTION = "Latency distribution at one load"
AGAINST_LOAD = "Latency against offered load"
KINDS = (
    ("engine_ms", "engine (measured)", ENGINE, "solid", 2.6),
    ("simulator_ms", "simulator, profiled service times", SIMULATOR, "solid", 1.6),
    ("same_run_ms", "simulator, same-run service times", SAME_RUN, "dot", 1.8),
)
SHARES = (0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 0.9999)


def latency_distribution(document: Value) -> Chart | Absent:
    """Draw the share of queries answered within a latency; the scale of shares is stretched towards the tail."""
    cdf = document["latency_cdf"]
    probability = cdf["probability"].numbers
    lines = [(cdf[key].numbers, name, colour, dash, width) for key, name, colour, dash, width in KINDS]
    drawn = [line for line in lines if len(line[0]) == len(probability) and any(map(math.isfinite, line[0]))]
    if not drawn or not any(share < 1 for share in probability):
        return Absent(DISTRIBUTION, "the document holds no latency distribution")
    figure = blank("latency (ms)", "queries answered within it")
    for values, name, colour, dash, width in drawn:
        kept = [(x, 1 - share) for x, share in zip(values, probability, strict=True) if 0 <= share < 1]
        figure.add_scatter(
            x=[x for x, _ in kept],
            y=[slower for _, slower in kept],
            mode="lines",
            line={"color": colour, "dash": dash, "width": width},
            name=name,
            customdata=[100 * (1 - slower) for _, slower in kept],
            hovertemplate="%{customdata:.2f} % within %{x:.2f} ms<extra></extra>",
        )
    last = max(share for share in probability if share < 1)
    ticks = [share for share in SHARES if share <= last]
    figure.update_yaxes(
        type="log",
        range=[0, math.log10(max(1 - last, 1e-5))],  # reversed: the tail is at the top
        tickvals=[1 - share for share in ticks],
        ticktext=[f"{100 * share:g} %" for share in ticks],
    )
    figure.update_xaxes(rangemode="tozero")
    _mark_target(figure, document["sla"], "x")
    percentile = document["sla"]["percentile"].number
    if percentile is not None and 0 < percentile < 100:
        figure.add_hline(y=1 - percentile / 100, line={"color": TARGET, "width": 1, "dash": "dot"})
    return Chart(DISTRIBUTION, figure, _distribution_caption(document, len(probability)), height=380, wide=True)


def _distribution_caption(document: Value, points: int) -> str:
    cdf = document["latency_cdf"]
    queries = cdf["queries"].number
    for run in document["engine"]["runs"]:
        same = run["plan"].raw == cdf["plan"].raw and run["offered_qps"].raw == cdf["offered_qps"].raw
        queries = run["queries"].number if queries is None and same else queries
    size = plural(points, "quantile") if queries is None else f"{count(queries)} queries"
    return (
        f"Where the lines part, the simulator is wrong by the horizontal distance: {cdf['plan'].text or 'one'} plan at "
        f"{amount(cdf['offered_qps'].number, 'queries/s')}, n = {size}; the target is met if the line passes "
        f"above the crossing of the red lines ({target(document['sla'])})."
    )


def latency_against_load(document: Value) -> Chart | Absent:
    """Draw latency percentiles (ms, log scale) against offered load: simulator lines, engine points."""
    curve = [each for each in document["curve"] if each["offered_qps"].number is not None]
    tail = _percentile(document["sla"])
    played = [each for each in document["engine"]["runs"] if each["offered_qps"].number is not None]
    runs = [each for each in played if each[f"{tail}_ms"].number is not None]
    if not curve and not runs:
        return Absent(AGAINST_LOAD, "the document holds neither a simulated curve nor an engine run with a latency")
    figure = blank("offered load (queries/s)", "latency (ms, log scale)")
    seen = _add_curve(figure, curve, tail) + _add_runs(figure, runs, tail)
    positive = [value for value in seen if math.isfinite(value) and value > 0]
    latency_ms = document["sla"]["latency_ms"].number
    if latency_ms is not None and latency_ms > 0:
        positive.append(latency_ms)
    if not positive:
        return Absent(AGAINST_LOAD, "no run recorded a latency percentile")
    ticks = log_ticks(min(positive), max(positive))
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    figure.update_xaxes(rangemode="tozero")
    _mark_target(figure, document["sla"], "y")
    served = count(sum(run["queries"].number or 0 for run in runs))
    engine = (
        f"; engine points from {len(runs)} of {plural(len(played), 'run')} (n = {served} queries)" if played else ""
    )
    caption = (
        f"A plan's capacity is where its {tail} meets the target; everything is {tail} unless named otherwise: "
        f"simulator lines through n = {plural(len(curve), 'load')}{engine}."
    )
    return Chart(AGAINST_LOAD, figure, caption, height=380)


def _percentile(sla: Value) -> str:
    number = sla["percentile"].number
    return f"p{number:g}" if number in (50, 95, 99) else "p95"


def _add_curve(figure: go.Figure, curve: list[Value], tail: str) -> list[float]:
    """Draw the tuned plan's p50, p95, p99 and other plans' tail; return every latency drawn."""
    seen: list[float] = []
    for plan in dict.fromkeys(each["plan"].text or "tuned" for each in curve):
        points = sorted(
            (each for each in curve if (each["plan"].text or "tuned") == plan), key=lambda each: each["offered_qps"].raw
        )
        for name, dash in (("p50", "dot"), ("p95", "dash"), ("p99", "dashdot")):
            if plan != "tuned" and name != tail:
                continue
            values = [_number(each[f"{name}_ms"]) for each in points]
            seen += values
            figure.add_scatter(
                x=[each["offered_qps"].number for each in points],
                y=values,
                mode="lines",
                line={
                    "color": SIMULATOR if plan == "tuned" else BASELINE,
                    "width": 2.2 if name == tail else 1.2,
                    "dash": "solid" if name == tail else dash,
                },
                name=safe(f"simulator, {plan}"),
                showlegend=name == tail,
            )
            if plan == "tuned":
                _label(figure, points, values, name)
    return seen


def _label(figure: go.Figure, points: list[Value], values: list[float], name: str) -> None:
    """Write `name` at the left end of a line, where lines are apart."""
    for point, value in zip(points, values, strict=True):
        if math.isfinite(value) and value > 0:
            words = {"text": name, "showarrow": False, "font": {"color": SIMULATOR, "size": 11}}
            figure.add_annotation(
                x=point["offered_qps"].number, y=math.log10(value), xanchor="right", xshift=-3, **words
            )
            return


def _add_runs(figure: go.Figure, runs: list[Value], tail: str) -> list[float]:
    """Draw one marker per engine run: filled circle where the target was met, cross where it was missed."""
    seen: list[float] = []
    for plan in dict.fromkeys(each["plan"].text or "tuned" for each in runs):
        for met, symbol, word in ((True, "circle", "met"), (False, "x", "missed")):
            points = [run for run in runs if (run["plan"].text or "tuned") == plan and (run["met"].raw is True) == met]
            values = [_number(run[f"{tail}_ms"]) for run in points]
            if not points:
                continue
            seen += values
            figure.add_scatter(
                x=[run["offered_qps"].number for run in points],
                y=values,
                mode="markers",
                marker={"symbol": symbol, "size": 9, "color": ENGINE if plan == "tuned" else BASELINE},
                name=safe(f"engine, {plan}: {word}"),
            )
    return seen


def _number(value: Value) -> float:
    return math.nan if value.number is None else value.number


def _mark_target(figure: go.Figure, sla: Value, axis: str) -> None:
    latency_ms = sla["latency_ms"].number
    if latency_ms is not None and latency_ms > 0:
        mark(figure, axis, latency_ms, f"SLA target {target(sla)}" if sla["percentile"].number else "SLA target")
