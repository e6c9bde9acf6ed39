from typing import Any

import pytest

from tailrank.report.document import Value
from tailrank.report.explore.answer import headline, key_figures, span, verdict

TIMES = "\N{MULTIPLICATION SIGN}"


def said(words: str) -> str:
    return words.replace("\N{NO-BREAK SPACE}", " ")


def sentences(document: dict[str, Any]) -> str:
    return said(verdict(Value(document))[2])


def test_the_headline_is_the_engine_s_answer(document: dict[str, Any]) -> None:
    document["engine"]["chosen"] |= {"capacity_qps": 310.0, "capacity_bracket_qps": [300.0, 320.0]}
    document["engine"]["best_single_stage"] |= {"capacity_qps": 100.0, "capacity_bracket_qps": [95.0, 105.0]}
    document["ratio_capacity"] = 3.1
    words = said(headline(Value(document)))
    networks, items = document["chosen"]["networks"], document["chosen"]["items"]
    assert words == (
        f"{networks[0]} on {items[0]:,} items, then {networks[1]} on {items[1]} serves 3.10{TIMES} the load of the "
        "best single stage at p95 ≤ 50 ms: 310 against 100 queries/s on the engine."
    )
    simulated = f"{document['predicted_ratio_capacity']:.3g}{TIMES}"
    assert key_figures(Value(document))[1][1:] == (
        f"3.10{TIMES}",
        f"2.86{TIMES} to 3.37{TIMES} by their brackets; {simulated} in the simulator",
    )


def test_without_an_engine_the_simulator_answers(document: dict[str, Any]) -> None:
    document["engine"] = None
    assert "in the simulator" in headline(Value(document))
    kind, words, _ = verdict(Value(document))
    assert (kind, words) == ("open", "Simulated")
    assert "Nothing was served" in sentences(document)
    assert key_figures(Value(document))[0][0] == "Capacity, simulator (queries/s)"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"capacity_qps": 0.0, "capacity_bracket_qps": [0.0, 90.0]}, "met p95 ≤ 50 ms at no load tried on the engine"),
        ({"capacity_qps": 310.0, "capacity_bracket_qps": [310.0, None]}, "at least 310"),
    ],
)
def test_a_capacity_that_was_not_bracketed_is_not_verified(
    document: dict[str, Any], changed: dict[str, Any], words: str
) -> None:
    document["engine"]["chosen"] |= changed
    assert words in said(headline(Value(document)))
    assert verdict(Value(document))[0] == "uncertified"
    assert "The capacity of the chosen funnel was not bracketed." in sentences(document)


def test_a_single_stage_that_never_met_the_target_has_no_ratio(document: dict[str, Any]) -> None:
    document["engine"]["best_single_stage"] |= {"capacity_qps": 0.0, "capacity_bracket_qps": [0.0, 90.0]}
    document["ratio_capacity"] = None
    assert "the best single stage met it at no load tried" in headline(Value(document))


def test_brackets_that_overlap_do_not_tell_who_serves_more(document: dict[str, Any]) -> None:
    document["engine"]["chosen"] |= {"capacity_qps": 943.0, "capacity_bracket_qps": [654.0, 981.0]}
    document["engine"]["best_single_stage"] |= {"capacity_qps": 833.0, "capacity_bracket_qps": [817.0, 849.0]}
    assert verdict(Value(document))[0] == "uncertified"
    assert "The brackets of both capacities overlap, and do not tell which plan serves more." in sentences(document)
    document["engine"]["chosen"]["capacity_bracket_qps"] = [900.0, 981.0]
    assert verdict(Value(document))[0] == "certified"


def test_answers_that_differ_are_not_verified(document: dict[str, Any]) -> None:
    document["engine"]["best_single_stage"]["answers_equal"] -= 7
    assert verdict(Value(document))[0] == "uncertified"
    assert "7 of 5,000 answers of the best single stage differ" in sentences(document)


def test_a_single_stage_may_be_the_answer(document: dict[str, Any]) -> None:
    document["chosen"] = document["best_single_stage"]
    assert headline(Value(document)).startswith("No funnel of several stages beats a single one: ")
    document["ratio_capacity"] = 0.8
    assert f"are the same plan: 0.800{TIMES} between them is the noise of this machine." in sentences(document)
    document["ratio_capacity"] = None
    assert "are the same plan." in sentences(document)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ([-0.0030, -0.0001], "a loss by more than chance"),
        ([0.0001, 0.0030], "a gain by more than chance"),
        ([-0.0010, 0.0010], "no significant difference"),
        ([-0.0010, 0.0010], "a loss of more than the 0.0020 allowed is ruled out"),
        ([-0.0030, 0.0010], "a loss of more than the 0.0020 allowed is not ruled out"),
    ],
)
def test_the_loss_of_quality_is_told_with_its_paired_interval(
    document: dict[str, Any], ends: list[float], words: str
) -> None:
    document["quality_difference"] = {"mean": sum(ends) / 2, "ci95": ends}  # the floor lies 0.5 % of 0.4 below
    assert words in sentences(document)
    assert "paired over 1,000 queries" in sentences(document)


def test_a_load_that_was_too_much_is_named(document: dict[str, Any]) -> None:
    for limit, words in ((1000.0, ""), (1e-3, "; the funnel and the single stage missed the target there.")):
        document["sla"]["latency_ms"] = limit
        assert ("missed the target" in sentences(document)) == bool(words)
        assert words in sentences(document)


def test_a_simulator_that_was_far_off_is_named(document: dict[str, Any]) -> None:
    assert "promised" not in sentences(document)
    document["engine"]["chosen"]["sim_error_pct"] = 120.0
    assert "promised up to 120 % more capacity than the engine had" in sentences(document)


def test_the_span_of_a_ratio_comes_from_both_ends() -> None:
    def side(low: float | None, high: float | None) -> Value:
        return Value({"capacity_bracket_qps": [low, high]})

    assert span(side(200.0, 300.0), side(50.0, 100.0)) == f"2.00{TIMES} to 6.00{TIMES}"
    assert span(side(200.0, None), side(50.0, 100.0)) == f"at least 2.00{TIMES}"
    assert span(side(200.0, 300.0), side(0.0, 100.0)) == f"at least 2.00{TIMES}"
    assert span(side(0.0, 300.0), side(50.0, 100.0)) == "not measured"
    assert span(side(200.0, 300.0), side(50.0, None)) == "not measured"
