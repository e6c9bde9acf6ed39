"""Charts of designs under load: figures 12, 13 and 14, ours beside what the artifact logged."""

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import blank, log_ticks, safe
from tailrank.report.document import Value
from tailrank.report.rpaccel.palette import ARTIFACT, STAGES
from tailrank.report.wording import count

__all__ = ["by_load", "by_stages", "more_items", "scatter_of_configurations", "searched"]

MOST_MS = 100.0  # beyond this the artifact's figure calls a point unachievable
ARRIVALS = {"paper": "whole-millisecond gaps", "poisson": "Poisson arrivals"}
WORDS = {1: "one stage", 2: "two stages", 3: "three stages"}


def by_load(document: Value, mode: str) -> Chart | Absent:
    """Return figure 12: p95 of the best configuration against load, by number of stages."""
    title = f"p95 of the best configuration, {mode}"
    rows = [row for row in document["fig12"] if row["mode"].text == mode]
    if not rows:
        return Absent(title, "the document holds no loads")
    figure = blank("offered load (queries/s)", "p95 latency (ms)")
    for number, stages in enumerate(sorted({int(row["stages"].number or 1) for row in rows})):
        for kind, dash in (("paper", "dash"), ("poisson", "solid")):
            same = [row for row in rows if (row["stages"].number, row["arrivals"].text) == (stages, kind)]
            told = [row for row in same if row["stable"].raw and (row["p95_ms"].number or 0) <= MOST_MS]
            figure.add_scatter(
                x=[row["qps"].number for row in told],
                y=[row["p95_ms"].number for row in told],
                name=f"{WORDS[stages]}, {ARRIVALS[kind]}",
                mode="lines+markers",
                line={"color": STAGES[number], "dash": dash},
                hovertext=[safe(row["name"].text or "") for row in told],
            )
        logged = [row for row in rows if (row["stages"].number, row["arrivals"].text) == (stages, "paper")]
        logged = [row for row in logged if (row["artifact_p95_ms"].number or 0) <= MOST_MS]
        figure.add_scatter(
            x=[row["qps"].number for row in logged],
            y=[row["artifact_p95_ms"].number for row in logged],
            name=f"{WORDS[stages]}, logged",
            mode="markers",
            marker={
                "color": STAGES[number],
                "symbol": "x-thin",
                "size": 8,
                "line": {"color": STAGES[number], "width": 2},
            },
        )
    figure.update_xaxes(type="log", tickvals=log_ticks(100, 2000))
    figure.update_yaxes(type="log", tickvals=[1, 2, 3, 5, 10, 20, 50, 100])
    figure.update_layout(legend={"font": {"size": 10}, "y": -0.22, "yanchor": "top"})
    caption = (
        f"Crosses: what the artifact logged, emulated with sleeping processes, whose delays are in it. Points that "
        f"cannot keep up, or above {MOST_MS:g} ms, are left out. n = {count(document['queries'].number)} queries each."
    )
    return Chart(title, figure, caption, height=460)


def scatter_of_configurations(document: Value) -> Chart | Absent:
    """Return every configuration of the sweep: latency alone against capacity, corrected."""
    title = "Every configuration of the sweep"
    rows = [row for row in document["configurations"] if row["mode"].text == "corrected"]
    if not rows:
        return Absent(title, "the document holds no configurations")
    figure = blank("latency of a query alone (ms)", "capacity (queries/s)")
    for number, stages in enumerate(sorted({int(row["stages"].number or 1) for row in rows})):
        same = [row for row in rows if row["stages"].number == stages]
        figure.add_scatter(
            x=[row["latency_ms"].number for row in same],
            y=[row["capacity_qps"].number for row in same],
            mode="markers",
            name=WORDS[stages],
            marker={"color": STAGES[number], "size": 9, "opacity": 0.8},
            hovertext=[safe(row["name"].text or "") for row in same],
        )
    figure.update_xaxes(type="log", tickvals=[0.5, 1, 2, 5, 10, 20, 50])
    caption = (
        "Corrected model. (a, b): a stage is on floor(a / stages) slices of 1/a of the chip. Small slices: more "
        "queries in flight, each of them longer."
    )
    return Chart(title, figure, caption, height=460)


def searched(document: Value) -> Chart | Absent:
    """Return the front of a search beside the paper's divisions and the baseline."""
    title = "What a search of the divisions finds"
    rows = list(document["searched"]["rows"])
    if not rows:
        return Absent(title, "nothing was searched")
    figure = blank("latency of a query alone (ms)", "capacity (queries/s)")
    looks = {"baseline": (ARTIFACT, "markers", "square"), "paper": (STAGES[1], "markers", "diamond")}
    looks["found"] = (STAGES[0], "lines+markers", "circle")
    for kind, (colour, mode, symbol) in looks.items():
        same = [row for row in rows if row["kind"].text == kind]
        figure.add_scatter(
            x=[row["latency_ms"].number for row in same],
            y=[row["capacity_qps"].number for row in same],
            mode=mode,
            name={"baseline": "baseline", "paper": "equal divisions of the paper", "found": "front of the search"}[
                kind
            ],
            line={"color": colour, "shape": "hv"},
            marker={"color": colour, "symbol": symbol, "size": [13 if row["knee"].raw else 8 for row in same]},
            hovertext=[safe(row["name"].text or "") for row in same],
        )
    found = document["searched"]
    caption = (
        f"{count(found['designs'].number)} designs on the paper's chip, {count(found['within'].number)} of them within "
        f"half a per cent of the best single stage's NDCG ({found['source'].text}). Misses by one hit curve, the "
        "artifact's, for all. The large point is the knee."
    )
    return Chart(title, figure, caption, height=400, wide=True)


def more_items(document: Value) -> Chart | Absent:
    """Return figure 13: p95 as queries bring more items, with Poisson arrivals, and what was logged."""
    title = "More items a query, 250 queries a second"
    rows = [row for row in document["fig13"] if row["arrivals"].text == "poisson"]
    if not rows:
        return Absent(title, "the document holds no such sweep")
    figure = blank("items into the first stage", "p95 latency (ms)")
    for key, number, words in (("one", 0, "one stage"), ("two", 1, "two stages")):
        for mode, dash in (("released", "dash"), ("corrected", "solid")):
            same = [row for row in rows if row["mode"].text == mode]
            figure.add_scatter(
                x=[row["first"].number for row in same],
                y=[row[f"{key}_ms"].number for row in same],
                name=f"{words}, {mode}",
                mode="lines+markers",
                line={"color": STAGES[number], "dash": dash},
                hovertext=[safe(row[key].text or "") for row in same],
            )
        logged = [row for row in rows if row["mode"].text == "released"]
        figure.add_scatter(
            x=[row["first"].number for row in logged],
            y=[row[f"artifact_{key}_ms"].number for row in logged],
            name=f"{words}, logged",
            mode="markers",
            marker={
                "color": STAGES[number],
                "symbol": "x-thin",
                "size": 8,
                "line": {"color": STAGES[number], "width": 2},
            },
        )
    figure.update_yaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100])
    caption = "Best configuration at each point, Poisson arrivals. Under them a single stage suffers more than logged."
    return Chart(title, figure, caption, height=400)


def by_stages(document: Value) -> Chart | Absent:
    """Return figure 14 at low load: p95 by device and number of stages, Poisson arrivals, beside the logged values."""
    title = "Low load: p95 by device"
    rows = [row for row in document["fig14"] if row["arrivals"].text == "poisson" and row["low"].number is not None]
    if not rows:
        return Absent(title, "the document holds no devices")
    names = list(dict.fromkeys(row["device"].text or "" for row in rows))
    figure = blank("p95 latency (ms)", "")
    for number in range(3):
        same = {row["device"].text: row for row in rows if row["stages"].number == number + 1}
        figure.add_bar(
            y=names,
            x=[same[name]["low"].number if name in same else None for name in names],
            name=WORDS[number + 1],
            orientation="h",
            marker_color=STAGES[number],
        )
        logged = [(name, same[name]["artifact"]["low"].number) for name in names if name in same]
        figure.add_scatter(
            y=[name for name, ms in logged if ms],
            x=[ms for _, ms in logged if ms],
            mode="markers",
            name=f"{WORDS[number + 1]}, logged",
            marker={"color": ARTIFACT, "symbol": ("x-thin", "cross-thin", "star-triangle-up")[number], "size": 8}
            | {"line": {"color": STAGES[number], "width": 2}},
        )
    figure.update_xaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100])
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(barmode="group", legend={"font": {"size": 10}})
    caption = (
        "CPU and GPU are rooflines, not measured; `tuned` is software of today, `split` lets cores share a query. "
        "Devices that cannot keep up are left out."
    )
    return Chart(title, figure, caption, height=520)
