from typing import Any

import pytest

from tailrank.report.charts import Absent, Chart
from tailrank.report.document import Value
from tailrank.report.study.charts import integer_poisson, lognormal_penalty, reuse


def test_reuse_is_drawn_beside_uniform_accesses(document: dict[str, Any]) -> None:
    chart = reuse(Value(document))
    assert isinstance(chart, Chart)
    trace, uniform = chart.figure.data
    assert list(trace.y) == pytest.approx([35, 45, 61])
    assert list(uniform.x) == list(uniform.y)


def test_absent_traces_are_absent_for_their_own_reason(document: dict[str, Any]) -> None:
    document["evidence"]["reuse"] = {"absent": "no traces here"}
    found = reuse(Value(document))
    assert isinstance(found, Absent)
    assert found.why == "no traces here"


def test_the_network_farthest_from_exact_poisson_is_named(document: dict[str, Any]) -> None:
    chart = integer_poisson(Value(document))
    assert isinstance(chart, Chart)
    assert list(chart.figure.data[0].y) == pytest.approx([1 + number / 100 for number in range(8)])
    assert "DIEN with 1.07" in chart.caption


def test_penalties_are_averaged_by_target(document: dict[str, Any]) -> None:
    chart = lognormal_penalty(Value(document))
    assert isinstance(chart, Chart)
    assert "low 1.10" in chart.caption
    assert "high 1.30" in chart.caption


def test_without_data_there_is_a_reason() -> None:
    for found in (reuse(Value({})), integer_poisson(Value({})), lognormal_penalty(Value({}))):
        assert isinstance(found, Absent)
