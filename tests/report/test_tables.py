from typing import Any

import pytest

from tailrank.report import tables
from tailrank.report.document import Value
from tailrank.report.wording import NOT_MEASURED, amount, percent


def row(table: tables.Table | None, start: str) -> tuple[str, ...]:
    assert table is not None
    return next(each[1:] for each in table.rows if each[0].startswith(start))


def test_the_summary_sets_four_columns_side_by_side(document: dict[str, Any]) -> None:
    table = tables.summary(Value(document))
    assert table.columns[1:] == ("simulator, tuned", "simulator, baseline", "engine, tuned", "engine, baseline")
    engine, baseline = document["engine"], document["baseline"]
    wanted = [
        document["capacity_qps"],
        baseline["capacity_qps"],
        engine["capacity_qps"],
        engine["baseline_capacity_qps"],
    ]
    assert row(table, "capacity") == tuple(map(amount, wanted))
    assert row(table, "p99")[2] == amount(engine["p99_ms"])


def test_baseline_percentiles_are_of_the_highest_load_that_met_the_target(document: dict[str, Any]) -> None:
    runs = [run for run in document["engine"]["runs"] if run["plan"] == "baseline"]
    for run in runs:
        run["met"] = run["offered_qps"] <= 660
    assert row(tables.summary(Value(document)), "p95")[3] == amount(runs[1]["p95_ms"])


def test_simulated_percentiles_far_from_capacity_are_not_passed_off_as_at_capacity(document: dict[str, Any]) -> None:
    document["capacity_qps"] = 2000.0
    assert row(tables.summary(Value(document)), "p95")[0] == NOT_MEASURED


def test_without_an_engine_there_are_no_engine_columns(document: dict[str, Any]) -> None:
    del document["engine"]
    assert all("engine" not in name for name in tables.summary(Value(document)).columns)
    assert tables.engine_runs(Value(document)) is None


def test_a_run_without_a_verdict_is_neither_met_nor_missed(document: dict[str, Any]) -> None:
    runs = document["engine"]["runs"]
    runs[0].update(met=True, saturated=False)
    runs[1].update(met=False, saturated=True)
    runs[2].update(met=None, saturated=None)
    table = tables.engine_runs(Value(document))
    assert table is not None
    assert [each[-1] for each in table.rows[:3]] == ["met", "missed, saturated", NOT_MEASURED]


def test_errors_in_capacity_and_in_the_percentile_are_kept_apart(document: dict[str, Any]) -> None:
    document.update(sim_error_pct=-2.0, sim_error_same_run_pct=0.5, sim_error_earlier_profile_pct=-7.0)
    check = document["engine"]["p95_at_70pct"]
    table = tables.accuracy(Value(document))
    measured = amount(check["engine_ms"])
    assert row(table, "profiled before") == (percent(-7.0), NOT_MEASURED, NOT_MEASURED, NOT_MEASURED)
    assert table is not None
    assert table.rows[1][1:] == (percent(-2.0), percent(check["error_pct"]), amount(check["sim_ms"]), measured)
    assert row(table, "recorded") == (
        percent(0.5),
        percent(check["error_same_run_pct"]),
        amount(check["same_run_ms"]),
        measured,
    )
    del document["engine"]
    assert row(tables.accuracy(Value(document)), "recorded") == (percent(0.5), *[NOT_MEASURED] * 3)


def test_the_percentile_named_is_the_targets(document: dict[str, Any]) -> None:
    document["sla"]["percentile"] = 99
    for build in (tables.accuracy, tables.engine_runs):
        table = build(Value(document))
        assert table is not None
        assert any("simulated p99" in column for column in table.columns)


def test_overheads_are_in_microseconds(document: dict[str, Any]) -> None:
    document["profile"]["overheads"] = {"timer_ns": 9000, "cores": 2}
    assert row(tables.overheads(Value(document)), "timer") == (amount(9.0, "µs"),)
    assert row(tables.overheads(Value(document)), "cores") == ("2",)


@pytest.mark.parametrize("table", [tables.accuracy, tables.engine_runs, tables.arrivals, tables.overheads])
def test_an_empty_document_has_none_of_the_optional_tables(table: Any) -> None:
    assert table(Value({})) is None


def test_every_row_is_as_wide_as_its_table(document: dict[str, Any]) -> None:
    for build in (tables.summary, tables.accuracy, tables.engine_runs, tables.arrivals, tables.overheads):
        table = build(Value(document))
        assert table is not None
        assert {len(each) for each in table.rows} == {len(table.columns)}


def test_facts_leave_out_what_is_not_recorded(document: dict[str, Any]) -> None:
    assert tables.facts(Value({})) == []
    found = dict(tables.facts(Value(document)))
    assert found["Rows"] == "0.5 of the published rows"
    assert found["Query sizes"] == "production (max_items 1000)"
    document["network"]["row_scale"] = 1.0
    assert dict(tables.facts(Value(document)))["Rows"] == "as published"
