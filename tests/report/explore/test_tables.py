from typing import Any

from tailrank.report.document import Value
from tailrank.report.explore.tables import engine_runs, front, questions, side_by_side


def test_both_plans_stand_side_by_side(document: dict[str, Any]) -> None:
    table = side_by_side(Value(document))
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["answers equal to the offline funnel's"] == ("5,000 of 5,000", "5,000 of 5,000", "")
    chosen = document["chosen"]
    assert rows["batch sizes"] == ("128, 128", "128", "")
    low, high = chosen["quality_ci95"]
    assert rows["NDCG@64 offline, 95 % interval"][0] == f"{chosen['quality']:.4f} ({low:.4f} to {high:.4f})"
    served = len(table.rows)
    document["engine"] = None
    alone = side_by_side(Value(document))
    assert alone is not None
    assert len(alone.rows) < served
    assert side_by_side(Value({})) is None


def test_the_front_is_listed_best_quality_first_with_reasons(document: dict[str, Any]) -> None:
    table = front(Value(document))
    assert table is not None
    qualities = [float(row[2].split("\N{NO-BREAK SPACE}")[0]) for row in table.rows]
    assert qualities == sorted(qualities, reverse=True)
    assert len(table.rows) == len(document["front"])
    assert all(row[-1] == "highest quality of all" for row in table.rows)
    assert sum("[chosen funnel" in row[0] for row in table.rows) <= 1
    assert sum("knee]" in row[0] for row in table.rows) == 1
    assert front(Value({})) is None


def test_cost_and_energy_have_columns_where_they_are_known(document: dict[str, Any]) -> None:
    plain = front(Value(document))
    for row in document["front"]:
        row["energy_j"] = 0.25
    more = front(Value(document))
    assert plain is not None
    assert more is not None
    assert set(more.columns) - set(plain.columns) == {"J a query"}
    assert all("0.250" in row for row in more.rows)


def test_runs_are_in_the_order_played(document: dict[str, Any]) -> None:
    table = engine_runs(Value(document))
    assert table is not None
    assert [row[0] for row in table.rows] == [
        "chosen funnel, probe",
        "best single stage, probe",
        "chosen funnel, load",
        "best single stage, load",
    ]
    document["engine"] = None
    assert engine_runs(Value(document)) is None


def test_the_questions_are_answered_for_each_number_of_stages(document: dict[str, Any]) -> None:
    table = questions(Value(document))
    assert table is not None
    answers = sum(len(each) for key in ("iso_quality", "iso_load", "iso_latency") for each in document[key].values())
    assert len(table.rows) == answers
    assert sum(bool(row[0]) for row in table.rows) == 5
    assert questions(Value({})) is None
