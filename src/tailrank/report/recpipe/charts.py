"""Figures of quality and of the cut: logged values are hollow or dotted and tagged L, ours are solid."""

import plotly.graph_objects as go

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import INK, TARGET, blank, mark, safe, spaced
from tailrank.report.document import Value
from tailrank.report.recpipe.words import SERIES, title
from tailrank.report.wording import count, plural

__all__ = ["cut_swept", "items"]

SHOWN_FROM = 91.0  # below, nothing changes any more
NETWORKS = {
    "small": "#6baed6",
    "med": "#1f6fb4",
    "medium": "#1f6fb4",
    "large": "#123f66",
    "tiny": "#b9bec6",
}


def items(document: Value, name: str) -> Chart | Absent:
    """Draw NDCG@64 of single stages against items, ours on data set `name` beside the artifact's."""
    heading = f"NDCG@64 against items ranked: {name}"
    rows = list(document["quality"][name]["single"])
    if not rows:
        return Absent(heading, "no tiers were trained on these data")
    figure = blank("items into the only stage", "NDCG@64 (%)")
    seen = _points(figure, [(row["funnel"].text or "", row["ndcg"]) for row in rows], 100.0, "", dash="solid")
    own = list(seen)
    logged = [
        (row["funnel"].text or "", row["ndcg"]) for row in document["logged"]["quality"] if row["run"].text == "3"
    ]
    seen += _points(figure, logged, 1.0, " [L]", dash="dot") if _artifact_data(name) else []
    _log_x(figure, seen)
    figure.update_yaxes(rangemode="tozero")
    found = document["quality"][name]
    by, model = (found["effects"]["ndcg"][key].number for key in ("items_points", "model_points"))
    caption = (
        f"From {count(min(own))} to {count(max(own))} items: {_points_of(by)} with the largest network; from the "
        f"smallest network to the largest: {_points_of(model)} (n = "
        f"{count(found['queries'].number)} queries). Ours is against the best order of a query's own "
        f"candidates; the artifact's, dotted, on its Criteo rows, against a ranking of clicks only."
    )
    return Chart(heading, figure, caption)


def cut_swept(document: Value) -> Chart | Absent:
    """Draw how many times faster two stages are than one, against the quality that is demanded."""
    heading = "Two stages over one, against the cut in quality"
    names = {"logged": "logged [L]", "ours": "its times, simulated", "modern": "modelled host"}
    figure = blank("NDCG@64 that must be exceeded (%)", "p95 of one stage over that of two")
    drawn = 0
    for number, (key, words) in enumerate(names.items()):
        rows = [
            row
            for row in document["cut"]["rows"][key]
            if row["qps"].number == 67 and row["ratio"].number and (row["cut"].number or 0) >= SHOWN_FROM
        ]
        drawn += len(rows)
        figure.add_scatter(
            x=[row["cut"].number for row in rows],
            y=[row["ratio"].number for row in rows],
            mode="lines+markers",
            name=words,
            line={"shape": "vh", "color": SERIES[number], "dash": "dot" if key == "logged" else "solid"},
            text=[safe(f"{row['one'].text} against {row['two'].text}") for row in rows],
        )
    if not drawn:
        return Absent(heading, "the document sweeps no cut")
    _mark_cut(figure, document["logged"]["cut"].number)
    mark(figure, "y", 1.0, "as fast", INK)
    caption = (
        f"At 67 queries a second; quality is the artifact's own in all three (n = {plural(drawn, 'point')}). Below "
        f"92.22 % RM_med alone passes, and the advantage of two stages is gone in the logs."
    )
    return Chart(heading, figure, caption, height=360)


def _mark_cut(figure: go.Figure, cut: float | None) -> None:
    """Draw the artifact's cut, its label beside it where no line runs."""
    if cut is None:
        return
    line = {"color": TARGET, "width": 1.4, "dash": "dash"}
    figure.add_shape(type="line", x0=cut, x1=cut, y0=0, y1=1, yref="paper", line=line)
    figure.add_annotation(
        x=cut, y=0.97, yref="paper", text="the artifact's cut", showarrow=False, xanchor="right", xshift=-28,
        font={"color": TARGET, "size": 11},
    )  # fmt: skip
    figure.update_xaxes(range=[90.95, 92.5])


def _points(figure: go.Figure, rows: list[tuple[str, Value]], scale: float, tail: str, *, dash: str) -> list[float]:
    """Add a line for each network of single stages; return the items seen."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for funnel, value in rows:
        name, _, size = funnel.partition(":")
        if value.number is not None and size.isdigit():
            lines.setdefault(name, []).append((float(size), scale * value.number))
    for name, found in lines.items():
        colour = NETWORKS.get(name.rsplit("-", 1)[-1], INK)
        figure.add_scatter(
            x=[x for x, _ in found], y=[y for _, y in found], mode="lines+markers", name=f"{title(name)}{tail}",
            line={"color": colour, "dash": dash, "width": 1.2 if tail else 2},
            marker={"symbol": "circle-open" if tail else "circle", "size": 6},
        )  # fmt: skip
    return [x for found in lines.values() for x, _ in found]


def _log_x(figure: go.Figure, sizes: list[float]) -> None:
    ticks = spaced(sorted(set(sizes)))
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[count(tick) for tick in ticks])


def _points_of(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.1f} points"


def _artifact_data(name: str) -> bool:
    return not name.startswith("movielens")
