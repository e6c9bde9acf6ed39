"""Colours of the study: one a network, near each other within a class of bottleneck; and a few axes used often."""

import plotly.graph_objects as go

from tailrank.report.charts.style import log_ticks
from tailrank.report.study.paper import NETWORKS
from tailrank.report.wording import count

__all__ = ["COLOURS", "LEAST", "MOST", "PAPER", "SCHEDULERS", "band", "colour", "log_axis", "sizes_axis"]

COLOURS = {
    "rmc1": "#1f6fb4",
    "rmc2": "#6baed6",
    "rmc3": "#a64c13",
    "ncf": "#d1661a",
    "wnd": "#e0a034",
    "mtwnd": "#b8860b",
    "din": "#6a51a3",
    "dien": "#b5546a",
}
"""Blue: bound by embeddings; orange: by MLPs; violet: networks of sequences."""

PAPER = "#22262b"
SCHEDULERS = {"static": "#b9bec6", "cpu": "#1f6fb4", "gpu": "#2a8c78"}
LEAST, MOST = 1e-12, 1e15  # of what a logarithmic axis can show in earnest
OTHERS = ("#4d4d4d", "#7b828c", "#b9bec6")


def colour(network: str) -> str:
    """Return a network's colour; networks that the paper does not have are grey."""
    if network in COLOURS:
        return COLOURS[network]
    return OTHERS[sum(map(ord, network)) % len(OTHERS)] if network not in NETWORKS else OTHERS[0]


def log_axis(figure: go.Figure, axis: str, values: list[float]) -> None:
    """Make `axis` ("x" or "y") logarithmic with ticks around positive `values`."""
    low, high = (min(max(value, LEAST), MOST) for value in (min(values), max(values)))
    ticks = log_ticks(low, high)
    settings = {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
    (figure.update_xaxes if axis == "x" else figure.update_yaxes)(**settings)


def sizes_axis(figure: go.Figure, sizes: list[float]) -> None:
    """Make the x axis logarithmic with whole numbers at those of `sizes` that have room."""
    ticks: list[float] = []
    for size in sorted(set(sizes)):
        if not ticks or size >= 1.7 * ticks[-1]:
            ticks.append(size)
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[count(tick) for tick in ticks])


def band(points: list[tuple[float, float, float, float]]) -> dict[str, object]:
    """Return the error bars of (x, y, low, high)."""
    return {
        "array": [high - y for _, y, _, high in points],
        "arrayminus": [y - low for _, y, low, _ in points],
        "thickness": 1.0,
        "width": 2,
    }
