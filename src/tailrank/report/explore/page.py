"""The page: from the document of an exploration to one HTML file that needs nothing else, not even a network."""

from pathlib import Path
from typing import Any

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.explore import facts, tables
from tailrank.report.explore.answer import headline, key_figures, verdict
from tailrank.report.explore.bars import capacity_by_stages, latency_by_stages
from tailrank.report.explore.curves import quality_by_items, quality_by_kept
from tailrank.report.explore.drawing import drawings
from tailrank.report.explore.front import quality_by_capacity, quality_by_latency
from tailrank.report.frame import placed_row, plan_toml, reproduce, template, write_page
from tailrank.report.wording import target, unbroken

__all__ = ["render", "write"]


def write(directory: Path) -> Path:
    """Write `directory/report.html` from `directory/result.json`, whole or not at all, and return its path.

    Raises `BadInputError` when the result is missing or is not a result document.
    """
    return write_page(directory, render)


def render(document: dict[str, Any]) -> str:
    """Return the whole page for the `document` of an exploration (schema 1); what it lacks is said to be absent.

    The same document gives the same page, byte for byte.
    """
    value = Value(document)
    badge = verdict(value)
    return template("explore.html").render(
        title=f"Funnels for {value['data']['data'].text or 'labelled data'}",
        headline=headline(value),
        asked=_asked(value),
        badge=(badge[0], badge[1], unbroken(badge[2])),
        figures=key_figures(value),
        notes=[_sentence(note) for note in value["notes"].texts],
        sections={name: placed_row(name, row) for name, row in _figures(value).items()},
        drawings=drawings(value),
        beside=tables.side_by_side(value),
        runs=tables.engine_runs(value),
        engine=bool(value["engine"]),
        front=tables.front(value),
        questions=tables.questions(value),
        search=facts.search(value),
        training=facts.training(value),
        data=facts.data(value),
        not_done=facts.not_done(value),
        plans=_plans(value),
        reproduce=[*facts.machine(value), *reproduce(value)],
        plotly=Markup(get_plotlyjs()),
    )


def _figures(document: Value) -> dict[str, list[Chart | Absent]]:
    return {
        "front": [quality_by_capacity(document), quality_by_latency(document)],
        "stages": [capacity_by_stages(document), latency_by_stages(document)],
        "items": [quality_by_items(document), quality_by_kept(document)],
    }


def _asked(document: Value) -> str:
    """Return the question that the page answers."""
    drop, data = document["quality_drop"].number, document["data"]["data"].text
    words = f"Tailrank funnels{'' if data is None else f': {data}'}, {target(document['sla'])}"
    return words if drop is None else f"{words}, at most {100 * drop:g} % of the best network's quality given up"


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:] + ("" if note.endswith((".", "!", "?")) else ".")


def _plans(document: Value) -> list[tuple[str, str]]:
    """Return (name, TOML) of both plans, as every verb reads them."""
    named = (("plan.toml, chosen", "chosen"), ("baseline.toml, best single stage", "best_single_stage"))
    found = [(name, document[key]["plan"]) for name, key in named]
    return [(name, plan_toml(plan)) for name, plan in found if isinstance(plan.raw, dict) and plan.raw]
