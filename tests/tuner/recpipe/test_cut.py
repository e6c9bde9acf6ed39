import pytest

from tailrank.tuner.recpipe.cut import CUTS, capacity_cut, quality_of, swept_cut, vanishes

QUALITY = {"good:1": 92.4, "fair:1": 92.22, "a:1>good:1": 92.4, "a:1>fair:1": 91.0}
TAILS = {("good:1", 67.0): 60.0, ("fair:1", 67.0): 41.0, ("a:1>good:1", 67.0): 40.0, ("a:1>fair:1", 67.0): 30.0}


def at(cut: float) -> dict[str, object]:
    return next(row for row in swept_cut(TAILS, QUALITY, [cut]) if row["qps"] == 67.0)


def test_each_cut_compares_the_fastest_that_pass() -> None:
    assert (at(92.25)["one"], at(92.25)["ratio"]) == ("good:1", pytest.approx(1.5))
    assert (at(92.0)["one"], at(92.0)["ratio"]) == ("fair:1", pytest.approx(41 / 40))
    assert (at(90.0)["two"], at(90.0)["ratio"]) == ("a:1>fair:1", pytest.approx(41 / 30))


def test_the_cut_is_strict_and_nothing_above_all_qualities_passes() -> None:
    assert at(92.22)["one"] == "good:1"
    assert (at(92.4)["one"], at(92.4)["two"], at(92.4)["ratio"]) == (None, None, None)


def test_the_advantage_vanishes_at_the_highest_cut_that_loses_it() -> None:
    assert vanishes(swept_cut(TAILS, QUALITY, [92.0, 92.1, 92.25]), 67.0) == 92.1
    assert vanishes(swept_cut(TAILS, QUALITY, [92.25]), 67.0) is None


def test_capacities_are_compared_the_other_way_round() -> None:
    (row,) = capacity_cut({"good:1": 100.0, "fair:1": 0.0, "a:1>good:1": 300.0}, QUALITY, [92.0])
    assert (row["one_qps"], row["two_qps"], row["ratio"]) == pytest.approx((100.0, 300.0, 3.0))


def test_logged_quality_parts_the_cuts_swept() -> None:
    medium = quality_of()["rm-med:4096"]
    assert any(cut < medium for cut in CUTS)
    assert any(medium < cut < quality_of()["rm-large:4096"] for cut in CUTS)
