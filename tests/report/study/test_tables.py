from typing import Any

from tailrank.report.document import Value
from tailrank.report.study import tables


def test_every_cell_of_a_host_is_a_row(document: dict[str, Any]) -> None:
    table = tables.cells(Value(document), "skylake-40c")
    assert table is not None
    assert len(table.rows) == 8 * 3 * 3
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.rows[2][0] == "RMC1, low, CPU and GPU"


def test_a_cell_that_misses_its_target_says_so(document: dict[str, Any]) -> None:
    cell = next(each for each in document["cells"] if each["host"] == "skylake-40c")
    cell.update(capacity_qps=0.0, gain=None)
    table = tables.cells(Value(document), "skylake-40c")
    assert table is not None
    row = next(row for row in table.rows if "no load met it" in row)
    assert row[4] == ""


def test_the_papers_numbers_carry_their_tags(document: dict[str, Any]) -> None:
    table = tables.beside_the_paper(Value(document))
    assert table is not None
    assert table.rows[0] == ("CPU, paper", "1.7 (R-h)", "2.1 (A)", "2.7 (R-h)")
    assert "R-m recalled" in table.note


def test_checks_say_whether_they_hold(document: dict[str, Any]) -> None:
    document["checks"][0]["holds"] = None
    table = tables.checks(Value(document))
    assert table is not None
    assert [row[3] for row in table.rows[:3]] == ["cannot be told", "holds", "does not hold"]


def test_readings_show_their_assumption_and_both_ratios(document: dict[str, Any]) -> None:
    table = tables.readings(Value(document))
    assert table is not None
    assert table.rows[1] == (
        "H100, fused",
        "a current GPU",
        "skylake-40c+h100",
        "medium 4.90\N{MULTIPLICATION SIGN}",
        "medium 2.70\N{MULTIPLICATION SIGN}",
    )


def test_what_the_document_lacks_is_no_table() -> None:
    empty = Value({})
    found = [tables.beside_the_paper, tables.checks, tables.claims, tables.readings, tables.regret, tables.fits]
    assert [make(empty) for make in found] == [None] * 6
    assert tables.cells(empty, "skylake-40c") is None


def test_the_calibrations_errors_are_by_network(document: dict[str, Any]) -> None:
    table = tables.fits(Value(document))
    assert table is not None
    assert table.rows[0][:3] == ("t4, NCF", "total_ms", "3")


def test_regret_shows_both_plans_and_what_fresh_queries_say(document: dict[str, Any]) -> None:
    table = tables.regret(Value(document))
    assert table is not None
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert table.rows[0][4:7] == ("64, none", "64, none", "same plan")
    assert table.rows[1][4:7] == ("64, 512", "96, 544", "0.970 (0.950 to 0.990)")
