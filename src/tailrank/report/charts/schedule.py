"""Schedule lag: was the load generator itself on time?"""

import math

from tailrank.report.charts.style import SIMULATOR, Absent, Chart, blank, log_ticks, mark
from tailrank.report.document import Value
from tailrank.report.wording import amount, count

__all__ = ["schedule_lag"]

TITLE = "Schedule lag of the dispatcher"
ALLOWED_SHARE = 0.01  # of the SLA target
LONGEST_MS = 1e9  # eleven days: a longer target is a mistake, and its line would squeeze the figure


def schedule_lag(document: Value) -> Chart | Absent:
    """Draw the share of queries (%, from zero) by how late the dispatcher took them up (us)."""
    lag = document["engine"]["schedule_lag_us"]
    edges, counts = lag["histogram"]["edges_us"].numbers, lag["histogram"]["counts"].numbers
    total = sum(counts)
    if len(edges) != len(counts) + 1 or not all(map(math.isfinite, edges)) or not total > 0:
        return Absent(TITLE, "schedule lag is only known when the engine was run")
    figure = blank("schedule lag (µs)", "queries (%)")
    positive = [edge for edge in edges if edge > 0]
    latency_ms = document["sla"]["latency_ms"].number
    limit = 1e3 * latency_ms * ALLOWED_SHARE if latency_ms is not None and 0 < latency_ms < LONGEST_MS else None
    reach = [*positive, limit] if limit else positive
    log = bool(positive) and max(reach) > 50 * min(positive)
    if log:
        edges = [max(edge, min(positive) / 2) for edge in edges]
        ticks = log_ticks(min(edges), max(reach))
        figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
        figure.update_xaxes(title={"text": "schedule lag (µs, log scale)"})
    shares = [100 * each / total for each in counts]
    figure.add_scatter(
        x=[edges[0], *edges, edges[-1]],
        y=[0, *shares, shares[-1], 0],
        mode="lines",
        line={"shape": "hv", "width": 1.2, "color": SIMULATOR},
        fill="tozeroy",
        fillcolor="rgba(31,111,180,0.35)",
        showlegend=False,
    )
    figure.update_layout(margin={"t": 12})
    figure.update_yaxes(range=[0, 1.12 * max(shares)])
    if limit:
        mark(figure, "x", limit, "1 % of the SLA target")
    p99 = document["engine"]["schedule_lag_p99_us"].number
    p99 = lag["p99"].number if p99 is None else p99
    caption = (
        f"Latency counts from the scheduled arrival, so lag is inside every number here; p99 is {amount(p99, 'µs')} "
        f"and the longest {amount(lag['max'].number, 'µs')} (n = {count(total)} queries); a p99 beyond "
        "the red line means that the load generator was late."
    )
    return Chart(TITLE, figure, caption)
