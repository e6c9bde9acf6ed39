"""Capacity against offload threshold: what sending large queries to the GPU does."""

from tailrank.report.charts.style import BASELINE, SIMULATOR, TARGET, Absent, Chart, blank, mark, spaced
from tailrank.report.document import Value
from tailrank.report.wording import amount, count, plural, target

__all__ = ["capacity_by_threshold"]

TITLE = "Capacity against offload threshold"


def capacity_by_threshold(document: Value) -> Chart | Absent:
    """Draw capacity (queries/s, from zero) against the threshold at the batch size it was searched at."""
    points = _points(document)
    if not points:
        return Absent(TITLE, "the document lists no candidate plan that offloads")
    figure = blank("queries of at least so many items go to the GPU (log scale)", "capacity (queries/s)")
    figure.add_scatter(
        x=[at for at, *_ in points],
        y=[capacity for _, capacity, *_ in points],
        error_y={
            "array": [high - capacity for _, capacity, _, high in points],
            "arrayminus": [capacity - low for _, capacity, low, _ in points],
            "thickness": 1.2,
            "width": 3,
        },
        mode="lines+markers",
        line={"color": SIMULATOR, "width": 1.6},
        marker={"size": 5},
        name="simulator, 95 % interval",
        showlegend=True,
    )
    ticks = spaced(at for at, *_ in points)
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[count(tick) for tick in ticks])
    tops = [high for *_, high in points]
    without = document["gpu"]["offload"]["capacity_without_qps"].number
    if without is not None and without > 0:
        mark(figure, "y", without, "no offload", BASELINE)
        tops.append(without)
    best = document["gpu"]["offload"]["offload_at"].number
    if best is not None and best > 0:
        mark(figure, "x", best, "tuned", TARGET)
    figure.update_yaxes(range=[0, 1.08 * max(tops)])
    top = max(points, key=lambda point: point[1])
    caption = (
        f"The highest offered load that met {target(document['sla'])} for each threshold "
        f"(n = {plural(len(points), 'plan')}), at best {amount(top[1])} queries/s from {plural(int(top[0]), 'item')}."
    )
    return Chart(TITLE, figure, caption)


def _points(document: Value) -> list[tuple[float, float, float, float]]:
    """Return (threshold, capacity, low, high), ascending, of the batch size with most thresholds."""
    by_size: dict[float, list[tuple[float, float, float, float]]] = {}
    for each in document["candidates"]:
        at, size, capacity = (each[key].number for key in ("offload_at", "batch_size", "capacity_qps"))
        if at is None or at <= 0 or size is None or capacity is None:
            continue
        ends = each["ci95_qps"].numbers
        low, high = ends if len(ends) == 2 and ends[0] <= capacity <= ends[1] else (capacity, capacity)
        by_size.setdefault(size, []).append((at, capacity, low, high))
    longest = max(by_size.values(), key=len, default=[])
    return sorted(longest)
