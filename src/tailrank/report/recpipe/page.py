"""The page of the study: from its document to one HTML file that needs nothing else."""

import math
from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.frame import placed_row, reproduce, template, write_page
from tailrank.report.recpipe import charts, hosts, tables, tails
from tailrank.report.recpipe.answers import answers
from tailrank.report.recpipe.words import STAGES, last_reading
from tailrank.report.wording import NOT_MEASURED, count, unbroken

__all__ = ["render", "write"]

ONE, TWO, _ = STAGES


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
    names = [name for name, _ in value["quality"].pairs]
    return template("recpipe.html").render(
        title="RecPipe, again",
        headline=_headline(value),
        figures=_key_figures(value),
        quick=value["quick"].raw is True,
        sections={name: placed_row(name, row) for name, row in _figures(value, names).items()},
        answers=answers(value),
        ratios=tables.ratios(value),
        errors=tables.errors(value),
        too_fast=tables.too_fast(value),
        beside=tables.beside(value),
        low_load=tables.low_load(value),
        tails=tables.tails(value),
        funnels=[table for name in names if (table := tables.funnels(value, name)) is not None],
        checks=[table for number in (10, 13) if (table := tables.checks(value, number)) is not None],
        reproduce=reproduce(value),
        plotly=Markup(get_plotlyjs()),
    )


def _figures(document: Value, names: list[str]) -> dict[str, list[Chart | Absent]]:
    return {
        "quality": [charts.items(document, name) for name in names] or [Absent("NDCG@64 against items", "no tiers")],
        "stages": [tails.stages(document), tails.scatter(document), hosts.modern_capacity(document)],
        "gpu": [tails.front_ends(document), hosts.where_it_collapses(document)],
        "limits": [hosts.time_shares(document)],
        "cut": [charts.cut_swept(document)],
    }


def _headline(document: Value) -> str:
    rows = [row["holds"].raw for row in document["checks"]]
    if not rows:
        return "RecPipe again: the document holds no checks."
    late = document["latency"]["inferred"]["late_ms"].number or math.nan
    words = (
        f"RecPipe's funnels win where it says, and {sum(each is True for each in rows)} of {len(rows)} lines of its "
        f"checks hold; but its loads were lower than stated (1,000 queries a second were about "
        f"{1e3 / (1 + late):.0f}), and on its CPUs the gain of two stages hangs on 0.03 points of NDCG."
    )
    return unbroken(words)


def _key_figures(document: Value) -> list[tuple[str, str, str]]:
    """Return (what, number, range or source) of the few numbers that matter."""
    name = last_reading(document)
    low = next((row for row in document["latency"]["ratios"] if row["nominal_qps"].number == 67), Value())
    last = next((row for row in document["latency"]["errors"] if row["reading"].text == name), Value())
    at = {
        row["funnel"].text: row["capacity_qps"].number
        for row in document["modern"]["outcomes"]
        if not row["gpu"].text and row["naive"].raw is False and row["batch"].number == 4096
    }
    one, two = at.get(ONE), at.get(TWO)
    cut = document["cut"]["vanishes"]["logged"]["67"].number
    return [
        (
            "p95, one stage over two, low load",
            _two(low["ours"][name].number),
            f"the artifact logged {_two(low['logged'].number)}",
        ),
        (
            "Capacity, two stages over one, modelled",
            _two(two / one if one and two else None),
            f"{count(two)} against {count(one)} queries/s, Cascade Lake, 32 cores",
        ),
        (
            "Logged tails explained",
            f"{count(last['same_stability'].number)} of {count(last['points'].number)}",
            f"keep up where the log does; median error {100 * (last['median_error'].number or math.nan):.0f} %",
        ),
        (
            "Two stages stop winning at a cut of",
            NOT_MEASURED if cut is None else f"{cut:g} %",
            f"NDCG@64, in the logs; the artifact cuts at {document['logged']['cut'].number or math.nan:g} %",
        ),
    ]


def _two(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.2f}\N{MULTIPLICATION SIGN}"
