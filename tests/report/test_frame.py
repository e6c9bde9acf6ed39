import json
import tomllib
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from tailrank.core import BadInputError
from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import blank
from tailrank.report.document import Value
from tailrank.report.frame import placed, placed_row, plan_toml, reproduce, template, write_page


def test_a_figure_is_placed_with_its_caption_and_an_absent_one_with_its_reason() -> None:
    drawn = placed(Chart("A title", blank("x (s)", "y (s)"), "n = 5 runs", height=123), "part-0")
    assert (drawn["id"], drawn["height"], drawn["absent"]) == ("chart-part-0", 123, "")
    assert drawn["caption"] == "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}5 runs"
    assert placed(Absent("A title", "no data"), "part-1") == {"title": "A title", "absent": "no data"}


def test_labels_in_a_figure_cannot_end_the_script() -> None:
    figure = blank("</script>", "y")
    assert "</script>" not in placed(Chart("t", figure, "c"), "x")["json"]


def test_figures_of_a_row_are_numbered() -> None:
    chart = Chart("t", blank("x", "y"), "c")
    row = placed_row("part", [chart, Absent("gone", "why"), chart])
    assert [each.get("id") for each in row] == ["chart-part-0", None, "chart-part-2"]


def test_a_page_is_written_of_the_result_beside_it(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"schema": 1, "seed": 3}))
    path = write_page(tmp_path, lambda document: f"<p>{document['seed']}</p>")
    assert path == tmp_path / "report.html"
    assert path.read_text() == "<p>3</p>"
    with pytest.raises(BadInputError):
        write_page(tmp_path / "nowhere", lambda _: "")


def test_a_plan_is_given_as_toml_without_what_is_not_set() -> None:
    plan = {"stages": [{"model": "m", "keep": None}], "take": None, "pools": {"cpu": {"workers": 2}}}
    expected = {"stages": [{"model": "m"}], "pools": {"cpu": {"workers": 2}}}
    assert tomllib.loads(plan_toml(Value(plan))) == expected
    assert plan_toml(Value()) == "not measured"


def test_what_is_not_recorded_is_said_not_to_be() -> None:
    words = dict(reproduce(Value({"seed": 3, "versions": {"tailrank": "1"}})))
    assert (words["Seed"], words["Versions"], words["Command"]) == ("3", "tailrank 1", "not measured")


@pytest.mark.parametrize("name", ["tune.html", "study.html"])
def test_a_template_needs_all_that_it_names(name: str) -> None:
    with pytest.raises(UndefinedError):
        template(name).render()
