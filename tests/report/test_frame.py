import pytest
from jinja2 import UndefinedError

from tailrank.report.charts import Absent, Chart
from tailrank.report.charts.style import blank
from tailrank.report.document import Value
from tailrank.report.frame import placed, reproduce, template


def test_a_figure_is_placed_with_its_caption_and_an_absent_one_with_its_reason() -> None:
    drawn = placed(Chart("A title", blank("x (s)", "y (s)"), "n = 5 runs", height=123), "part-0")
    assert (drawn["id"], drawn["height"], drawn["absent"]) == ("chart-part-0", 123, "")
    assert drawn["caption"] == "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}5 runs"
    assert placed(Absent("A title", "no data"), "part-1") == {"title": "A title", "absent": "no data"}


def test_labels_in_a_figure_cannot_end_the_script() -> None:
    figure = blank("</script>", "y")
    assert "</script>" not in placed(Chart("t", figure, "c"), "x")["json"]


def test_what_is_not_recorded_is_said_not_to_be() -> None:
    words = dict(reproduce(Value({"seed": 3, "versions": {"tailrank": "1"}})))
    assert (words["Seed"], words["Versions"], words["Command"]) == ("3", "tailrank 1", "not measured")


@pytest.mark.parametrize("name", ["tune.html", "study.html"])
def test_a_template_needs_all_that_it_names(name: str) -> None:
    with pytest.raises(UndefinedError):
        template(name).render()
