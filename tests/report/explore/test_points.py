from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.explore.points import (
    depth,
    exact_interval,
    factor,
    funnel,
    hover,
    metric,
    repeated,
    signed,
    workers,
)


def test_a_funnel_in_words() -> None:
    point = {"networks": ["a", "b", "c"], "items": [4000, 256, 64]}
    assert funnel(Value(point)) == "a on 4,000 items, then b on 256, then c on 64"
    plan = {"stages": [{"model": "a", "batch_size": 64}], "pools": {"cpu": {"workers": 2}}}
    assert funnel(Value({"plan": plan})) == "batch size 64 on 2 cpu workers"  # what older documents hold
    assert funnel(Value({})) == "plan not recorded"


def test_differences_have_a_sign() -> None:
    assert signed(0.001) == "+0.0010"
    assert signed(-0.001) == "\N{MINUS SIGN}0.0010"
    assert signed(None) == "not measured"
    assert exact_interval(Value([-0.5, 0.25]), sign=True) == "\N{MINUS SIGN}0.5000 to +0.2500"
    assert exact_interval(Value([0.1, None])) == "not measured"


def test_a_capacity_of_one_repetition_has_no_interval() -> None:
    assert repeated(Value({"capacity_ci95_qps": [0.0, None]})) == ""
    assert repeated(Value({"capacity_ci95_qps": [90.0, 110.0]})) == "90.0 to 110"


@pytest.mark.parametrize(("value", "words"), [(3.0084, "3.01"), (0.52, "0.520"), (None, None)])
def test_ratios_have_three_digits(value: float | None, words: str | None) -> None:
    assert factor(value) == ("not measured" if words is None else f"{words}\N{MULTIPLICATION SIGN}")


def test_hovering_tells_everything(document: dict[str, Any]) -> None:
    point = document["chosen"] | {"cost_per_million": 0.5, "energy_j": 2.0, "feed": "share"}
    words = hover(Value(point), Value(document)).replace("\N{NO-BREAK SPACE}", " ").split("<br>")
    assert words[0] == f"1. {point['networks'][0]} on 4,000 items, batch size 128"
    assert "2 cpu workers, shared by the stages, finished slices feed the next stage (share)" in words
    assert words[-2:] == ["0.500 $ a million queries", "2.00 J a query"]
    assert any(each.endswith("at 200 queries/s") for each in words)


def test_hovering_tells_of_thresholds_and_pools(document: dict[str, Any]) -> None:
    point = document["chosen"] | {"pools": ["gpu", "cpu"], "p95_ms": None}
    point["plan"]["stages"][0] |= {"offload_at": 512, "offload_pool": "gpu"}
    words = hover(Value(point), Value(document))
    assert "batch size 128, gpu" in words
    assert "queries of 512 items and more on gpu" in words
    assert "cannot keep up with 200 queries/s" in words


def test_names_cannot_be_markup(document: dict[str, Any]) -> None:
    point = document["chosen"] | {"networks": ["<b>", "c"]}
    assert "<b>" not in hover(Value(point), Value(document))


def test_small_words() -> None:
    assert metric(Value({"metric": "ndcg@64"})) == "NDCG@64"
    assert metric(Value({})) == "quality"
    assert depth(Value({"stages": 2})) == 2
    assert depth(Value({"networks": ["a", "b", "c"]})) == 3
    assert workers(Value({"plan": {"pools": {"cpu-1": {"workers": 1}, "cpu-2": {"workers": 3}}}})) == (
        "1 cpu-1 worker, 3 cpu-2 workers"
    )
