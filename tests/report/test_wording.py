import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.report.document import Value
from tailrank.report.wording import (
    NOT_MEASURED,
    amount,
    count,
    describe_plan,
    factor,
    interval,
    percent,
    plural,
    scaled,
    target,
    times,
    unbroken,
)


def plain(text: str) -> str:
    return (
        text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-").replace("\N{MULTIPLICATION SIGN}", "x")
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (880.0, "880"),
        (12345.4, "12,345"),
        (1.0351, "1.04"),
        (0.03123, "0.0312"),
        (99.96, "100"),
        (9.996, "10.0"),
        (0, "0"),
        (-4.03, "-4.03"),
        (3.2e-7, "3.2e-07"),
        (None, NOT_MEASURED),
        (math.nan, NOT_MEASURED),
        (math.inf, NOT_MEASURED),
    ],
)
def test_amount_keeps_three_digits_and_whole_numbers_from_a_hundred(value: float | None, words: str) -> None:
    assert plain(amount(value)) == words


@given(st.floats(min_value=1e-4, max_value=1e12))
def test_amount_is_within_half_a_unit_of_the_third_digit(value: float) -> None:
    read_back = float(amount(value).replace(",", ""))
    assert math.isclose(read_back, value, rel_tol=0.0051)


def test_a_ratio_has_three_digits_and_its_sign() -> None:
    assert [plain(factor(value)) for value in (1.8, 12.345, 250.4, None)] == ["1.80x", "12.3x", "250x", NOT_MEASURED]


def test_units_stay_with_their_number() -> None:
    assert amount(25, "ms") == "25.0\N{NO-BREAK SPACE}ms"
    assert target(Value({"percentile": 99.9, "latency_ms": 2.5})).count(" ") == 0
    assert unbroken("n = 5 runs on 2 cpu workers") == "n\xa0=\xa05 runs on 2\xa0cpu workers"


def test_the_other_forms() -> None:
    assert plain(percent(-4.03)) == "-4.0 %"
    assert plain(times(1.0351)) == "1.035x"
    assert plain(times(12.34)) == "12.3x"
    assert plain(scaled(5.1e9, "B")) == "5.10 GB"
    assert plain(scaled(310_000, "FLOP")) == "310 kFLOP"
    assert count(200_000) == "200,000"
    assert plain(target(Value({"percentile": 95, "latency_ms": 100}))) == "p95 \N{LESS-THAN OR EQUAL TO} 100 ms"
    assert plural(1, "query") == "1 query"
    assert plural(1000, "query") == "1,000 queries"


@pytest.mark.parametrize("bounds", [None, [], [1], [1, 2, 3], "12", [None, 2], [math.nan, 2]])
def test_an_interval_needs_both_ends(bounds: object) -> None:
    assert interval(Value(bounds)) == NOT_MEASURED


def test_an_interval_may_have_no_upper_end() -> None:
    assert interval(Value([870, 890])) == "870 to 890"
    assert interval(Value([870, None])) == "at least 870"


@pytest.mark.parametrize("words", [percent, times, count, lambda value: scaled(value, "B")])
def test_what_is_absent_is_said_to_be_not_measured(words: object) -> None:
    assert callable(words)
    assert words(None) == NOT_MEASURED


def test_a_plan_in_words() -> None:
    funnel = {
        "stages": [
            {"model": "small", "batch_size": 512, "keep": 100},
            {"model": "big", "batch_size": 64, "offload_at": 300, "offload_pool": "gpu"},
        ],
        "pools": {"cpu": {"workers": 1}, "gpu": {"workers": 1, "device": "cuda"}},
    }
    words = describe_plan(Value(funnel))
    assert words.startswith("small with batch size 512 on 1 cpu worker, keeping 100, then big with batch size 64")
    assert "queries of 300 items and more on gpu" in words
    assert describe_plan(Value()) == "plan not recorded"
