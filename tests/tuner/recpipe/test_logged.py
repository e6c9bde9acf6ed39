import pytest

from tailrank.tuner.recpipe.logged import CUT, components, mistakes, parse_funnel, ranked, spell, tails


def test_funnels_are_spelt_as_they_are_parsed() -> None:
    for each in tails():
        stages = parse_funnel(each.funnel)
        assert spell(stages) == each.funnel
        assert len(stages) == each.devices.count(">") + 1
        assert all(name in {"rm-small", "rm-med", "rm-large"} and items > 0 for name, items in stages)


def test_every_logged_number_says_where_it_is_from() -> None:
    rows = [*components(), *tails(), *ranked(), *mistakes()]
    assert {each.tag for each in rows} == {"L"}
    assert len({(each.figure, each.funnel, each.devices, each.nominal_qps) for each in tails()}) == len(tails())


@pytest.mark.parametrize(("qps", "ratio"), [(67, 1.68), (500, 1.84), (667, 2.1), (1000, 3.2)])
def test_ratios_of_figure_7_are_those_of_the_fact_sheet(qps: float, ratio: float) -> None:
    at = {each.funnel: each.p95_ms for each in tails() if each.figure == "7c" and each.nominal_qps == qps}
    assert at["rm-large:4096"] / at["rm-small:4096>rm-large:128"] == pytest.approx(ratio, rel=0.02)


def test_the_medium_network_misses_the_cut_by_three_hundredths() -> None:
    best = max(each.ndcg for each in ranked() if each.funnel == "rm-med:4096")
    assert CUT - best == pytest.approx(0.03)
