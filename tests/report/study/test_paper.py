from tailrank.report.study.paper import BOUND_BY, EFFICIENCY, GAINS, NETWORKS, TAGS, TARGETS, TITLE_OF_TAG, TITLES
from tailrank.zoo import names


def test_every_number_has_a_tag_that_is_explained() -> None:
    for scheduler, gains in GAINS.items():
        assert tuple(gains) == tuple(EFFICIENCY[scheduler]) == TARGETS
        assert set(TAGS["gain"][scheduler].values()) <= TITLE_OF_TAG.keys()


def test_the_networks_are_the_zoos() -> None:
    assert set(NETWORKS) <= set(names())
    assert set(TITLES) == set(NETWORKS)
    assert {name for group in BOUND_BY.values() for name in group} == set(NETWORKS) - {"din", "dien"}
