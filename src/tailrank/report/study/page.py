"""The page of the study: from its document to one HTML file that needs nothing else."""

from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.frame import placed_row, reproduce, template, write_page
from tailrank.report.study import charts, tables
from tailrank.report.study.cells import Cells
from tailrank.report.study.differences import differences
from tailrank.report.study.faithful import table as fidelity
from tailrank.report.study.paper import GAINS, TAGS
from tailrank.report.study.questions import answers
from tailrank.report.wording import NOT_MEASURED, amount, count, factor, percent, plural, unbroken

__all__ = ["render", "write"]

NO_HOST = "the document holds no host"
Figures = list[Chart | Absent]


def write(directory: Path) -> Path:
    """Write `directory/report.html` from `directory/result.json`, whole or not at all, and return its path.

    Raises `BadInputError` when the result is missing or is not a result document.
    """
    return write_page(directory, render)


def render(document: dict[str, Any]) -> str:
    """Return the whole page for a study's `document` (schema 1); what it lacks is said to be absent.

    The same document gives the same page, byte for byte.
    """
    value = Value(document)
    hosts = Cells(value).hosts
    return template("study.html").render(
        title="DeepRecSys, again",
        headline=_headline(value),
        figures=_key_figures(value),
        sections={name: placed_row(name, row) for name, row in _figures(value, hosts).items()},
        beside=tables.beside_the_paper(value),
        answers=answers(value),
        differences=differences(value),
        readings=tables.readings(value),
        regret=tables.regret(value),
        fidelity=fidelity(value),
        fits=tables.fits(value),
        checks=tables.checks(value),
        claims=tables.claims(value),
        cells=[table for host in hosts if (table := tables.cells(value, host)) is not None],
        reproduce=reproduce(value),
        plotly=Markup(get_plotlyjs()),
    )


def _figures(document: Value, hosts: list[str]) -> dict[str, Figures]:
    """Return the figures of every section; a figure for each host where hosts matter."""

    def each(draw: Any, title: str) -> Figures:
        return [draw(document, host) for host in hosts] or [Absent(title, NO_HOST)]

    return {
        "gains": [*each(charts.gains_by_network, "Capacity over the static baseline"), charts.geomeans(document)],
        "differs": [
            charts.roofline(document),
            charts.operator_shares(document, "cpu"),
            charts.operator_shares(document, "gpu"),
            charts.work_per_row(document),
            charts.reuse(document),
        ],
        "faithful": [charts.integer_poisson(document), charts.speedups(document)],
        "climbs": [
            *_some(each(charts.capacity_by_batch_size, "Capacity against batch size")),
            *_some(each(charts.capacity_by_threshold, "Capacity against offload threshold")),
            charts.lognormal_penalty(document),
        ],
        "gpu": [charts.efficiencies(document), *each(charts.offload_shares, "Share of items on the GPU")],
        "hardware": [charts.best_batch_sizes(document)],
    }


def _some(row: Figures) -> Figures:
    """Return the figures that are there; all that are absent where none is."""
    return [each for each in row if isinstance(each, Chart)] or row[:1]


def _headline(document: Value) -> str:
    cells = Cells(document)
    if not cells.by_key:
        return "DeepRecSys again: the document holds no cells."
    names = [
        _span([cells.geomean_gain(host, each, at) for host in cells.hosts for at in cells.targets]) for each in GAINS
    ]
    words = (
        f"Tuned plans serve {names[0]} the static baseline's queries on CPUs, {names[1]} with a GPU beside them "
        f"(geometric means over {plural(len(cells.networks), 'network')}, by target and host)."
    )
    return unbroken(words)


def _span(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return NOT_MEASURED
    low, high = factor(min(known)), factor(max(known))
    return high if low == high else f"{amount(min(known))} to {high}"


def _key_figures(document: Value) -> list[tuple[str, str, str]]:
    """Return (what, number, range or source) of the few numbers that matter."""
    cells = Cells(document)
    rows = []
    for scheduler, words in (("cpu", "CPU only"), ("gpu", "CPU and GPU")):
        gains = [cells.geomean_gain(host, scheduler, "medium") for host in cells.hosts]
        goal = f"the paper: {GAINS[scheduler]['medium']:g} ({TAGS['gain'][scheduler]['medium']})"
        rows.append((f"Gain at the medium target, {words}", _span(gains), goal))
    held = [row["holds"].raw for row in document["checks"]]
    told = sum(each is not None for each in held)
    missing = f"{len(held) - told} cannot be told" if told < len(held) else "each with our number below"
    rows.append(("Checks that hold", f"{sum(each is True for each in held)} of {count(len(held))}", missing))
    widths = [
        (ends[1] - ends[0]) / qps
        for cell in cells.by_key.values()
        if len(ends := cell["capacity_ci95_qps"].numbers) == 2 and (qps := cell["capacity_qps"].number)
    ]
    widest = percent(100 * max(widths)) if widths else NOT_MEASURED
    rows.append(("Widest interval of a capacity", widest, f"of it, end to end; n = {plural(len(widths), 'cell')}"))
    return rows
