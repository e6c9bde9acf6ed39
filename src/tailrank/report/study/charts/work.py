"""What the networks are: roofline, work for a random row, operators, and the GPU's speed-up by batch."""

from collections import defaultdict

import plotly.graph_objects as go

from tailrank.report.charts.service import PARTS
from tailrank.report.charts.style import BASELINE, INK, Absent, Chart, blank, mark, safe
from tailrank.report.document import Value
from tailrank.report.study.cells import title
from tailrank.report.study.charts.palette import LEAST, MOST, colour, log_axis, sizes_axis
from tailrank.report.wording import amount, count, plural, scaled

__all__ = ["operator_shares", "roofline", "speedups", "work_per_row"]

Speeds = dict[str, list[tuple[float, float]]]  # network -> (items, speed-up)
SYMBOLS = ("circle", "diamond", "square", "cross")


def roofline(document: Value) -> Chart | Absent:
    """Draw what the device's peak and DRAM allow each network at each batch, against its FLOPs per byte."""
    heading, data = "Roofline", document["evidence"]["roofline"]
    peak, gbps = data["peak_gflops"].number, data["dram_gbps"].number
    points = [_roof_point(row) for row in data["points"]]
    drawn = [point for point in points if point is not None]
    if not drawn or not peak or not gbps or peak <= 0 or gbps <= 0:
        return Absent(heading, "the document holds no roofline")
    figure = blank("FLOPs per byte of memory (log scale)", "GFLOP/s (log scale)")
    low, high = min(x for _, _, x, _ in drawn) / 1.5, max(x for _, _, x, _ in drawn) * 1.5
    corners = sorted({low, min(max(low, peak / gbps), high), high})
    figure.add_scatter(
        x=corners,
        y=[min(peak, gbps * x) for x in corners],
        mode="lines",
        line={"color": INK, "width": 1.6},
        name=safe(f"roof of {data['device'].text or 'the device'}"),
        hoverinfo="skip",
    )
    batches = sorted({batch for _, batch, *_ in drawn})
    lines = defaultdict(list)
    for network, batch, x, y in drawn:
        lines[network].append((batch, x, y))
    for network, row in lines.items():
        _add_line(figure, network, sorted(row), batches)
    log_axis(figure, "x", [low, high])
    log_axis(figure, "y", [min(peak, gbps * low), peak])
    sizes = ", ".join(f"{SYMBOLS[number % len(SYMBOLS)]} {count(batch)}" for number, batch in enumerate(batches))
    caption = (
        f"What peak ({amount(peak)} GFLOP/s) and DRAM ({amount(gbps)} GB/s) allow, at batch: {sizes}. Weights are "
        f"read once a batch and embedding rows per item; of the other two networks also what layers hand on."
    )
    return Chart(heading, figure, caption, height=430, wide=True)


def _roof_point(row: Value) -> tuple[str, float, float, float] | None:
    numbers = [row[key].number for key in ("batch", "flops_per_byte", "bound_gflops")]
    batch, x, y = numbers
    if row["network"].text is None or not batch or not x or not y:
        return None
    if not (min(batch, x, y) > LEAST and max(batch, x, y) < MOST):
        return None
    return row["network"].text, batch, x, y


def _add_line(figure: go.Figure, network: str, row: list[tuple[float, float, float]], batches: list[float]) -> None:
    shade = colour(network)
    figure.add_scatter(
        x=[x for _, x, _ in row],
        y=[y for *_, y in row],
        mode="lines+markers",
        line={"color": shade, "width": 0.8, "dash": "dot"},
        marker={
            "size": 10,
            "symbol": [SYMBOLS[batches.index(batch) % len(SYMBOLS)] for batch, *_ in row],
            "color": shade,
        },
        customdata=[batch for batch, *_ in row],
        hovertemplate="batch %{customdata:,}: %{x:.3g} FLOP/byte, %{y:.3g} GFLOP/s<extra>%{fullData.name}</extra>",
        name=safe(title(network)),
    )


def work_per_row(document: Value) -> Chart | Absent:
    """Draw the table rows read at random for one item, by network."""
    heading = "Random accesses for one item"
    rows = [
        (row["network"].text or "", row["random_reads"].number, row["flops"].number)
        for row in [*document["evidence"]["networks"], *document["evidence"]["others"]]
    ]
    found = [(name, reads, flops) for name, reads, flops in rows if reads is not None and reads > 0 and flops]
    none = [safe(title(name)) for name, reads, _ in rows if reads == 0]
    if not found:
        return Absent(heading, "the document holds no counts of accesses")
    figure = blank("", "rows read for an item (log scale)")
    figure.add_bar(
        x=[safe(title(name)) for name, *_ in found],
        y=[reads for _, reads, _ in found],
        marker={"color": [colour(name) for name, *_ in found]},
        customdata=[amount(flops / reads) for _, reads, flops in found],
        text=[scaled(flops / reads, "").strip() for _, reads, flops in found],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y:,} rows, %{customdata} FLOPs each<extra>%{x}</extra>",
        showlegend=False,
    )
    log_axis(figure, "y", [1.0, 2 * max(reads for _, reads, _ in found)])
    least = min(found, key=lambda row: row[2] / row[1])
    miss = document["evidence"]["roofline"]["flops_in_a_miss"].number
    beside = f"; in the time of one miss a core could do {amount(miss)}" if miss else ""
    caption = (
        f"Above each bar: FLOPs done for each row read. {title(least[0])} does {amount(least[2] / least[1])} of "
        f"them{beside}{'. ' + ', '.join(none) + ' reads none' if none else ''} (n = {plural(len(found), 'network')})."
    )
    return Chart(heading, figure, caption, height=360)


def operator_shares(document: Value, device: str) -> Chart | Absent:
    """Draw the modelled shares of time by operator beside the artifact's figure, for `device` "cpu" or "gpu"."""
    heading = f"Where the time goes, {'GPU' if device == 'gpu' else 'CPU'}"
    rows = [row for row in document["evidence"]["shares"] if row["device"].text == device and row["items"].number]
    sizes = sorted({row["items"].number or 0 for row in rows})
    rows = [row for row in rows if row["items"].number == (64 if 64 in sizes else sizes[-1])] if sizes else []
    bars = [(row, who) for row in rows for who in ("figure", "modelled") if row[who]]
    if not bars:
        return Absent(heading, "the document holds no operator shares")
    figure = blank("", "share of service time (%)")
    for part in dict.fromkeys([*PARTS, *(key for row, who in bars for key, _ in row[who].pairs)]):
        shares = [100 * (row[who][part].number or 0) for row, who in bars]
        if any(shares):
            figure.add_bar(
                x=[[safe(title(row["network"].text or "")) for row, _ in bars], [WHO[who] for _, who in bars]],
                y=shares,
                name=safe(part),
                marker={"color": PARTS.get(part, INK)},
                hovertemplate="%{y:.1f} %<extra>%{fullData.name}</extra>",
            )
    figure.update_layout(barmode="stack", bargap=0.2)
    figure.update_yaxes(range=[0, 100.5])
    items = plural(int(rows[0]["items"].number or 0), "item")
    caption = (
        f"At {items}: the artifact's figure beside the calibrated model of the same shapes "
        f"(n = {plural(len(rows), 'network')}). The figure counts seven kinds of operators only."
    )
    return Chart(heading, figure, caption, height=360, wide=True)


WHO = {"figure": "figure", "modelled": "model"}


def speedups(document: Value) -> Chart | Absent:
    """Draw the GPU's speed over one CPU core by batch: the calibrated model's lines and the figure's points."""
    heading = "GPU over one CPU core, by batch"
    lines: Speeds = defaultdict(list)
    points: Speeds = defaultdict(list)
    for row in document["evidence"]["speedup"]:
        network, items = row["network"].text, row["items"].number
        for name, into in (("modelled", lines), ("figure", points)):
            value = row[name].number
            if network is not None and items and items > 0 and value is not None and value > 0:
                into[network].append((items, value))
    if not lines and not points:
        return Absent(heading, "the document holds no speed-ups by batch")
    figure = blank("items in the batch (log scale)", "GPU over a CPU core (log scale)")
    for network in dict.fromkeys([*lines, *points]):
        line, marks = sorted(lines[network]), sorted(points[network])
        if line:
            figure.add_scatter(
                x=[x for x, _ in line],
                y=[y for _, y in line],
                mode="lines",
                line={"color": colour(network), "width": 1.6},
                name=safe(title(network)),
                legendgroup=safe(network),
            )
        figure.add_scatter(
            x=[x for x, _ in marks],
            y=[y for _, y in marks],
            mode="markers",
            marker={"color": colour(network), "size": 7, "symbol": "circle-open"},
            name=safe(f"{title(network)}, figure"),
            legendgroup=safe(network),
            showlegend=not line,
        )
    both = [each for part in (lines, points) for row in part.values() for each in row]
    sizes_axis(figure, [x for x, _ in both])
    log_axis(figure, "y", [y for _, y in both])
    mark(figure, "y", 1.0, "equal", BASELINE)
    return Chart(heading, figure, _speedup_caption(document, lines, points), height=400)


def _speedup_caption(document: Value, lines: Speeds, points: Speeds) -> str:
    off = [
        abs(modelled / figure - 1)
        for network, row in points.items()
        for items, figure in row
        if (modelled := dict(lines[network]).get(items)) is not None
    ]
    devices = document["evidence"]["devices"]
    lead = f"Lines: {devices['gpu'].text or 'the GPU'} over a core of {devices['cpu'].text or 'the CPU'}, as calibrated"
    if not off:
        return f"{lead}; circles: the artifact's figure."
    middle = sorted(off)[len(off) // 2]
    return (
        f"{lead}; circles: the artifact's figure. The model is off by {amount(100 * middle, '%', digits=2)} in the "
        f"middle and {amount(100 * max(off), '%', digits=2)} at worst (n = {plural(len(off), 'point')})."
    )
