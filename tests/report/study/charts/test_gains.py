from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.study.charts import efficiencies, gains_by_network, geomeans
from tailrank.report.study.paper import GAINS


def test_every_gain_of_a_host_is_a_bar(document: dict[str, Any]) -> None:
    chart = gains_by_network(Value(document), "skylake-40c")
    assert isinstance(chart, Chart)
    bars = {trace.name: trace for trace in chart.figure.data}
    assert set(bars) == {"tuned, CPU", "tuned, CPU and GPU"}
    assert list(bars["tuned, CPU"].x[0]) == ["low"] * 8 + ["medium"] * 8 + ["high"] * 8
    assert list(bars["tuned, CPU"].y) == pytest.approx([1.6] * 8 + [1.8] * 8 + [2.0] * 8)
    assert "48 cells" in chart.caption


def test_far_gains_get_a_logarithmic_axis_and_missing_ones_no_bar(document: dict[str, Any]) -> None:
    cells = [cell for cell in document["cells"] if cell["host"] == "skylake-40c" and cell["scheduler"] == "cpu"]
    cells[0]["gain"], cells[1]["gain"] = 80.0, None
    chart = gains_by_network(Value(document), "skylake-40c")
    assert isinstance(chart, Chart)
    assert chart.figure.layout.yaxis.type == "log"
    assert sum(len(trace.y) for trace in chart.figure.data) == 47


def test_means_stand_beside_the_papers(document: dict[str, Any]) -> None:
    chart = geomeans(Value(document))
    assert isinstance(chart, Chart)
    paper, *ours = chart.figure.data
    assert list(paper.y) == [*GAINS["cpu"].values(), *GAINS["gpu"].values()]
    assert [trace.name for trace in ours] == ["broadwell-28c", "skylake-40c"]
    assert all(list(trace.y) == pytest.approx([1.6, 1.8, 2.0, 4.0, 4.5, 5.0]) for trace in ours)
    assert "R-h" in chart.caption


def test_capacity_per_watt_is_over_static(document: dict[str, Any]) -> None:
    chart = efficiencies(Value(document))
    assert isinstance(chart, Chart)
    assert list(chart.figure.data[1].y) == pytest.approx([1.6, 1.8, 2.0, 2.0, 2.25, 2.5])


@pytest.mark.parametrize("draw", [geomeans, efficiencies, lambda value: gains_by_network(value, "skylake-40c")])
def test_without_cells_there_is_a_reason(draw: Any) -> None:
    found = draw(Value({}))
    assert isinstance(found, Absent)
    assert found.why
