from tailrank.report.study.plants import THRESHOLDS, climbs


def test_the_climb_measures_all_and_finds_what_is_best() -> None:
    found = climbs()
    assert set(found["measured"]) == set(found["listed"]) == set(THRESHOLDS)
    assert found["without_measured"]
    assert found["first_best"] == THRESHOLDS[0]
    assert found["useless_gpu"] is None
