"""The charts of the page but those under load: waterfall, array, top-k unit, silicon, sub-batches."""

import plotly.graph_objects as go

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import blank, safe
from tailrank.report.document import Value
from tailrank.report.rpaccel.palette import CORRECTED, RELEASED, STAGES
from tailrank.report.wording import amount

__all__ = ["binned_quality", "caches", "silicon", "sub_batches", "utilisation", "waterfall"]

CROSS = "\N{MULTIPLICATION SIGN}"
KEPT = (*STAGES, "#c9a227")
MODES = {"released": RELEASED, "corrected": CORRECTED}
BLOCKS = {
    "array": "#1f6fb4",
    "filter": "#a3123a",
    "activation": "#2a8c78",
    "weight": "#c9a227",
    "embedding": "#8f6bbd",
}


def waterfall(document: Value, key: str) -> Chart | Absent:
    """Return a quantity (`latency_ms` or `capacity_qps`) step by step, both modes."""
    title = {"latency_ms": "Latency of a query alone, idea by idea", "capacity_qps": "Throughput, idea by idea"}[key]
    figure = blank("", {"latency_ms": "latency (ms)", "capacity_qps": "capacity (queries/s)"}[key])
    steps: list[str] = []
    for mode, colour in MODES.items():
        rows = list(document["waterfall"][mode])
        steps = [f"{row['step'].text}" for row in rows] or steps
        values = [row[key].number or 0.0 for row in rows]
        over = {"latency_ms": "latency_over_baseline", "capacity_qps": "capacity_over_baseline"}[key]
        words = [f"{row[over].number or 0:.2f}{CROSS}" for row in rows]
        figure.add_bar(
            x=steps,
            y=values,
            name=mode,
            marker_color=colour,
            text=words,
            textposition="outside",
            cliponaxis=False,
            hovertext=[f"{safe(row['text'].text or '')}: {amount(row[key].number)}" for row in rows],
            hoverinfo="text",
        )
    if not steps:
        return Absent(title, "the document holds no waterfall")
    figure.update_layout(barmode="group", bargap=0.25)
    caption = {
        "latency_ms": "Figures above bars: how many times shorter than the baseline. O1 two stages, O2 top-k on the "
        "chip, O3 fission, which makes a query longer, O5 sub-batches, O4 look-ahead.",
        "capacity_qps": "Figures above bars: how many times the baseline's. Sub-batches without look-ahead cost "
        "capacity.",
    }[key]
    return Chart(title, figure, caption)


def utilisation(document: Value) -> Chart | Absent:
    """Return the heat map of how busy the array is, layer by layer, on arrays of each size."""
    title = "How busy the array is, layer by layer"
    rows = list(document["utilisation"])
    if not rows:
        return Absent(title, "the document holds no utilisation")
    sides = sorted({int(row["side"].number or 0) for row in rows}, reverse=True)
    cells = {(_layer(row), int(row["side"].number or 0)): row["utilisation"].number or 0.0 for row in rows}
    layers = list(dict.fromkeys(layer for layer, _ in cells))
    values = [[100 * cells[layer, side] for side in sides] for layer in layers]
    figure = blank("array (cells)", "")
    figure.add_heatmap(
        x=[f"{side} x {side}" for side in sides],
        y=[safe(layer) for layer in layers],
        z=values,
        zmin=0,
        zmax=100,
        colorscale=[[0, "#f3f6fa"], [0.5, "#8fb9de"], [1, "#12508a"]],
        text=[[f"{value:.0f}" for value in row] for row in values],
        texttemplate="%{text}",
        colorbar={"title": {"text": "%"}, "thickness": 12},
        hovertemplate="%{y} on %{x}: %{z:.1f} %<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, title={"text": ""})
    figure.update_xaxes(showgrid=False, side="top", title={"text": ""})
    figure.update_layout(margin={"l": 150, "r": 10, "t": 30, "b": 10})
    caption = (
        "Share of cells that are mapped, weighted by cycles; 4,096 items, weight stationary, convention v1, widths as "
        "the artifact has them. Narrow layers leave a large array idle: what fission is for."
    )
    return Chart(title, figure, caption, height=90 + 20 * len(layers), wide=True)


def _layer(row: Value) -> str:
    return f"{row['network'].text}  {row['layer'].text}"


def binned_quality(document: Value) -> Chart | Absent:
    """Return what the top-k unit loses against exact top-k, over bins, for each count of sub-batches."""
    title = "What approximate top-k costs"
    rows = [row for row in document["fig10b"]["rows"] if row["excess"].text == "fill"]
    if not rows:
        return Absent(title, "the top-k unit was not judged")
    figure = blank("bins of the histogram", "NDCG lost against exact top-k")
    for number, parts in enumerate(sorted({int(row["parts"].number or 1) for row in rows})):
        same = [row for row in rows if row["parts"].number == parts]
        loss = [row["loss"].number or 0.0 for row in same]
        ends = [row["loss_ci95"].numbers for row in same]
        figure.add_scatter(
            x=[row["bins"].number for row in same],
            y=loss,
            name=f"{parts} {'part' if parts == 1 else 'parts'}",
            mode="lines+markers",
            line_color=STAGES[number % len(STAGES)],
            error_y={
                "array": [end[1] - value for end, value in zip(ends, loss, strict=True)],
                "arrayminus": [value - end[0] for end, value in zip(ends, loss, strict=True)],
                "thickness": 1,
                "width": 2,
            },
        )
    figure.update_xaxes(type="log", tickvals=[row["bins"].number for row in rows if row["parts"].number == 1])
    source, keep = document["fig10b"]["source"].text, document["fig10b"]["keep"].text
    caption = (
        f"Bars: 95 % intervals, paired. {source}; {keep} of {document['fig10b']['items'].text} go on, the last bin "
        f"filled in order of arrival; n = {int(rows[0]['queries'].number or 0)} queries."
    )
    return Chart(title, figure, caption)


def caches(document: Value, mode: str) -> Chart | Absent:
    """Return figure 10c: AMAT over the first stage's share of the cache, by keep ratio and capacity."""
    title = f"Dividing the cache between two stages, {mode}"
    rows = list(document["fig10c"][mode]["curves"])
    if not rows:
        return Absent(title, "no caches were simulated")
    figure = blank("share of capacity for stage 1", "AMAT (cycles)")
    keeps = sorted({row["keep"].number or 0.0 for row in rows}, reverse=True)
    sizes = sorted({row["capacity_bytes"].number or 0.0 for row in rows})
    for row in rows:
        keep, size = row["keep"].number or 1.0, row["capacity_bytes"].number or 0.0
        figure.add_scatter(
            x=row["shares"].numbers,
            y=row["amat"].numbers,
            name=f"1/{1 / keep:.0f} kept, {size / 2**20:.0f} MB",
            line={"color": KEPT[keeps.index(keep) % len(KEPT)], "dash": ("dash", "solid")[sizes.index(size) % 2]},
        )
    figure.update_layout(legend={"font": {"size": 10}, "y": -0.2, "yanchor": "top"})
    method = {
        "released": "FIFO, a line of 128 bytes a vector, the second stage replays the first samples, trained and "
        "measured on one trace.",
        "corrected": "LRU, vectors as long as they are, a random sample kept, the first half of the trace trains.",
    }[mode]
    return Chart(title, figure, f"{method} {document['fig10c'][mode]['source'].text}.", height=420)


def silicon(document: Value, unit: str) -> Chart | Absent:
    """Return area (`mm2`) or power (`mw`) by block, ours beside the artifact's."""
    title = {"mm2": "Area by block", "mw": "Synthesised power by block"}[unit]
    ours = document["fig11"]
    if not ours:
        return Absent(title, "the document holds no areas")
    figure = blank({"mm2": "area (mm²)", "mw": "power (mW)"}[unit], "")
    names = ("RPAccel", "baseline")
    for block, colour in BLOCKS.items():
        values = [ours[f"{name.lower()}_{unit}"][block].number or 0.0 for name in names]
        figure.add_bar(y=names, x=values, name=block, orientation="h", marker_color=colour)
    figure.update_layout(barmode="stack", bargap=0.45)
    base, total = (ours[f"{name}_{unit}"]["total"].number or 0.0 for name in ("baseline", "rpaccel"))
    more = f"{100 * (total / base - 1):.1f} %" if base else "an unknown share"
    caption = f"RPAccel takes {more} more. GF 12LP, the artifact's synthesis; power without activity or clock."
    return Chart(title, figure, caption, height=230)


def sub_batches(document: Value) -> Chart | Absent:
    """Return latency and capacity of a split design as queries are cut into parts."""
    title = "Cutting a query into parts"
    rows = list(document["sub_batches"])
    if not rows:
        return Absent(title, "the document holds no sub-batches")
    figure = blank("latency of a query alone (ms)", "capacity (queries/s)")
    looks: dict[str, dict[str, object]] = {
        "released": {"color": "#7b828c"},
        "released, link once": {"color": RELEASED},
        "corrected": {"color": CORRECTED},
    }
    dashes = {"reloaded": "dot", "resident": "dash", "resident, look-ahead": "solid"}
    for setting, look in looks.items():
        for weights, dash in dashes.items():
            same = [row for row in rows if (row["setting"].text, row["weights"].text) == (setting, weights)]
            if same:
                figure.add_trace(_path(same, f"{setting}: {weights}", {**look, "dash": dash}))
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"})
    caption = (
        "Two stages on 2 + 2 sub-arrays; figures at points: parts. Up and to the left is better. As published, parts "
        "never help; with resident weights and look-ahead, two to four do."
    )
    return Chart(title, figure, caption, height=380, wide=True)


def _path(rows: list[Value], name: str, line: dict[str, object]) -> go.Scatter:
    return go.Scatter(
        x=[row["latency_ms"].number for row in rows],
        y=[row["capacity_qps"].number for row in rows],
        text=[row["parts"].text for row in rows],
        textposition="top center",
        mode="lines+markers+text",
        name=name,
        line=line,
    )
