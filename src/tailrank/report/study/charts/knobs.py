"""Capacity against the two knobs, the offload share against the target, and the best batch size by host."""

from collections import defaultdict

from tailrank.report.charts.style import Absent, Chart, blank, safe
from tailrank.report.document import Value
from tailrank.report.study.cells import Cells, class_of, title
from tailrank.report.study.charts.palette import band, colour, log_axis, sizes_axis
from tailrank.report.wording import amount, count, plural

__all__ = ["Curves", "best_batch_sizes", "capacity_by_batch_size", "capacity_by_threshold", "curves", "offload_shares"]

Curves = dict[str, list[tuple[float, float, float, float]]]  # network -> (knob, capacity, low, high), ascending

HOST_COLOURS = ("#1f6fb4", "#d1661a", "#6a51a3", "#2a8c78")


def curves(document: Value, knob: str, host: str) -> Curves:
    """Return the curves of capacity against `knob` ("batch_size" or "offload_at") on `host`, by network."""
    found = defaultdict(list)
    for row in document["curves"][knob]:
        network, at, qps = row["network"].text, row[knob].number, row["capacity_qps"].number
        if network is None or at is None or at <= 0 or qps is None or class_of(row["host"].text or "") != host:
            continue
        ends = row["ci95_qps"].numbers
        low, high = ends if len(ends) == 2 and ends[0] <= qps <= ends[1] else (qps, qps)
        found[network].append((at, qps, low, high))
    return {network: sorted(points) for network, points in found.items() if len(points) > 1}


def capacity_by_batch_size(document: Value, host: str) -> Chart | Absent:
    """Draw capacity over the best one, against batch size, a line a network."""
    heading, found = f"Capacity against batch size, {host}", curves(document, "batch_size", host)
    if not found:
        return Absent(heading, "the document holds no curve over batch sizes on this host")
    inner = [title(network) for network, points in found.items() if _interior(points)]
    caption = (
        f"Each line over its own highest point, marked, at the medium target; {_listed(inner)} "
        f"{'peaks' if len(inner) == 1 else 'peak'} between the smallest and the largest batch "
        f"(n = {plural(len(found), 'network')})."
    )
    return _lines(heading, "batch size (items, log scale)", found, caption)


def capacity_by_threshold(document: Value, host: str) -> Chart | Absent:
    """Draw capacity over the best one, against the offload threshold, a line a network."""
    heading, found = f"Capacity against offload threshold, {host}", curves(document, "offload_at", host)
    if not found:
        return Absent(heading, "the document holds no curve over thresholds on this host")
    inner = [title(network) for network, points in found.items() if _interior(points)]
    caption = (
        f"Queries of at least so many items go to the GPU: all of them at the left end, hardly any at the right. "
        f"{_listed(inner)} {'peaks' if len(inner) == 1 else 'peak'} in between (n = {plural(len(found), 'network')})."
    )
    return _lines(heading, "offload threshold (items, log scale)", found, caption)


def offload_shares(document: Value, host: str) -> Chart | Absent:
    """Draw the share of items on the GPU against the target, a line a network."""
    cells, heading = Cells(document), f"Share of items on the GPU, {host}"
    found = {network: cells.along("gpu_item_share", network, host, "gpu") for network in cells.networks}
    lines = {network: shares for network, shares in found.items() if shares}
    if not lines:
        return Absent(heading, "the document holds no share on this host")
    figure = blank("latency target", "items served by the GPU (%)")
    for network, shares in lines.items():
        figure.add_scatter(
            x=list(map(safe, shares)),
            y=[100 * share for share in shares.values()],
            mode="lines+markers",
            line={"color": colour(network), "width": 1.8},
            name=safe(title(network)),
        )
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=list(map(safe, cells.targets)))
    figure.update_yaxes(rangemode="tozero")
    falls = [title(network) for network, shares in lines.items() if _falls(list(shares.values()))]
    caption = f"From the tightest target to the loosest the share falls for {_listed(falls)} of {len(lines)}."
    return Chart(heading, figure, caption, height=340)


def best_batch_sizes(document: Value) -> Chart | Absent:
    """Draw the tuned batch size of each network and target on each host."""
    cells, heading = Cells(document), "Tuned batch size by CPU"
    figure = blank("", "tuned batch size (items, log scale)")
    seen: list[float] = []
    for number, host in enumerate(cells.hosts):
        found = [
            (safe(title(network)), safe(target), size)
            for network in cells.networks
            for target, size in cells.along("batch_size", network, host, "cpu").items()
            if size > 0
        ]
        if found:
            networks, targets, sizes = map(list, zip(*found, strict=True))
            figure.add_scatter(
                x=[networks, targets],
                y=sizes,
                mode="markers",
                marker={"size": 9, "color": HOST_COLOURS[number % len(HOST_COLOURS)], "symbol": number},
                name=safe(host),
            )
            seen += sizes
    if not seen:
        return Absent(heading, "the document holds no tuned batch size")
    log_axis(figure, "y", seen)
    figure.update_xaxes(tickangle=-90)
    caption = (
        f"CPU only, targets from tight to loose within each network; batch sizes from {count(min(seen))} to "
        f"{count(max(seen))} (n = {plural(len(seen), 'cell')})."
    )
    return Chart(heading, figure, caption, height=380, wide=True)


def _lines(heading: str, x: str, found: Curves, caption: str) -> Chart:
    figure = blank(x, "capacity (% of the best)")
    for network, points in found.items():
        best = max(qps for _, qps, *_ in points) or 1.0
        scaled = [(at, 100 * qps / best, 100 * low / best, 100 * high / best) for at, qps, low, high in points]
        top = max(scaled, key=lambda point: point[1])
        figure.add_scatter(
            x=[at for at, *_ in scaled],
            y=[share for _, share, *_ in scaled],
            error_y=band(scaled),
            mode="lines+markers",
            line={"color": colour(network), "width": 1.6},
            marker={"size": [10 if point is top else 4 for point in scaled]},
            customdata=[amount(qps) for _, qps, *_ in points],
            hovertemplate="%{x:,} items: %{customdata} queries/s<extra>%{fullData.name}</extra>",
            name=safe(title(network)),
        )
    sizes_axis(figure, [at for points in found.values() for at, *_ in points])
    figure.update_yaxes(range=[0, 106])
    return Chart(heading, figure, caption, height=380)


def _interior(points: list[tuple[float, float, float, float]]) -> bool:
    """Return whether the highest point is clear of both ends: above each by more than the intervals."""
    _, _, low, _ = max(points, key=lambda point: point[1])
    return low > points[0][3] and low > points[-1][3]


def _falls(values: list[float]) -> bool:
    return values[-1] < values[0]


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"
