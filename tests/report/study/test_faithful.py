from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.study.faithful import faithful, table

X = "\N{MULTIPLICATION SIGN}"


def test_every_run_is_a_row_with_both_ratios(document: dict[str, Any]) -> None:
    found = table(Value(document))
    assert found is not None
    assert [row[0] for row in found.rows] == [f"NCF, {load}\N{NO-BREAK SPACE}% of full load" for load in (50, 70, 85)]
    assert all(len(row) == len(found.columns) for row in found.rows)
    assert [row[-2:] for row in found.rows] == [
        (f"1.05{X}", f"1.20{X}"),
        (f"1.07{X}", f"1.20{X}"),
        (f"1.08{X}", f"1.20{X}"),
    ]
    assert "for lack of time: WnD" in found.note


def test_without_runs_there_is_no_table(document: dict[str, Any]) -> None:
    document["fidelity"] = {"absent": "no torch", "rows": []}
    assert table(Value(document)) is None
    assert table(Value({})) is None


@pytest.mark.parametrize(("others", "warned"), [(0.02, False), (0.6, True)])
def test_a_disturbed_host_is_a_reason_for_care(document: dict[str, Any], others: float, warned: bool) -> None:
    document["fidelity"]["others"] = others
    assert ("run it again" in " ".join(faithful(Value(document)))) == warned


def test_a_run_with_failures_counts_for_nothing(document: dict[str, Any]) -> None:
    before = faithful(Value(document))[-1]
    document["fidelity"]["rows"][2]["engine_ms"] = None
    after = faithful(Value(document))[-1]
    assert "n = 3 runs" in before
    assert "n = 2 runs" in after
