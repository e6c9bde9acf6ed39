import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.report.document import Value, read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.text())
def test_any_place_of_any_document_can_be_asked_for_anything(raw: object, key: str) -> None:
    value = Value(raw)
    for each in (value, value[key], value[key][key], *value):
        assert each.number is None or math.isfinite(each.number)
        assert each.text is None or each.text.strip()
        assert len(each.numbers) == len(list(each))
        assert all(isinstance(name, str) for name, _ in each.pairs)


@pytest.mark.parametrize("raw", [None, math.nan, math.inf, True, "12", 10**400, [1], {"a": 1}])
def test_what_is_not_a_finite_number_is_none(raw: object) -> None:
    assert Value(raw).number is None


def test_a_missing_key_is_empty_all_the_way_down() -> None:
    value = Value({"a": {"b": 1.5}})
    assert value["a"]["b"].number == 1.5
    assert not value["x"]["y"]["z"]
    assert list(value["x"]) == []


def test_a_good_document_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"schema": 1, "model": "rmc1"}), encoding="utf-8")
    assert read(path) == {"schema": 1, "model": "rmc1"}


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"text"', "[" * 100_000, '{"schema": 2}', '{"schema": "1"}'])
def test_what_is_not_a_result_document_is_bad_input_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"result\.json") as caught:
        read(path)
    assert caught.value.hint


def test_a_missing_or_undecodable_file_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with pytest.raises(BadInputError, match="cannot be read"):
        read(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match="JSON"):
        read(path)
