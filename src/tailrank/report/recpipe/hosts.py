"""Figures of modelled hosts: capacity by funnel, where a GPU front end ends, what a query waits for."""

import math

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import blank, log_ticks
from tailrank.report.document import Value
from tailrank.report.recpipe.words import SERIES, folded, title
from tailrank.report.wording import plural

__all__ = ["modern_capacity", "time_shares", "where_it_collapses"]

PARTS = {
    "inputs": ("inputs and link", "#d1661a"),
    "gather": ("gather", "#e0a034"),
    "compute": ("operators", "#1f6fb4"),
    "weights": ("weights", "#6baed6"),
    "sort": ("filtering on the host", "#a3123a"),
}


def modern_capacity(document: Value) -> Chart | Absent:
    """Draw capacity of every funnel on the modelled CPU host, by how inputs and queries are handled."""
    heading = "Modelled Cascade Lake, 32 cores: capacity by funnel"
    rows = [row for row in document["modern"]["outcomes"] if not row["gpu"].text]
    if not rows:
        return Absent(heading, "the document holds no modelled host")
    figure = blank("", "capacity (queries/s)")
    kinds = (
        (lambda row: row["naive"].raw is True, "as the artifact: inputs tensor by tensor", "#b9bec6"),
        (
            lambda row: row["naive"].raw is False and row["batch"].number == 4096,
            "prepared inputs, whole queries",
            SERIES[0],
        ),
        (lambda row: row["naive"].raw is False and row["batch"].number != 4096, "slices of 256 items", SERIES[2]),
    )
    for chosen, words, colour in kinds:
        mine = [row for row in rows if chosen(row)]
        figure.add_bar(
            x=[folded(title(row["funnel"].text or "")) for row in mine],
            y=[row["capacity_qps"].number for row in mine],
            name=words,
            marker={"color": colour},
        )
    figure.update_layout(barmode="group", bargap=0.25, xaxis_tickangle=0)
    caption = (
        f"Highest load with a p95 of at most {document['modern']['target_ms'].number or math.nan:g} ms, exact Poisson "
        f"arrivals, all 32 cores shared by all stages; 0: missed at any load. Simulated on a roofline fitted to other "
        f"machines and networks (n = {plural(len(rows), 'plan')})."
    )
    return Chart(heading, figure, caption, height=360, wide=True)


def where_it_collapses(document: Value) -> Chart | Absent:
    """Draw how many queries a second a GPU front end can do: the artifact's T4 and modelled GPUs."""
    heading = "Where the GPU front end collapses"
    funnel = "rm-small:4096>rm-large:128"
    rows = [row for row in document["modern"]["collapse"] if row["funnel"].text == funnel]
    logged = next(
        (
            row
            for row in document["latency"]["cells"]
            if (row["devices"].text, row["funnel"].text) == ("gpu>cpu", funnel)
        ),
        Value(),
    )
    if not rows:
        return Absent(heading, "the document holds no modelled GPU")
    figure = blank("", "queries/s")
    names = ["T4, artifact, [L]"] + [f"{(row['gpu'].text or '').upper()}, {row['inputs'].text}" for row in rows]
    bounds = [logged["bound_qps"].number] + [row["front_bound_qps"].number for row in rows]
    whole = [None] + [row["capacity_qps"].number for row in rows]
    figure.add_bar(x=list(map(folded, names)), y=bounds, name="one worker's bound", marker={"color": "#b9bec6"})
    figure.add_bar(
        x=list(map(folded, names)), y=whole, name="capacity of the funnel at 50 ms", marker={"color": SERIES[2]}
    )
    ends = [each for each in (*bounds, *whole) if each]
    ticks = log_ticks(min(ends), max(ends))
    figure.update_yaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    figure.update_layout(barmode="group", bargap=0.25, xaxis_tickangle=0)
    caption = (
        "The collapse is of the host's work beside the GPU, not of the GPU: with inputs prepared, pinned and "
        "overlapped it moves up by one or two orders of magnitude. Naive rows use the "
        "software costs fitted to another framework's public measurements; the artifact's own are about half of them."
    )
    return Chart(heading, figure, caption, height=360)


def time_shares(document: Value) -> Chart | Absent:
    """Draw what a query of 4,096 items waits for: on the logged T4, modelled GPUs, the baseline accelerator."""
    heading = "What a query waits for, front end of 4,096 items"
    bars = _bars(document)
    if not bars:
        return Absent(heading, "the document holds no shares")
    figure = blank("", "share of the time (%)")
    for key, (words, colour) in PARTS.items():
        figure.add_bar(
            x=[folded(name) for name, _ in bars],
            y=[100 * shares.get(key, 0.0) for _, shares in bars],
            name=words,
            marker={"color": colour},
        )
    figure.update_layout(barmode="stack", bargap=0.3, xaxis_tickangle=0)
    figure.update_yaxes(range=[0, 100])
    caption = (
        "Left: the artifact's logged T4 [L] (inputs are gathered on the host); middle: modelled GPUs with RM_small, "
        "inputs pinned and overlapped; right: the artifact's undivided accelerator by its published formulas [C], "
        "whose host filters. Filtering 4,096 scores takes 0.35 ms, as those formulas say."
    )
    return Chart(heading, figure, caption, height=360, wide=True)


def _bars(document: Value) -> list[tuple[str, dict[str, float]]]:
    limits, found = document["limits"], []
    for row in limits["logged_t4"]:
        inputs, sort = row["inputs_share"].number or 0.0, row["sort_share"].number or 0.0
        found.append(
            (
                f"T4 [L], {title(row['network'].text or '')}",
                {"inputs": inputs, "sort": sort, "compute": 1 - inputs - sort},
            )
        )
    for row in limits["gpu"]:
        if row["network"].text == "rm-small" and row["inputs"].text != "naive":
            inputs, sort = row["inputs_share"].number or 0.0, row["sort_share"].number or 0.0
            shares = {"inputs": inputs, "sort": sort, "compute": 1 - inputs - sort}
            found.append((f"{(row['gpu'].text or '').upper()}, RM_small", shares))
    for row in limits["monolithic"]:
        names = {"link": "inputs", "gather": "gather", "array": "compute", "weights": "weights", "host_filter": "sort"}
        shares = {part: row[key].number or 0.0 for key, part in names.items()}
        found.append((f"accelerator, {title(row['network'].text or '')}", shares))
    return found
