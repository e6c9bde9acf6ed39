"""Equal quality: the highest capacity and the lowest latency that each number of stages reaches within the floor."""

from tailrank.report.charts.style import TARGET, Absent, Chart, blank, mark
from tailrank.report.document import Value
from tailrank.report.explore.axes import LABEL, MOST
from tailrank.report.explore.points import drawn_colour, factor, funnel, hover, stages_words
from tailrank.report.wording import amount, plural, tail_name

__all__ = ["capacity_by_stages", "latency_by_stages"]

NONE = "the document holds no funnel within the quality floor"


def capacity_by_stages(document: Value) -> Chart | Absent:
    """Draw the highest capacity within the floor, a bar for each number of stages."""
    return _bars(document, "capacity", "capacity_qps", "capacity (queries/s)", "Capacity at equal quality")


def latency_by_stages(document: Value) -> Chart | Absent:
    """Draw the lowest percentile within the floor, a bar for each number of stages."""
    tail, load = tail_name(document["sla"]), amount(document["load_qps"].number)
    return _bars(document, "latency", "p95_ms", f"{tail} at {load} queries/s (ms)", f"Lowest {tail} at equal quality")


def _bars(document: Value, asked: str, key: str, axis: str, title: str) -> Chart | Absent:
    rows = []
    for words, answers in document["iso_quality"].pairs:
        point = answers[asked]
        value = point[key].number
        if words.isdigit() and value is not None and 0 < value < MOST:
            rows.append((int(words), point, value))
    if not rows:
        return Absent(title, NONE)
    rows.sort(key=lambda row: row[0])
    figure = blank("", axis)
    for stages, point, value in rows:
        figure.add_bar(
            x=[stages_words(stages)],
            y=[value],
            text=[amount(value)],
            textposition="outside",
            cliponaxis=False,
            customdata=[hover(point, document)],
            hovertemplate="%{customdata}<extra></extra>",
            marker={"color": drawn_colour(stages)},
            width=0.5,
        )
    limit = document["sla"]["latency_ms"].number
    most = max(value for *_, value in rows)
    if key == "p95_ms" and limit is not None and limit <= 1.5 * most:
        mark(figure, "y", limit, "target", TARGET)
        most = max(most, limit)
    figure.update_yaxes(range=[0, 1.14 * most], tickformat="," if most >= 10 else None)
    figure.update_layout(showlegend=False, hoverlabel=LABEL)
    return Chart(title, figure, _caption(document, rows, key), height=320)


def _caption(document: Value, rows: list[tuple[int, Value, float]], key: str) -> str:
    """Say what each number of stages wins over one, which funnels these are, and which numbers have none."""
    one = next((value for stages, _, value in rows if stages == 1), None)
    said = []
    for stages, point, value in rows:
        words = f"{stages_words(stages)}: {funnel(point)}"
        if one is not None and stages > 1:
            words += f" ({_against(value, one, more=key == 'capacity_qps')})"
        said.append(words)
    asked = [int(each) for each in document["space"]["stages"].numbers if each == each]
    missing = [stages_words(each) for each in asked if each not in {stages for stages, *_ in rows}]
    lost = f" No simulated funnel of {' or '.join(missing)} is within the floor." if missing else ""
    return f"{'; '.join(said)}.{lost} Simulated (n = {plural(len(rows), 'funnel')})."


def _against(value: float, one: float, *, more: bool) -> str:
    """Return how `value` compares with that of one stage."""
    if more:
        return f"{factor(value / one)} the single stage's"
    return f"{factor(one / value)} lower" if value <= one else f"{factor(value / one)} higher"
