"""Gains over the static baseline: by network, and their geometric means beside the paper's."""

import plotly.graph_objects as go

from tailrank.report.charts.style import BASELINE, Absent, Chart, blank, mark, safe
from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, geomean, title
from tailrank.report.study.charts.palette import PAPER, SCHEDULERS, log_axis
from tailrank.report.study.paper import EFFICIENCY, EFFICIENCY_TAG, GAINS, TAGS
from tailrank.report.wording import amount, factor, plural

__all__ = ["efficiencies", "gains_by_network", "geomeans"]

NAMES = {"cpu": "tuned, CPU", "gpu": "tuned, CPU and GPU"}
POWER = {
    "qps_per_tdp_watt": "Per watt of TDP, of the CPU and of the GPU where there is one, as the paper probably counted.",
    "qps_per_watt": "Per watt drawn: idle power, and the busy share of what lies between idle and TDP.",
}
WIDE_RANGE = 12  # gains beyond this need a logarithmic axis
HOST_COLOURS = ("#1f6fb4", "#d1661a", "#6a51a3", "#2a8c78")


def gains_by_network(document: Value, host: str) -> Chart | Absent:
    """Draw capacity over the static baseline's, for each target and network, on one host."""
    cells, heading = Cells(document), f"Capacity over the static baseline, {host}"
    figure = blank("", "capacity over static")
    seen: list[float] = []
    for scheduler, name in NAMES.items():
        found = [
            (safe(target), safe(title(network)), gain)
            for target in cells.targets
            for network, gain in cells.across("gain", host, scheduler, target).items()
            if gain > 0
        ]
        if found:
            targets, networks, gains = map(list, zip(*found, strict=True))
            figure.add_bar(x=[targets, networks], y=gains, name=name, marker={"color": SCHEDULERS[scheduler]})
            seen += gains
    if not seen:
        return Absent(heading, "the document holds no gain on this host")
    if max(seen) > WIDE_RANGE:
        log_axis(figure, "y", [*seen, 1.0])
    else:
        figure.update_yaxes(range=[0, 1.08 * max(seen)])
    mark(figure, "y", 1.0, "static", BASELINE)
    figure.update_layout(barmode="group", bargap=0.25)
    worst = min(seen)
    caption = (
        f"Targets from tight to loose; the dashed line is the static baseline (largest query over all cores). The "
        f"least gain is {factor(worst)}, the greatest {factor(max(seen))} (n = {len(seen)} cells)."
    )
    return Chart(heading, figure, caption, height=340, wide=True)


def geomeans(document: Value) -> Chart | Absent:
    """Draw the geometric mean gains of each host beside the paper's."""
    cells, heading = Cells(document), "Geometric mean gains beside the paper's"
    ours = {
        host: [
            (scheduler, target, gain)
            for scheduler in GAINS
            for target in cells.targets
            if (gain := cells.geomean_gain(host, scheduler, target)) is not None
        ]
        for host in cells.hosts
    }
    if not any(ours.values()):
        return Absent(heading, "the document holds no geometric mean")
    figure = blank("", "capacity over static")
    _add_bars(figure, [(each, target, gain) for each in GAINS for target, gain in GAINS[each].items()], "paper", PAPER)
    for number, (host, rows) in enumerate(ours.items()):
        _add_bars(figure, rows, host, HOST_COLOURS[number % len(HOST_COLOURS)])
    mark(figure, "y", 1.0, "static", BASELINE)
    figure.update_layout(barmode="group", bargap=0.25)
    tags = sorted({tag for targets in TAGS["gain"].values() for tag in targets.values()})
    caption = (
        f"The paper's bars are as far as they are known (tags {', '.join(tags)}, explained below): what it reports was "
        f"measured on its own machines with its own traffic, ours is simulated on described hardware "
        f"(n = {len(cells.networks)} networks)."
    )
    return Chart(heading, figure, caption, height=360)


def efficiencies(document: Value) -> Chart | Absent:
    """Draw the geometric mean of capacity per watt over the static baseline's, beside the paper's."""
    cells, heading = Cells(document), "Capacity per watt over the static baseline"
    figure = blank("", "QPS per watt over static")
    rows = [(each, target, gain) for each in EFFICIENCY for target, gain in EFFICIENCY[each].items()]
    _add_bars(figure, rows, "paper", PAPER)
    ours: list[float] = []
    for number, host in enumerate(cells.hosts):
        rows = [
            (scheduler, target, gain)
            for scheduler in EFFICIENCY
            for target in cells.targets
            if (gain := geomean(cells.ratios(cells.per_watt, host, scheduler, target).values())) is not None
        ]
        ours += [gain for *_, gain in rows]
        _add_bars(figure, rows, host, HOST_COLOURS[number % len(HOST_COLOURS)])
    if not ours:
        return Absent(heading, "the document holds no QPS per watt")
    mark(figure, "y", 1.0, "static", BASELINE)
    figure.update_layout(barmode="group", bargap=0.25)
    caption = (
        f"{POWER[cells.per_watt]} The paper's numbers are tagged {EFFICIENCY_TAG}; ours lie between "
        f"{amount(min(ours))} and {amount(max(ours))} (n = {plural(len(ours), 'mean')})."
    )
    return Chart(heading, figure, caption, height=360)


def _add_bars(figure: go.Figure, rows: list[tuple[str, str, float]], name: str, colour: str) -> None:
    if not rows:
        return
    words = {"cpu": "CPU", "gpu": "CPU and GPU"}
    figure.add_bar(
        x=[[words.get(each, each) for each, *_ in rows], [safe(target) for _, target, _ in rows]],
        y=[gain for *_, gain in rows],
        name=safe(name),
        marker={"color": colour},
        text=[f"{gain:.2g}" if gain < 10 else f"{gain:.0f}" for *_, gain in rows],
        textposition="outside",
        textfont={"size": 10},
        cliponaxis=False,
    )
