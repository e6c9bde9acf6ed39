import json
import math
import operator
import pickle
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.cluster.attempt import Outcome
from tailrank.cluster.store import Kept, Store, sources, version_of
from tailrank.core import BadInputError, Config, Plan, Pool, Stage


class Point(NamedTuple):
    x: float
    y: float | None


@dataclass(frozen=True)
class Found:
    points: tuple[Point, ...]
    by_size: dict[int, float]
    plan: Plan


class Settings(Config, frozen=True, kw_only=True):
    size: int = 3


def find(cell: Settings) -> Found:
    raise NotImplementedError


class Target(Config, frozen=True, kw_only=True):
    name: str
    of: str = "the target"


def same(cell: Target) -> Target:
    raise NotImplementedError


def untyped(cell):
    raise NotImplementedError


PLAN = Plan(stages=(Stage(model="rmc1", batch_size=64),), pools={"cpu": Pool(workers=2)})


def kept(store: Store[Any, Any], cell: object, result: object) -> Any:
    return store.write(cell, Outcome(result, 0.5))


def test_what_was_written_is_read_back_with_its_types(tmp_path: Path) -> None:
    store = Store(tmp_path, find)
    found = Found((Point(1.0, None), Point(math.inf, 2.0)), {64: 0.1, 128: 1 / 3}, PLAN)
    assert kept(store, Settings(), found) == found
    assert store.read(Settings()) == Kept(found)
    assert store.read(Settings(size=4)) is None


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None)
@given(cell=plain_data, result=plain_data)
def test_plain_data_survives_whatever_it_is(
    cell: object, result: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.getbasetemp() / "plain", untyped)
    assert kept(store, cell, result) == result
    assert store.read(cell) == Kept(result)


def test_numbers_of_numpy_are_kept_as_numbers_and_not_a_number_stays_so(tmp_path: Path) -> None:
    assert kept(Store(tmp_path, untyped), 1, {"a": np.float64(0.1), "n": np.int64(3)}) == {"a": 0.1, "n": 3}
    assert math.isnan(kept(Store(tmp_path, untyped), 2, math.nan))


def test_a_whole_number_in_a_field_of_floats_is_that_number(tmp_path: Path) -> None:
    found = Found((Point(1, None),), {8: 0}, PLAN)
    assert kept(Store(tmp_path, find), Settings(), found) == found


@dataclass(frozen=True)
class Narrow:
    x: int


@dataclass(frozen=True)
class Wide(Narrow):
    y: int


def narrow(cell: int) -> Narrow:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("result", "lost"),
    [
        (Wide(1, 2), r"\$ was \['x', 'y'\] and is \['x'\]"),
        ({"x": "one"}, r"Expected `int`, got `str`.*x"),
        (None, "Expected `object`, got `null`"),
    ],
)
def test_a_result_that_is_not_what_the_annotation_says_is_the_authors_error(
    tmp_path: Path, result: object, lost: str
) -> None:
    with pytest.raises(TypeError, match=rf"does not come back .*narrow says it is: {lost}"):
        kept(Store(tmp_path, narrow), 1, result)


def test_a_result_that_json_does_not_hold_is_the_authors_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="ndarray is unsupported"):
        kept(Store(tmp_path, untyped), 1, np.zeros(3))
    assert list(tmp_path.iterdir()) == []


def test_a_cell_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be named in a file"):
        Store(tmp_path, untyped).path(object())


def test_cells_of_two_kinds_with_the_same_content_are_two_cells(tmp_path: Path) -> None:
    store = Store(tmp_path, untyped)
    assert store.path({"size": 4}) != store.path(Settings(size=4))
    assert store.path({"a": 1, "b": 2}) == store.path({"b": 2, "a": 1})


def test_a_copy_of_a_cell_from_another_process_is_the_same_cell(tmp_path: Path) -> None:
    cell = Target(name="medium")
    copy = pickle.loads(pickle.dumps(cell))
    assert copy.of is not cell.of  # what makes msgspec take the default for given
    assert Store(tmp_path, same).path(copy) == Store(tmp_path, same).path(cell)
    assert kept(Store(tmp_path, same), cell, copy) == cell


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"cell": 1}', '{"version": "old", "cell": ["builtins.int", 1], "result": 2}']
)
def test_a_file_that_is_broken_or_old_counts_as_absent_and_is_replaced(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path, untyped)
    store.path(1).write_text(text, encoding="utf-8")
    assert store.read(1) is None
    kept(store, 1, 5)
    assert store.read(1) == Kept(5)


def test_a_file_holds_the_cell_for_people_too(tmp_path: Path) -> None:
    store = Store(tmp_path, find)
    kept(store, Settings(size=9), Found((), {}, PLAN))
    document = json.loads(store.path(Settings(size=9)).read_text(encoding="utf-8"))
    assert document["cell"][1] == {"size": 9}
    assert document["seconds"] == 0.5


def test_a_version_is_that_of_function_and_bound_arguments() -> None:
    functions = [find, untyped, partial(find, 1), partial(find, 2), partial(find, seed=1), math.sqrt, operator.neg]
    assert len({version_of(function) for function in functions}) == len(functions)
    assert version_of(partial(find, 1)) == version_of(partial(find, 1))
    assert version_of(partial(partial(find, 1), 2)) != version_of(partial(find, 1))


def test_an_edited_function_has_another_version(sweepable: ModuleType) -> None:
    before = version_of(sweepable.draw)
    path = Path(sys.modules["sweepable"].__file__ or "")
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert version_of(sweepable.draw) != before


def test_edited_sources_are_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tailrank

    monkeypatch.setattr(tailrank, "__file__", str(tmp_path / "__init__.py"))
    seen = set()
    for text in ("a = 1", "a = 2", "a = 1 "):
        (tmp_path / "formula.py").write_text(text, encoding="utf-8")
        sources.cache_clear()
        seen.add(sources())
    (tmp_path / "notes.txt").write_text("not a source", encoding="utf-8")
    sources.cache_clear()
    assert sources() in seen
    assert len(seen) == 3
    monkeypatch.undo()
    sources.cache_clear()
