"""What every page needs around its figures: templates, figures placed in them, and how to run it again."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.wording import NOT_MEASURED, amount, unbroken

__all__ = ["placed", "reproduce", "template"]


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


def _draw(chart: Chart) -> Markup:
    """Return the figure as JSON that is safe inside a script element: plotly escapes <, > and /."""
    return Markup(chart.figure.to_json(engine="json"))


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
