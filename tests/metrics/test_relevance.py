"""What is found, against scikit-learn and against plain loops."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from tailrank.core import BadInputError
from tailrank.metrics import hit_rate, ndcg, ndcg_all_relevant, recall, reciprocal_rank

BRIEF = settings(max_examples=80, deadline=None)
K = st.integers(1, 15)


@st.composite
def judged(draw: st.DrawFn, *, ties: bool = True, single: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores (Q, N); with `single`, each query has one relevant candidate."""
    queries, items = draw(st.integers(1, 5)), draw(st.integers(3, 12))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    if single:
        labels = np.eye(items)[chance.integers(0, items, queries)]
    else:
        labels = chance.integers(0, 3, (queries, items)) * (chance.random((queries, items)) < 0.5)
    scores = np.array([chance.permutation(items) for _ in range(queries)], float)
    return labels.astype(float), np.floor(scores / 3) if ties else scores


def ragged(labels: np.ndarray, scores: np.ndarray, sizes: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first `sizes[q]` candidates of each query, in CSR layout."""
    rows = [np.arange(size) for size in sizes]
    cut = [np.concatenate([table[q, row] for q, row in enumerate(rows)]) for table in (labels, scores)]
    return cut[0], cut[1], np.cumsum([0, *sizes])


def order_of(scores: list[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda item: (-scores[item], item))


@given(judged(ties=False), K)
def test_ndcg_is_scikit_learns_where_nothing_is_tied(given_: Any, k: int) -> None:
    labels, scores = given_
    some = labels.any(axis=1)
    for one in np.flatnonzero(some):
        want = theirs.ndcg_score(labels[one : one + 1], scores[one : one + 1], k=k)
        assert ndcg(labels[one], scores[one], k) == pytest.approx(want, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(judged(), st.integers(1, 6))
def test_with_ties_scikit_learn_is_our_mean_over_the_orders_candidates_may_come_in(given_: Any, k: int) -> None:
    labels, scores = given_[0][0, :5], given_[1][0, :5]
    if not labels.any():
        return
    orders = np.array(list(itertools.permutations(range(len(labels)))))
    ours = ndcg(labels[orders], scores[orders], k).mean()
    assert ours == pytest.approx(theirs.ndcg_score([labels], [scores], k=k), abs=1e-12)


@given(judged(), K)
def test_recall_is_scikit_learns_of_the_first_k(given_: Any, k: int) -> None:
    labels, scores = given_
    found = recall(labels, scores, k)
    for one in range(len(labels)):
        chosen = np.isin(np.arange(labels.shape[1]), order_of(scores[one].tolist())[:k])
        want = theirs.recall_score(labels[one] > 0, chosen) if labels[one].any() else math.nan
        assert found[one] == pytest.approx(want, nan_ok=True)


@given(judged(ties=False, single=True), K)
def test_hit_rate_is_scikit_learns_top_k_accuracy(given_: Any, k: int) -> None:
    labels, scores = given_
    names = np.arange(labels.shape[1])
    if k < labels.shape[1]:  # where k is all, scikit-learn warns that the question is idle
        want = theirs.top_k_accuracy_score(labels.argmax(axis=1), scores, k=k, labels=names)
        assert hit_rate(labels, scores, k).mean() == pytest.approx(want)
    else:
        assert hit_rate(labels, scores, k).mean() == 1


@given(judged(ties=False, single=True))
def test_the_reciprocal_rank_of_one_relevant_candidate_is_its_average_precision(given_: Any) -> None:
    labels, scores = given_
    want = theirs.label_ranking_average_precision_score(labels, scores)
    assert reciprocal_rank(labels, scores).mean() == pytest.approx(want)


@BRIEF
@given(judged(), K, st.data())
def test_both_layouts_are_the_definitions(given_: Any, k: int, data: st.DataObject) -> None:
    labels, scores = given_
    sizes = data.draw(st.lists(st.integers(1, labels.shape[1]), min_size=len(labels), max_size=len(labels)))
    flat_labels, flat_scores, first = ragged(labels, scores, sizes)
    naive: dict[Any, list[float]] = {recall: [], hit_rate: [], ndcg_all_relevant: [], ndcg: []}
    ranks = []
    for query, size in enumerate(sizes):
        mine = labels[query, :size].tolist()
        ranked = [mine[item] for item in order_of(scores[query, :size].tolist())]
        relevant = sum(label > 0 for label in mine)
        found = sum(label > 0 for label in ranked[:k])
        naive[recall].append(found / relevant if relevant else math.nan)
        naive[hit_rate].append(float(found > 0) if relevant else math.nan)
        gains = [1 / math.log2(rank + 2) for rank in range(size)]
        hits = sum(gain for gain, label in zip(gains[:k], ranked, strict=False) if label > 0)
        naive[ndcg_all_relevant].append(hits / sum(gains[:k]))
        dcg, ideal = (
            sum(gain * label for gain, label in zip(gains[:k], order, strict=False))
            for order in (ranked, sorted(mine, reverse=True))
        )
        naive[ndcg].append(dcg / ideal if ideal else math.nan)
        ranks.append(next((1 / rank for rank, label in enumerate(ranked, 1) if label > 0), math.nan))
        for function, values in naive.items():
            alone = function(labels[query, :size], scores[query, :size], k)
            assert float(alone) == pytest.approx(values[-1], nan_ok=True)
    for function, values in naive.items():
        found_ = function(flat_labels, flat_scores, k, first=first)
        assert found_ == pytest.approx(values, nan_ok=True), function.__name__
    assert reciprocal_rank(flat_labels, flat_scores, first=first) == pytest.approx(ranks, nan_ok=True)
    np.testing.assert_array_equal(
        recall(labels, scores, k),
        recall(labels.ravel(), scores.ravel(), k, first=np.arange(0, labels.size + 1, labels.shape[1])),
    )


def test_the_example_of_the_artifacts_formula() -> None:
    """Ranked labels 1, 0, 1 with k = 3."""
    found = ndcg_all_relevant([1, 0, 1], [3, 2, 1], 3)
    assert found == pytest.approx((1 + 0.5) / (1 + 1 / math.log2(3) + 0.5))
    assert found == pytest.approx(0.7039, abs=5e-5)
    assert ndcg_all_relevant([1, 1, 1], [3, 2, 1], 3) == 1
    assert ndcg([1, 0, 1], [3, 2, 1], 3) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))


@given(judged(), K)
def test_all_relevant_is_ndcg_where_there_are_k_relevant_and_never_more(given_: Any, k: int) -> None:
    labels, scores = given_
    labels = (labels > 0).astype(float)
    found, true = ndcg_all_relevant(labels, scores, k), ndcg(labels, scores, k)
    enough = labels.sum(axis=1) >= min(k, labels.shape[1])
    assert found[enough] == pytest.approx(true[enough])
    assert (found <= np.nan_to_num(true) + 1e-12).all()


def test_more_candidates_make_all_relevant_larger_though_the_ranking_is_no_better() -> None:
    """Fact of the artifact's measure: chance rankings of bigger pools score higher once positives are many enough."""
    chance = np.random.default_rng(1)
    small, large = (chance.random((2000, n)) < 0.25 for n in (16, 256))
    best = [ndcg_all_relevant(labels, labels.astype(float), 64).mean() for labels in (small, large)]
    assert best[0] < 0.7 < best[1]
    assert ndcg(small, small.astype(float), 64)[small.any(axis=1)].min() == 1


@pytest.mark.parametrize("function", [recall, hit_rate, ndcg_all_relevant, ndcg])
@pytest.mark.parametrize(
    ("labels", "scores", "options"),
    [
        ([1, 0], [1.0], {}),
        ([], [], {}),
        ([1, -1], [1.0, 2.0], {}),
        ([1, 0], [1.0, math.nan], {}),
        ([1, 0], [1.0, 2.0], {"k": 0}),
        ([1, 0], [1.0, 2.0], {"first": [0, 1]}),
        ([1, 0], [1.0, 2.0], {"first": [0, 0, 2]}),
        ([[1, 0]], [[1.0, 2.0]], {"first": [0, 2]}),
    ],
)
def test_what_cannot_be_judged_is_refused(function: Any, labels: Any, scores: Any, options: dict[str, Any]) -> None:
    with pytest.raises(BadInputError):
        function(labels, scores, **({"k": 3} | options))
