import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.cli.output import pairs, print_json, significant, table


def test_a_table_is_aligned_numbers_to_the_right() -> None:
    text = table(["name", "qps", "ok"], [("a", 5.0, True), ("longer", 1234.5, False), ("c", None, None)])
    assert text.splitlines() == [
        "name     qps  ok",
        "a       5.00  yes",
        "longer  1234  no",
        "c          -  -",
    ]


def test_a_table_without_rows_is_its_header() -> None:
    assert table(["a", "bb"], []) == "a  bb"


def test_pairs_align_their_values() -> None:
    assert pairs("title", [("a", 1), ("long", "x"), ("none", None)]) == "title\n  a     1\n  long  x\n  none  -"


@given(st.floats(1e-6, 1e12), st.integers(1, 6))
def test_significant_keeps_that_many_digits_and_never_an_exponent(value: float, digits: int) -> None:
    text = significant(value, digits)
    assert "e" not in text
    # Half a unit of the last digit kept; numbers above 10**digits keep all their whole digits.
    unit = 10.0 ** min(math.floor(math.log10(value)) - digits + 1, 0)
    assert abs(float(text) - value) <= 0.5 * unit * (1 + 1e-9) + 1e-12 * value


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_no_number_is_a_dash(value: float | None) -> None:
    assert significant(value) == "-"


def test_zero_is_zero() -> None:
    assert significant(0.0) == "0"


def test_json_is_exactly_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": [1, None, "é"]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None, "é"]}
    with pytest.raises(ValueError, match="JSON"):
        print_json({"a": float("nan")})
    assert capsys.readouterr().out == ""
