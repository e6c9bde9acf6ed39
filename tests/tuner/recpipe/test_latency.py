import numpy as np
import pytest

from tailrank.tuner.recpipe.latency import ONE, THREE, TWO, TailCell, as_it_ran, errors, ratios, replay, too_fast
from tailrank.tuner.recpipe.logged import Tail
from tailrank.tuner.recpipe.pipeline import p95s_ms

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def cells() -> list[TailCell]:
    return replay(SEEDS)


def cell(funnel: str, qps: float, logged: float, ours: float, *, bound: float = 500.0, used: bool = False) -> TailCell:
    tail = Tail(figure="7c", funnel=funnel, devices="cpu", nominal_qps=qps, p95_ms=logged, tag="L")
    return TailCell(tail, bound, {"a": (ours, ours, ours)}, used)


def test_the_two_inferred_numbers_give_back_the_tails_they_are_from() -> None:
    reading = as_it_ran(SEEDS)
    low, high = (np.mean(p95s_ms((("rm-med", 4096),), ("cpu",), reading, qps, SEEDS)) for qps in (67.0, 2000.0))
    assert low == pytest.approx(42.2, rel=0.01)
    assert high == pytest.approx(89.8, rel=0.02)


def test_errors_count_stability_and_skip_what_was_used() -> None:
    rows = [
        cell(ONE, 10, 50.0, 55.0),
        cell(ONE, 100, 60.0, 900.0),  # the log keeps up, ours does not
        cell(ONE, 200, 800.0, 700.0),  # neither does
        cell(ONE, 300, 50.0, 5000.0, used=True),
    ]
    (found,) = errors(rows)
    assert (found["points"], found["same_stability"], found["steady"]) == (3, 2, 1)
    assert found["median_error"] == pytest.approx(0.1)


def test_ratios_are_tails_over_that_of_two_stages() -> None:
    (row,) = ratios([cell(ONE, 10, 60.0, 50.0), cell(TWO, 10, 30.0, 20.0), cell(THREE, 10, 45.0, 30.0)])
    assert (row["logged"], row["ours"]) == (2.0, {"a": 2.5})
    assert (row["three_logged"], row["three_ours"]) == (1.5, {"a": 1.5})


def test_a_steady_tail_above_the_bound_says_how_late_gaps_were() -> None:
    rows = [cell(ONE, 67, 50.0, 50.0), cell(ONE, 1000, 60.0, 60.0), cell(ONE, 2000, 900.0, 900.0)]
    (found,) = too_fast(rows)
    assert found["nominal_qps"] == 1000
    assert found["least_late_ms"] == pytest.approx(2.0 - 1.0)


def test_times_alone_say_that_loads_were_not_nominal(cells: list[TailCell]) -> None:
    assert max(float(str(row["least_late_ms"])) for row in too_fast(cells)) > 0.3
    inferred = as_it_ran(SEEDS).late_ms
    assert all(float(str(row["least_late_ms"])) < inferred + 0.05 for row in too_fast(cells))


def test_inferring_two_numbers_explains_more_of_the_log(cells: list[TailCell]) -> None:
    by_name = {str(row["reading"]): row for row in errors(cells)}
    last = by_name["as it ran"]
    for name in ("exact Poisson", "whole milliseconds"):
        assert int(str(last["same_stability"])) > int(str(by_name[name]["same_stability"]))
        assert float(str(last["median_error"])) < float(str(by_name[name]["median_error"]))


def test_every_logged_tail_has_ours(cells: list[TailCell]) -> None:
    assert sum(each.inferred_from for each in cells) == 2
    for each in cells:
        assert len(each.ours) == 3
        assert all(0 < low <= mean <= high for mean, low, high in each.ours.values())
