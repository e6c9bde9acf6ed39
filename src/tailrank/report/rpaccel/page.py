"""The page of the RPAccel study: from its document to one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.frame import placed_row, reproduce, template, write_page
from tailrank.report.rpaccel import charts, charts_of_load, tables
from tailrank.report.rpaccel.floorplan import floorplan
from tailrank.report.rpaccel.gantt import gantt
from tailrank.report.wording import NOT_MEASURED, amount, unbroken

__all__ = ["render", "write"]

Figures = list[Chart | Absent]
MODES = ("released", "corrected")
DRAWN = (*MODES, "searched")


def write(directory: Path) -> Path:
    """Write `directory/report.html` from `directory/result.json`, whole or not at all, and return its path.

    Raises `BadInputError` when the result is missing or is not a result document.
    """
    return write_page(directory, render)


def render(document: dict[str, Any]) -> str:
    """Return the whole page for a study's `document` (schema 1); the same document gives the same page."""
    value = Value(document)
    return template("rpaccel.html").render(
        title="RPAccel, again",
        headline=_headline(value),
        figures=_key_figures(value),
        sections={name: placed_row(name, row) for name, row in _figures(value).items()},
        tables=_tables(value),
        floorplans=[floorplan(plan) for plan in value["floorplans"]],
        gantts=[(_gantt_words(value, mode), gantt(value["gantt"][mode])) for mode in DRAWN if value["gantt"][mode]],
        quick=bool(value["quick"].raw),
        reproduce=reproduce(value),
        plotly=Markup(get_plotlyjs()),
    )


def _figures(document: Value) -> dict[str, Figures]:
    return {
        "waterfall": [charts.waterfall(document, key) for key in ("latency_ms", "capacity_qps")],
        "load": [charts_of_load.by_load(document, mode) for mode in MODES],
        "devices": [charts_of_load.by_stages(document), charts_of_load.more_items(document)],
        "array": [charts.utilisation(document)],
        "space": [charts_of_load.scatter_of_configurations(document), charts.binned_quality(document)],
        "parts": [charts.sub_batches(document)],
        "searched": [charts_of_load.searched(document)],
        "caches": [charts.caches(document, mode) for mode in MODES],
        "silicon": [charts.silicon(document, unit) for unit in ("mm2", "mw")],
    }


def _tables(document: Value) -> dict[str, Any]:
    return {
        "claims": tables.claims(document),
        "points": tables.points(document),
        "released": tables.waterfall(document, "released"),
        "corrected": tables.waterfall(document, "corrected"),
        "fixed": tables.bugs(document, "released"),
        "made": tables.bugs(document, "corrected"),
        "combined": tables.combined(document),
        "configurations": tables.configurations(document),
        "devices": tables.devices(document, "poisson"),
        "movielens": tables.devices(document, "poisson", "fig14_movielens"),
        "array": tables.arrays(document),
        "filters": tables.filters(document),
        "checks": tables.checks(document),
        "searched": tables.searched(document),
        "caches": tables.caches(document),
    }


def _claim(document: Value, name: str) -> Value:
    return next((row for row in document["claims"] if row["name"].text == name), Value())


def _headline(document: Value) -> str:
    latency, throughput = _claim(document, "latency"), _claim(document, "throughput")
    if not latency or not throughput:
        return "RPAccel again: the document holds no claims."
    return unbroken(
        f"RPAccel's claims of 3{tables.CROSS} latency and 6{tables.CROSS} throughput follow from its formulas "
        f"({tables.factor(latency['released'].number)} and {tables.factor(throughput['released'].number)}), but on two "
        f"different designs; with its mistakes corrected they are {tables.factor(latency['corrected'].number)} and "
        f"{tables.factor(throughput['corrected'].number)}."
    )


def _key_figures(document: Value) -> list[tuple[str, str, str]]:
    rows = []
    for name, words in (("latency", "Latency, undivided array"), ("throughput", "Throughput, 2 + 2 sub-arrays")):
        claim = _claim(document, name)
        told = f"claimed {tables.factor(claim['claimed'].number)}, released {tables.factor(claim['released'].number)}"
        rows.append((words, tables.factor(claim["corrected"].number), told))
    knee = next((row for row in document["searched"]["rows"] if row["knee"].raw), Value())
    both = f"{tables.factor(knee['latency_gain'].number)}, {tables.factor(knee['capacity_gain'].number)}"
    told = f"{amount(knee['latency_ms'].number, 'ms')}, {amount(knee['capacity_qps'].number, 'q/s', digits=4)}"
    rows.append(("Both in one design, by search", both if knee else NOT_MEASURED, told if knee else ""))
    held = [row["holds"].raw for row in document["checks"]]
    judged = [each for each in held if each is not None]
    rows.append(("Checks that hold", f"{sum(judged)} of {len(judged)}", f"{len(held) - len(judged)} more are findings"))
    return rows


def _gantt_words(document: Value, mode: str) -> str:
    chart = document["gantt"][mode]
    parts = int(chart["sub_batches"].number or 1)
    cut = f"each in {parts} parts, weights resident, rows prefetched" if parts > 1 else "each in one piece"
    on = "Found by search" if mode == "searched" else f"{mode.capitalize()}, 2 + 2 sub-arrays"
    return (
        f"{on}: two queries {amount(chart['apart_ms'].number, 'ms')} apart, {cut}. "
        f"Alone a query takes {amount(chart['alone_ms'].number, 'ms')}. The line below a bar says whose it is."
    )
