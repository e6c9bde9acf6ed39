"""Funnels against plain loops over lists, and what must hold for any funnel."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.metrics import FunnelQuality, ndcg_of_order, top_k
from tailrank.scheduler.feeding import lay_out

NAMES = ("a", "b", "c")
BRIEF = settings(max_examples=80, deadline=None)


class Scored(NamedTuple):
    """Labelled queries, scored by three networks; few different scores, so that ties are common."""

    first: np.ndarray
    label: np.ndarray
    scores: dict[str, np.ndarray]
    k: int

    def rows(self, query: int) -> slice:
        return slice(self.first[query], self.first[query + 1])

    @property
    def quality(self) -> FunnelQuality:
        return FunnelQuality(self.first, self.label, self.scores, k=self.k)


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    sizes = draw(st.lists(st.integers(1, 90), min_size=1, max_size=4))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, distinct = sum(sizes), draw(st.sampled_from([2, 5, 1000]))
    values = np.linspace(-3, 3, distinct)
    label = chance.integers(0, 5, rows) * (chance.random(rows) < draw(st.sampled_from([0.05, 0.5, 1.0])))
    scores = {name: chance.choice(values, rows).astype(np.float32) for name in NAMES}
    return Scored(np.cumsum([0, *sizes]), label.astype(np.float32), scores, draw(st.sampled_from([1, 3, 10, 64])))


@st.composite
def funnels(draw: st.DrawFn, depth: int | None = None) -> tuple[tuple[str, ...], tuple[int, ...]]:
    count = draw(st.integers(1, 4)) if depth is None else depth
    networks = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=count, max_size=count)))
    return networks, tuple(sorted(draw(st.lists(st.integers(1, 100), min_size=count, max_size=count)), reverse=True))


def naive_ranking(data: Scored, networks: Sequence[str], items: Sequence[int], query: int) -> list[int]:
    """Stage by stage on lists: sort by score, then by position, and cut."""
    scores = {name: data.scores[name][data.rows(query)].tolist() for name in NAMES}
    inside = list(range(len(scores["a"])))[: items[0]]
    for network, count in zip(networks, (*items[1:], len(inside)), strict=True):
        inside = sorted(inside, key=lambda item, network=network: (-scores[network][item], item))[:count]
    return inside


def naive_ndcg(data: Scored, ranking: list[int], query: int) -> float:
    label = data.label[data.rows(query)].tolist()

    def dcg(labels: list[float]) -> float:
        return math.fsum(gain / math.log2(rank + 2) for rank, gain in enumerate(labels[: data.k]))

    ideal = dcg(sorted(label, reverse=True))
    return dcg([label[item] for item in ranking]) / ideal if ideal else math.nan


@BRIEF
@given(scored(), funnels())
def test_any_funnel_is_what_loops_give(data: Scored, funnel: Any) -> None:
    quality = data.quality
    rankings = [naive_ranking(data, *funnel, query) for query in range(len(quality))]
    for query, ranking in enumerate(rankings):
        assert quality.ranked(*funnel, query, k=len(ranking)).tolist() == ranking
        assert quality.ranked(*funnel, query).tolist() == ranking[: data.k]
    naive = [naive_ndcg(data, ranking, query) for query, ranking in enumerate(rankings)]
    assert quality.per_query(*funnel) == pytest.approx(naive, abs=1e-12, rel=0, nan_ok=True)
    for query, ranking in enumerate(rankings):  # and the other implementation in this package agrees
        other = ndcg_of_order(data.label[data.rows(query)], ranking, data.k)
        assert naive[query] == pytest.approx(float(other), abs=1e-12, rel=0, nan_ok=True)


@BRIEF
@given(scored(), funnels())
def test_a_sweep_is_every_mean(data: Scored, funnel: Any) -> None:
    (networks, items), quality = funnel, data.quality
    swept = quality.sweep(networks, items[:-1])
    most = items[-2] if len(items) > 1 else quality.candidates
    means = [quality.mean(networks, (*items[:-1], count)) for count in range(1, min(most, quality.candidates) + 1)]
    assert swept[1 : len(means) + 1] == pytest.approx(means, abs=1e-12, rel=0, nan_ok=True)
    assert swept[len(means) :] == pytest.approx(means[-1], abs=1e-12, rel=0, nan_ok=True)
    assert len(swept) == quality.candidates + 1
    assert swept[0] == 0 or math.isnan(swept[0])


@BRIEF
@given(scored(), st.lists(funnels(), max_size=40), st.integers(1, 3))
def test_many_at_once_are_each_alone(data: Scored, many: Any, threads: int) -> None:
    quality = FunnelQuality(data.first, data.label, data.scores, k=data.k, threads=threads)
    alone = [quality.mean(*funnel) for funnel in many]
    assert quality.means(many) == pytest.approx(alone, abs=1e-12, rel=0, nan_ok=True)


def test_threads_and_the_order_of_funnels_change_no_bit() -> None:
    chance = np.random.default_rng(2)
    label = (chance.random(300 * 200) < 0.1).astype(np.float32)
    scores = {name: chance.standard_normal(len(label), np.float32) for name in NAMES}
    first = np.arange(0, len(label) + 1, 200)
    many = [((one, other), (items, keep)) for one in "ab" for other in "bc" for items in (99, 200) for keep in (9, 65)]
    one, three = (FunnelQuality(first, label, scores, threads=threads).means(many) for threads in (1, 3))
    np.testing.assert_array_equal(one, three)
    back = FunnelQuality(first, label, scores, threads=1).means(many[::-1])
    np.testing.assert_array_equal(one, back[::-1])


def test_queries_of_more_candidates_than_two_bytes_count() -> None:
    """Then positions take four bytes, and ladders have wider steps."""
    chance = np.random.default_rng(4)
    sizes = [70_000, 300, 5_000]
    label = (chance.random(sum(sizes)) < 0.01).astype(np.float32)
    scores = {name: (label + chance.standard_normal(len(label))).astype(np.float32) for name in NAMES}
    data = Scored(np.cumsum([0, *sizes]), label, scores, 64)
    quality = data.quality
    many = [(("a", "b", "c"), (items, 1000, keep)) for items in (69_999, 1000) for keep in (1, 100, 500, 999, 1000)]
    for funnel in many[:2]:
        for query in range(3):
            assert quality.ranked(*funnel, query).tolist() == naive_ranking(data, *funnel, query)[:64]
    alone = [quality.mean(*funnel) for funnel in many]
    assert quality.means(many) == pytest.approx(alone, abs=1e-12, rel=0)
    swept = quality.sweep(("a", "b"), (70_000,))
    assert swept[[1, 64, 5000, 70_000]] == pytest.approx(
        [quality.mean(("a", "b"), (None, count)) for count in (1, 64, 5000, 70_000)], abs=1e-12, rel=0
    )


@BRIEF
@given(scored(), st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_keeping_all_is_the_last_network_alone(data: Scored, front: str, last: str) -> None:
    quality = data.quality
    alone = quality.per_query((last,), (None,))
    np.testing.assert_array_equal(quality.per_query((front, last), (None, None)), alone)
    np.testing.assert_array_equal(quality.per_query((front, front, last), (None, None, None)), alone)
    for query in range(len(quality)):
        want = top_k(data.scores[last][data.rows(query)], data.k)
        np.testing.assert_array_equal(quality.ranked((front, last), (None, None), query), want)


@BRIEF
@given(scored(), funnels())
def test_the_ideal_order_is_one_and_nothing_is_more(data: Scored, funnel: Any) -> None:
    ideal = FunnelQuality(data.first, data.label, {"ideal": data.label, **data.scores}, k=data.k)
    some = np.add.reduceat(data.label, data.first[:-1]) > 0
    found = ideal.per_query(("ideal",), (None,))
    np.testing.assert_allclose(found[some], 1.0, rtol=0, atol=1e-12)
    assert np.isnan(found[~some]).all()
    kept = ideal.per_query(("ideal", "ideal"), (None, min(data.k, ideal.candidates)))
    np.testing.assert_allclose(kept[some], 1.0, rtol=0, atol=1e-12)
    other = ideal.per_query(*funnel)
    assert ((other[some] >= 0) & (other[some] <= 1 + 1e-12)).all()


@BRIEF
@given(scored(), funnels(2))
def test_an_ideal_last_stage_never_loses_by_more_items(data: Scored, funnel: Any) -> None:
    """With the labels for scores, whoever else comes in can only help."""
    quality = FunnelQuality(data.first, data.label, {"ideal": data.label, **data.scores}, k=data.k)
    front, items = funnel[0][0], funnel[1]
    swept = quality.sweep((front, "ideal"), items[:1])
    assert np.isnan(swept).all() or (np.diff(swept) >= -1e-12).all()
    swept = quality.sweep(("ideal",))
    assert np.isnan(swept).all() or (np.diff(swept) >= -1e-12).all()


@BRIEF
@given(scored(), st.integers(1, 20), st.integers(1, 60))
def test_any_split_of_a_stage_keeps_the_same(data: Scored, batch: int, keep: int) -> None:
    """However a query is cut into slices, the best of the slices' best are the best of all."""
    quality = data.quality
    for query in range(len(quality)):
        scores = data.scores["a"][data.rows(query)]
        begins = range(0, len(scores), batch)
        best = [begin + top_k(scores[begin : begin + batch], keep) for begin in begins]
        merged = np.sort(np.concatenate(best))
        kept = np.sort(merged[top_k(scores[merged], keep)])
        want = kept[top_k(data.scores["b"][data.rows(query)][kept], data.k)]
        found = quality.ranked(("a", "b"), (None, min(keep, quality.candidates)), query)
        np.testing.assert_array_equal(found, want)


@BRIEF
@given(scored(), funnels())
def test_only_the_order_of_scores_counts(data: Scored, funnel: Any) -> None:
    wide = {name: np.exp(each.astype(np.float64)) for name, each in data.scores.items()}  # sorted another way, too
    other = FunnelQuality(data.first, data.label, wide, k=data.k)
    np.testing.assert_array_equal(data.quality.per_query(*funnel), other.per_query(*funnel))


def test_zeros_of_either_sign_and_infinities_have_their_place() -> None:
    scores = {"a": np.array([-0.0, 0.0, -np.inf, np.inf, -1e-45, 1e-45, -3.0], np.float32)}
    quality = FunnelQuality([0, 7], np.ones(7), scores, k=7)
    assert quality.ranked(("a",), (None,), 0).tolist() == [3, 5, 0, 1, 4, 6, 2]


@BRIEF
@given(scored(), st.integers(1, 100), st.integers(1, 30), st.integers(1, 40))
def test_shares_pass_on_the_best_of_every_part(data: Scored, most: int, batch: int, keep: int) -> None:
    def parts(size: int) -> list[tuple[list[int], list[int]]]:
        into = min(size, most)
        sizes = [min(batch, into - begin) for begin in range(0, into, batch)]
        return [(sizes, [(each + 1) // 2 for each in sizes])]  # half of each, so that quotas differ from the best

    quality = data.quality
    found = quality.per_query(("a", "b"), (most, min(keep, most)), shares=parts)
    for query in range(len(quality)):
        scores = data.scores["a"][data.rows(query)]
        kept, begin = [], 0
        for size, count in zip(*parts(len(scores))[0], strict=True):
            kept += [begin + int(place) for place in top_k(scores[begin : begin + size], count)]
            begin += size
        last = data.scores["b"][data.rows(query)]
        ranking = sorted(kept, key=lambda item, last=last: (-last[item], item))
        assert found[query] == pytest.approx(naive_ndcg(data, ranking, query), abs=1e-12, rel=0, nan_ok=True)


@BRIEF
@given(scored(), funnels(3), st.integers(1, 40))
def test_shares_are_the_schedulers(data: Scored, funnel: Any, batch: int) -> None:
    """Two stages that pass on early: as `lay_out` says, each part of a stage is cut again in the next."""
    networks, (most, some, few) = funnel
    plan = Plan(
        stages=(
            Stage(model="a", batch_size=batch, keep=some, feed="share"),
            Stage(model="b", batch_size=max(1, batch // 2), keep=few, feed="share"),
            Stage(model="c", batch_size=64),
        ),
        pools={"cpu": Pool(workers=1)},
        take=most,
    )

    def parts(size: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        return [(each.size, each.gives) for each in lay_out(plan, size)]

    quality = data.quality
    found = quality.per_query(networks, (most, some, few), shares=parts)
    for query in range(len(quality)):
        scores = [data.scores[name][data.rows(query)] for name in networks]
        inside = np.arange(min(most, len(scores[0])))
        for number, (sizes, gives) in enumerate(parts(len(scores[0]))[:2]):
            kept, begin = [], 0
            for size, count in zip(sizes, gives, strict=True):
                here = inside[begin : begin + size]
                kept += here[np.argsort(-scores[number][here], kind="stable")[:count]].tolist()
                begin += size
            assert len(kept) == min((some, few)[number], len(inside))
            inside = np.sort(kept).astype(int)
        ranking = inside[np.argsort(-scores[2][inside], kind="stable")].tolist()
        assert found[query] == pytest.approx(naive_ndcg(data, ranking, query), abs=1e-12, rel=0, nan_ok=True)


@BRIEF
@given(scored(), funnels(3))
def test_a_single_part_is_no_split(data: Scored, funnel: Any) -> None:
    most, some, few = funnel[1]

    def whole(size: int) -> list[tuple[list[int], list[int]]]:
        into = min(size, most)
        return [([into], [min(some, into)]), ([min(some, into)], [min(few, into)])]

    quality = data.quality
    shared = quality.per_query(*funnel, shares=whole)
    np.testing.assert_array_equal(shared, quality.per_query(*funnel))
    np.testing.assert_array_equal(quality.per_query(*funnel, shares=lambda size: [([size], [])] * 2), shared)


def test_queries_without_positives_are_left_out_of_means() -> None:
    scores = {"a": np.array([3, 2, 1, 3, 2, 1], np.float32)}
    quality = FunnelQuality([0, 3, 6], [0, 0, 0, 0, 1, 0], scores, k=2)
    assert np.isnan(quality.per_query(("a",), (None,))[0])
    assert quality.mean(("a",), (None,)) == pytest.approx(1 / math.log2(3))
    nobody = FunnelQuality([0, 3], [0, 0, 0], {"a": scores["a"][:3]})
    assert math.isnan(nobody.mean(("a",), (None,)))
    assert np.isnan(nobody.sweep(("a",))).all()


GOOD: dict[str, Any] = {"first": [0, 2], "label": [0.0, 1.0], "scores": {"a": np.zeros(2, np.float32)}}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"first": [0, 3]}, "do not fit"),
        ({"first": [0]}, "do not fit"),
        ({"first": [0, 0, 2]}, "no candidates"),
        ({"first": [0, 3, 2]}, "no candidates"),
        ({"label": [0, -1]}, "at least 0"),
        ({"label": [0, math.nan]}, "at least 0"),
        ({"scores": {"a": np.array([math.nan, 0])}}, "nan"),
        ({"scores": {"a": np.zeros(3)}}, "not one for each"),
        ({"scores": {"a": np.zeros(2, int)}}, "not one for each"),
        ({"k": 0}, "k is 0"),
    ],
)
def test_tables_that_cannot_be_are_refused(wrong: dict[str, Any], says: str) -> None:
    given_ = GOOD | wrong
    with pytest.raises(BadInputError, match=says):
        FunnelQuality(**given_)


@pytest.mark.parametrize(
    ("networks", "items", "says"),
    [
        (("a", "b"), (2, 1), "no scores of network `b`"),
        (("a",), (2, 1), "cannot have"),
        ((), (), "cannot have"),
        (("a",), (0,), "0 items"),
        (("a", "a"), (1, 2), "only 1"),
        (("",), (1,), "no scores"),
    ],
)
def test_funnels_that_do_not_chain_are_refused(networks: Any, items: Any, says: str) -> None:
    quality = FunnelQuality(**GOOD)
    with pytest.raises(BadInputError, match=says):
        quality.per_query(networks, items)
    with pytest.raises(BadInputError, match="no query"):
        quality.ranked(("a",), (1,), 1)


def test_candidates_chosen_elsewhere_are_judged_as_those_of_a_funnel():
    random = np.random.default_rng(11)
    first, labels = np.array([0, 30, 50, 90]), random.integers(0, 3, 90)
    quality = FunnelQuality(first, labels, {"a": random.random(90), "b": random.random(90)}, k=5)
    inside = np.zeros(90, bool)
    for query in range(3):
        inside[first[query] + quality.ranked(("a",), (None,), query, 12)] = True
    np.testing.assert_array_equal(quality.judged("b", inside), quality.per_query(("a", "b"), (None, 12)))
    with pytest.raises(BadInputError, match="in or out"):
        quality.judged("b", inside[:-1])
