"""Traffic: reuse of embedding rows, exact against integer Poisson, and sizes with a tail against lognormal ones."""

import plotly.graph_objects as go

from tailrank.report.charts.style import BASELINE, Absent, Chart, blank, mark, safe
from tailrank.report.document import Value
from tailrank.report.study.cells import class_of, geomean, title
from tailrank.report.study.charts.palette import OTHERS
from tailrank.report.wording import count, factor, plural

__all__ = ["integer_poisson", "lognormal_penalty", "reuse"]

TRACE_COLOURS = ("#1f6fb4", "#d1661a", "#6a51a3", "#2a8c78")


def reuse(document: Value) -> Chart | Absent:
    """Draw the hit rate of an LRU cache against the share of the rows that it holds, for each real trace."""
    heading, data = "Reuse of embedding rows", document["evidence"]["reuse"]
    traces = [(trace, [pair.numbers for pair in trace["curve"]]) for trace in data["traces"]]
    found = [(trace, [pair for pair in curve if len(pair) == 2 and pair[0] > 0]) for trace, curve in traces]
    if not any(curve for _, curve in found):
        return Absent(heading, data["absent"].text or "the document holds no reuse of rows")
    figure = blank("rows in the cache (% of the distinct rows, log scale)", "accesses that hit (%)")
    for number, (trace, curve) in enumerate(found):
        figure.add_scatter(
            x=[100 * share for share, _ in curve],
            y=[100 * rate for _, rate in curve],
            mode="lines+markers",
            line={"color": TRACE_COLOURS[number % len(TRACE_COLOURS)], "width": 1.8},
            name=safe(trace["trace"].text or "a trace"),
        )
    shares = sorted({100 * share for _, curve in found for share, _ in curve})
    figure.add_scatter(
        x=shares,
        y=shares,
        mode="lines",
        line={"color": OTHERS[2], "dash": "dash", "width": 1.4},
        name="uniform accesses",
    )
    figure.update_xaxes(type="log", tickvals=shares, ticktext=[f"{share:g}" for share in shares])
    figure.update_yaxes(range=[0, 100])
    accesses = count(sum(trace["accesses"].number or 0 for trace, _ in found))
    caption = (
        f"An LRU cache of whole rows over recorded accesses (n = {accesses} in {plural(len(found), 'trace')}); uniform "
        f"accesses, as the artifact draws them, hit only as often as rows fit."
    )
    return Chart(heading, figure, caption, height=360)


def integer_poisson(document: Value) -> Chart | Absent:
    """Draw the capacity found under the artifact's integer-Poisson arrivals over the one under exact Poisson."""
    heading = "Integer Poisson against exact Poisson"
    rows = [
        (row["network"].text, row["target"].text or "", row["host"].text or "", ratio)
        for row in document["poisson"]
        if row["network"].text and (ratio := row["ratio"].number) is not None
    ]
    if not rows:
        return Absent(heading, "the document holds no comparison of arrivals")
    figure = _bars("capacity, integer over exact", rows)
    mark(figure, "y", 1.0, "exact", BASELINE)
    most = max(rows, key=lambda row: abs(row[3] - 1))
    caption = (
        f"The artifact's gaps are whole milliseconds with a coefficient of variation of one over the root of their "
        f"mean: where gaps are long they are nearly regular. Farthest off: {title(most[0])} with "
        f"{factor(most[3])} (n = {plural(len(rows), 'cell')})."
    )
    return Chart(heading, figure, caption, height=340)


def lognormal_penalty(document: Value) -> Chart | Absent:
    """Draw the capacity lost by tuning on lognormal sizes and serving production sizes, by network and target."""
    heading = "Tuned on lognormal sizes, run on production sizes"
    rows = [
        (row["network"].text, row["target"].text or "", row["host"].text or "", penalty)
        for row in document["penalty"]
        if row["network"].text and (penalty := row["penalty"].number) is not None and penalty > 0
    ]
    if not rows:
        return Absent(heading, "the document holds no penalty")
    figure = _bars("capacity, right over wrong sizes", rows)
    mark(figure, "y", 1.0, "no loss", BASELINE)
    by_target = {target: geomean(each[3] for each in rows if each[1] == target) for _, target, *_ in rows}
    means = ", ".join(f"{target or 'a target'} {factor(mean)}" for target, mean in by_target.items())
    caption = (
        f"Above one, capacity is lost by tuning on the wrong law. Geometric means: {means} (n = "
        f"{plural(len(rows), 'cell')}); the paper's are about 1.2, 1.4 and 1.7 (tag R-m)."
    )
    return Chart(heading, figure, caption, height=360, wide=True)


def _bars(y: str, rows: list[tuple[str, str, str, float]]) -> go.Figure:
    """Draw (network, target, host, value) as bars, a colour a host, targets within networks where there are several."""
    figure = blank("", y)
    hosts, targets = (
        list(dict.fromkeys(each)) for each in ([class_of(row[2]) for row in rows], [row[1] for row in rows])
    )
    for number, host in enumerate(hosts):
        mine = [row for row in rows if class_of(row[2]) == host]
        names = [safe(title(network)) for network, *_ in mine]
        figure.add_bar(
            x=[names, [safe(target) for _, target, *_ in mine]] if len(targets) > 1 else names,
            y=[value for *_, value in mine],
            name=safe(host or "host not recorded"),
            marker={"color": TRACE_COLOURS[number % len(TRACE_COLOURS)]},
        )
    return figure
