import json

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.datasets.score_tables import ScoreTables, load_score_tables


def tables(**changes):
    given = {
        "first": np.array([0, 2, 5]),
        "item": np.arange(5, dtype=np.int32),
        "label": np.array([0, 1, 2, 0, 0], dtype=np.float32),
        "scores": {"a": np.linspace(0, 1, 5, dtype=np.float32), "b/c": np.zeros(5, dtype=np.float32)},
        "facts": {"exact": True},
    }
    return ScoreTables(**(given | changes))


def test_what_was_saved_is_loaded_as_memory_maps(tmp_path):
    made = tables()
    made.save(tmp_path / "tables")
    found = load_score_tables(tmp_path / "tables")
    assert list(found.scores) == ["a", "b/c"]
    assert isinstance(found.scores["a"], np.memmap)
    for ours, theirs in (
        (made.first, found.first),
        (made.item, found.item),
        (made.label, found.label),
        (made.scores["a"], found.scores["a"]),
    ):
        assert np.array_equal(ours, theirs)
    assert (found.facts, len(found)) == ({"exact": True}, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]


def test_an_earlier_table_is_replaced_and_nothing_else_is(tmp_path):
    tables().save(tmp_path / "tables")
    tables(facts={}).save(tmp_path / "tables")
    assert load_score_tables(tmp_path / "tables").facts == {}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(BadInputError, match="holds no score tables"):
        tables().save(tmp_path / "mine")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first": np.array([0, 2, 4])}, "does not cut 5"),
        ({"first": np.array([0, 6, 5])}, "does not cut 5"),
        ({"first": np.array([0])}, "does not cut 5"),
        ({"label": np.zeros(4, np.float32)}, "4 labels for 5"),
        ({"label": np.array([0, -1, 0, 0, 0], np.float32)}, "at least 0"),
        ({"label": np.array([0, np.nan, 0, 0, 0], np.float32)}, "finite"),
        ({"scores": {}}, "no network"),
        ({"scores": {"a": np.zeros(4, np.float32)}}, r"`a` has scores of shape \(4,\)"),
        ({"scores": {"a": np.array([0, 0, np.nan, 0, np.inf], np.float32)}}, "candidate 2 with nan, and 1 more"),
    ],
)
def test_tables_that_cannot_be_are_refused(changes, message):
    with pytest.raises(BadInputError, match=message):
        tables(**changes)


def test_missing_and_damaged_tables_are_refused(tmp_path):
    with pytest.raises(BadInputError, match="no score tables"):
        load_score_tables(tmp_path)
    tables().save(tmp_path / "tables")
    scores = tmp_path / "tables" / "scores-0.npy"
    scores.write_bytes(scores.read_bytes()[:-30])
    with pytest.raises(BadInputError, match="damaged"):
        load_score_tables(tmp_path / "tables")
    np.save(scores, np.zeros(5, dtype=np.float64))
    with pytest.raises(BadInputError, match="float64"):
        load_score_tables(tmp_path / "tables")
    scores.unlink()
    with pytest.raises(BadInputError, match="no score tables"):
        load_score_tables(tmp_path / "tables")
    index = tmp_path / "tables" / "tables.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"format": 99}))
    with pytest.raises(BadInputError, match="format 99"):
        load_score_tables(tmp_path / "tables")
