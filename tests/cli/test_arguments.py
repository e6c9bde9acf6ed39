import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.cli.arguments import add_common, count_or_zero, percentile, positive_float, positive_int


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_positive_float_reads_what_it_is_given(value: float) -> None:
    assert positive_float(repr(value)) == value


@given(st.integers(1, 10**15))
def test_positive_int_reads_what_it_is_given(value: int) -> None:
    assert positive_int(str(value)) == value
    assert positive_int(f"{value:_}") == value


@pytest.mark.parametrize(("text", "value"), [("2e5", 200_000), ("1.0", 1)])
def test_positive_int_accepts_whole_numbers_written_as_floats(text: str, value: int) -> None:
    assert positive_int(text) == value


@given(st.floats(0, 100, exclude_min=True, exclude_max=True))
def test_percentile_reads_numbers_with_and_without_p(value: float) -> None:
    assert percentile(repr(value)) == percentile(f"p{value!r}") == value


@pytest.mark.parametrize(
    ("read", "texts"),
    [
        (positive_float, ["0", "-1", "nan", "inf", "-inf", "", "ten"]),
        (positive_int, ["0", "-1", "1.5", "nan", "inf", "", "ten"]),
        (count_or_zero, ["-1", "0.5", "nan", "inf", ""]),
        (percentile, ["0", "100", "-5", "nan", "inf", "p", "median"]),
    ],
)
def test_everything_else_is_refused_by_name(read: type, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError) as caught:
            read(text)
        assert f"`{text.removeprefix('p')}`" in str(caught.value)


def test_the_shared_flags_and_their_defaults() -> None:
    parser = argparse.ArgumentParser()
    add_common(parser)
    args = parser.parse_args([])
    assert (args.seed, args.json, args.quiet) == (1, False, False)
    args = parser.parse_args(["--seed", "0", "--json", "--quiet"])
    assert (args.seed, args.json, args.quiet) == (0, True, True)
