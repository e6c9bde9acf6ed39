"""One slow query, slice by slice: where did it wait?"""

import plotly.graph_objects as go

from tailrank.report.charts.style import ENGINE, OTHERS, Absent, Chart, blank, safe
from tailrank.report.document import Value
from tailrank.report.wording import amount, count, plural

__all__ = ["slow_query"]

TITLE = "One slow query"
SHOWN = 16  # slices with a lane of their own; of more, the last to finish are shown
DISPATCH, QUEUEING = "#5b6470", "#9cc3e6"
TIMES = ("queued_ms", "start_ms", "finish_ms")


def slow_query(document: Value) -> Chart | Absent:
    """Draw the dispatch, queueing and service of a query's slices, then what every worker did meanwhile (ms)."""
    query = document["slow_query"]
    slices = [each for each in query["slices"] if all(each[key].number is not None for key in TIMES)]
    if not slices:
        return Absent(TITLE, "the document singles out no slow query")
    shown = sorted(slices, key=lambda each: each["finish_ms"].number or 0)[-SHOWN:]
    others = [each for each in query["others"] if None not in (each["start_ms"].number, each["finish_ms"].number)]
    workers = sorted({_who(each) for each in [*slices, *others]})
    lanes = [f"slice {number + 1 + len(slices) - len(shown)}" for number in range(len(shown))]
    lanes += [safe(f"{pool} worker {worker}".strip()) for pool, worker in workers]
    figure = blank("time since the query's scheduled arrival (ms)", "")
    _add_slices(figure, query, shown)
    at = {worker: len(shown) + number + 0.4 for number, worker in enumerate(workers)}
    _add_bars(figure, "other queries", OTHERS, [_bar(each, at, "start_ms") for each in others])
    _add_bars(figure, "service", ENGINE, [_bar(each, at, "start_ms") for each in slices], legend=False)
    places = [*range(len(shown)), *at.values()]
    end = max([each["finish_ms"].number or 0 for each in slices] + [query["latency_ms"].number or 0])
    figure.update_layout(barmode="overlay", bargap=0.25)
    figure.update_yaxes(tickvals=places, ticktext=lanes, range=[places[-1] + 0.6, -0.6], showgrid=False)
    figure.update_xaxes(range=[-0.02 * end, 1.03 * end])
    figure.add_hline(y=len(shown) - 0.3, line={"color": "#9aa1aa", "width": 1})
    return Chart(TITLE, figure, _caption(query, slices, shown, len(others)), height=150 + 24 * len(lanes), wide=True)


Bar = tuple[float, float, float, str]  # lane, from ms, to ms, words


def _who(each: Value) -> tuple[str, int]:
    """Return pool and number of a worker; the CPU's pool goes without saying."""
    pool = each["pool"].text or ""
    return "" if pool == "cpu" else pool, int(each["worker"].number or 0)


def _bar(each: Value, at: dict[tuple[str, int], float], start: str) -> Bar:
    who = f"query {count(each['query'].number)}, " if each["query"].number is not None else ""
    words = f"{who}{count(each['size'].number)} items"
    return at[_who(each)], each[start].number or 0, each["finish_ms"].number or 0, words


def _add_slices(figure: go.Figure, query: Value, shown: list[Value]) -> None:
    arrival = query["arrival_ms"].number or 0.0
    dispatch, queueing, service = [], [], []
    for lane, each in enumerate(shown):
        queued, start, finish = (each[key].number or 0 for key in TIMES)
        words = f"{count(each['size'].number)} items on worker {count(each['worker'].number)}"
        dispatch.append((float(lane), arrival, queued, words))
        queueing.append((float(lane), queued, start, words))
        service.append((float(lane), start, finish, words))
    _add_bars(figure, "dispatcher", DISPATCH, dispatch)
    _add_bars(figure, "queueing", QUEUEING, queueing)
    _add_bars(figure, "service", ENGINE, service)


def _add_bars(figure: go.Figure, name: str, colour: str, bars: list[Bar], *, legend: bool = True) -> None:
    if bars:
        figure.add_bar(
            orientation="h",
            y=[lane for lane, *_ in bars],
            base=[start for _, start, *_ in bars],
            x=[stop - start for _, start, stop, _ in bars],
            width=0.72,
            customdata=[[words, stop - start] for _, start, stop, words in bars],
            hovertemplate="%{customdata[0]}: %{customdata[1]:.3f} ms<extra></extra>",
            marker={"color": colour, "line": {"color": "white", "width": 0.6}},
            name=name,
            showlegend=legend,
        )


def _caption(query: Value, slices: list[Value], shown: list[Value], others: int) -> str:
    last = shown[-1]
    queued, start, finish = (last[key].number or 0 for key in TIMES)
    arrival = query["arrival_ms"].number or 0.0
    some = f", the last {len(shown)} shown" if len(shown) < len(slices) else ""
    return (
        f"Query {count(query['query'].number)} ({count(query['size'].number)} items, "
        f"n = {plural(len(slices), 'slice')}{some}) took {amount(query['latency_ms'].number, 'ms')}: its last slice "
        f"spent {amount(queued - arrival, 'ms')} in the dispatcher, {amount(start - queued, 'ms')} "
        f"queueing and {amount(finish - start, 'ms')} in service; "
        f"{plural(others, 'slice')} of other queries in grey."
    )
