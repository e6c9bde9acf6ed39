"""What every page needs around its figures: templates, figures placed in them, plans, and how to run it again."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from tailrank.core.files import write_text
from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value, read
from tailrank.report.wording import NOT_MEASURED, amount, unbroken

__all__ = ["placed", "placed_row", "plan_toml", "reproduce", "template", "write_page"]


def write_page(directory: Path, render: Callable[[dict[str, Any]], str]) -> Path:
    """Write `directory/report.html` from `directory/result.json`, whole or not at all, and return its path.

    Raises `BadInputError` when the result is missing or is not a result document.
    """
    path = directory / "report.html"
    write_text(path, render(read(directory / "result.json")))
    return path


@cache
def template(name: str) -> Template:
    """Return the page template called `name`; text in it is escaped, and an unknown variable is an error."""
    environment = Environment(
        loader=PackageLoader("tailrank.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def placed(each: Chart | Absent, name: str) -> dict[str, Any]:
    """Return what the template needs to place one figure."""
    if isinstance(each, Absent):
        return {"title": each.title, "absent": each.why}
    return {
        "title": each.title,
        "absent": "",
        "caption": unbroken(each.caption),
        "height": each.height,
        "wide": each.wide,
        "id": f"chart-{name}",
        "json": _draw(each),
    }


def placed_row(name: str, row: Sequence[Chart | Absent]) -> list[dict[str, Any]]:
    """Return the same for a row of figures, which are numbered."""
    return [placed(each, f"{name}-{number}") for number, each in enumerate(row)]


def _draw(chart: Chart) -> Markup:
    """Return the figure as JSON that is safe inside a script element: plotly escapes <, > and /."""
    return Markup(chart.figure.to_json(engine="json"))


def plan_toml(plan: Value) -> str:
    """Return a plan as the TOML file that every verb reads."""
    return tomli_w.dumps(_without_nulls(plan.raw)) if isinstance(plan.raw, dict) else NOT_MEASURED


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _without_nulls(each) for key, each in data.items() if each is not None}
    if isinstance(data, list):
        return [_without_nulls(each) for each in data if each is not None]
    return data


def reproduce(document: Value) -> list[tuple[str, str]]:
    """Return (term, words) of everything needed to run this again."""
    versions = [f"{name} {value.text}" for name, value in document["versions"].pairs if value.text]
    return [
        ("Seed", document["seed"].text or NOT_MEASURED),
        ("Versions", ", ".join(versions) or NOT_MEASURED),
        ("Made at", document["made_at"].text or NOT_MEASURED),
        ("Took", amount(document["seconds"].number, "s")),
        ("Command", document["command"].text or NOT_MEASURED),
    ]
