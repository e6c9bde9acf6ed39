from typing import Any

from tailrank.report.document import Value
from tailrank.report.explore.facts import data, machine, not_done, search, training


def test_the_search_counts_what_it_looked_at(document: dict[str, Any]) -> None:
    table = search(Value(document))
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["funnels rated for quality, offline"] == ("5,000", "12,000 a second")
    assert rows["points on the front"][0] == str(len(document["front"]))
    del document["plans"]["late"]
    fewer = search(Value(document))
    assert fewer is not None
    assert len(fewer.rows) == len(table.rows) - 1
    assert search(Value({})) is None


def test_training_shows_the_best_that_early_stopping_saw(document: dict[str, Any]) -> None:
    document["training"]["tiny"]["hold_out"] = [[10, -0.7], [20, -0.4], [30, -0.6]]
    table = training(Value(document))
    assert table is not None
    row = next(row for row in table.rows if row[0] == "tiny")
    assert "\N{MINUS SIGN}0.4000" in row
    assert "0.3000" in row  # alone on all items, as its curve ends
    assert training(Value({"training": {}})) is None


def test_facts_of_any_kind_are_told() -> None:
    facts = {
        "rows": 1_000_209,
        "share": 0.25,
        "cut": True,
        "none": None,
        "empty": [],
        "of": [{"name": "a"}, {"name": "b"}],
    }
    assert data(Value({"data": facts})) == [
        ("Rows", "1,000,209"),
        ("Share", "0.2500"),
        ("Cut", "yes"),
        ("Of", "name a; name b"),
    ]


def test_the_machine_is_named(document: dict[str, Any]) -> None:
    found = dict(machine(Value(document)))
    assert found["Host"] == "A processor, 2 cores"
    assert found["Executors"] == "tiny: native fp32"
    assert found["Seconds"] == "training tiny 60.0, exploring 40.0"
    document["seconds_by_step"]["exploring"] = 0.01
    assert dict(machine(Value(document)))["Seconds"] == "training tiny 60.0"
    assert machine(Value({})) == []


def test_what_was_not_done_is_said(document: dict[str, Any]) -> None:
    words = " ".join(not_done(Value(document)))
    assert "The engine served the chosen funnel and the best single stage only" in words
    assert "also chose among them" in words
    assert "Time did not allow 2 plans" in words
    assert "Feeding the second stage" in words
    assert "Stages were placed on cpu only." in words
    assert "more than 3 stages" in words


def test_what_was_done_is_not_said_to_be_left_out(document: dict[str, Any]) -> None:
    document["plans"] |= {"not_reached": 0, "given_up": 0, "outranked": 0}
    document["space"] |= {
        "feeds": ["whole", "share"],
        "stages": [1, 2, 3, 4],
        "pools": {"cpu": {"workers": 2}, "gpu": {"workers": 1, "device": "gpu"}},
    }
    words = " ".join(not_done(Value(document)))
    for never in ("Time did not allow", "Feeding", "placed on", "not looked at", "promised more"):
        assert never not in words


def test_without_an_engine_that_comes_first(document: dict[str, Any]) -> None:
    document["engine"] = None
    assert not_done(Value(document))[0].startswith("The engine was not run")
