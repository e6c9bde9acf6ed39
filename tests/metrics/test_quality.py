"""Quality against plain loops written from the definitions, and what must hold for any ranking."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tailrank.core import BadInputError
from tailrank.metrics import fidelity, ndcg, ndcg_of_order, overlap, top_k

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)
# few different values, so that ties are common
SCORES = SHAPES.flatmap(lambda shape: arrays.arrays(np.float32, shape, elements=st.integers(-3, 3).map(float)))
K = st.integers(1, 15)


@st.composite
def judged(draw):
    """Labels and scores of the same shape."""
    shape = draw(SHAPES)
    labels = draw(arrays.arrays(np.int64, shape, elements=st.integers(0, 4)))
    return labels, draw(arrays.arrays(np.float32, shape, elements=st.integers(-3, 3).map(float)))


def naive_top(scores, k):
    return sorted(range(len(scores)), key=lambda item: (-scores[item], item))[:k]


def naive_ndcg(labels, order, k, gain):
    def dcg(ranked):
        return sum(gain(label) / math.log2(rank + 2) for rank, label in enumerate(ranked[:k]))

    ideal = dcg(sorted(labels, reverse=True))
    return dcg([labels[item] for item in order]) / ideal if ideal else math.nan


@given(judged(), K, st.sampled_from(["linear", "exponential"]))
def test_ndcg_is_the_definition(given_, k, gain):
    labels, scores = given_
    function = {"linear": float, "exponential": lambda label: 2.0**label - 1}[gain]
    rows = list(zip(labels.tolist(), scores.tolist(), strict=True))
    naive = [naive_ndcg(row, naive_top(score, k), k, function) for row, score in rows]
    assert ndcg(labels, scores, k, gain=gain) == pytest.approx(naive, nan_ok=True)
    for number, value in enumerate(naive):
        assert ndcg(labels[number], scores[number], k, gain=gain) == pytest.approx(value, nan_ok=True)


@given(judged(), K)
def test_the_ideal_order_scores_one_and_none_scores_more(given_, k):
    labels, scores = given_
    some = labels.any(axis=1)
    assert (ndcg(labels, labels, k)[some] == 1.0).all()
    found = ndcg(labels, scores, k)
    assert np.isnan(found[~some]).all()
    assert ((found[some] >= 0) & (found[some] <= 1 + 1e-12)).all()


@given(judged(), K, st.randoms(use_true_random=False))
def test_the_order_in_which_candidates_are_given_does_not_matter(given_, k, random):
    labels, scores = given_
    order = random.sample(range(scores.shape[1]), scores.shape[1])
    apart = np.linspace(0, 0.5, scores.shape[1])  # no ties: those do go by position
    distinct, other = scores + apart, labels + apart
    assert ndcg(labels[:, order], distinct[:, order], k) == pytest.approx(ndcg(labels, distinct, k), nan_ok=True)
    assert np.array_equal(overlap(other[:, order], distinct[:, order], k), overlap(other, distinct, k))


@given(judged(), K)
def test_only_the_order_of_scores_counts(given_, k):
    labels, scores = given_
    assert np.array_equal(ndcg(labels, scores, k), ndcg(labels, 1 / (1 + np.exp(-scores)), k), equal_nan=True)


@given(judged(), K, st.data())
def test_moving_a_better_candidate_up_never_hurts(given_, k, data):
    labels, scores = given_[0][0], given_[1][0]
    assume(len(labels) > 1)
    order = top_k(scores, len(scores))
    upper = data.draw(st.integers(0, len(order) - 2))
    if labels[order[upper + 1]] < labels[order[upper]]:
        order[[upper, upper + 1]] = order[[upper + 1, upper]]
    better = order.copy()
    better[[upper, upper + 1]] = better[[upper + 1, upper]]
    assume(labels.any())
    assert ndcg_of_order(labels, better, k) >= ndcg_of_order(labels, order, k)


@given(SCORES, K)
def test_ties_go_to_the_earlier_candidate(scores, k):
    assert top_k(scores, k).tolist() == [naive_top(row, k) for row in scores.tolist()]
    assert top_k(np.zeros(5), 3).tolist() == [0, 1, 2]


@given(judged(), K, st.integers(1, 12))
def test_what_a_funnel_drops_earns_nothing(given_, k, kept):
    labels, scores = given_
    order = top_k(scores, kept)
    naive = [naive_ndcg(row, ranked, k, float) for row, ranked in zip(labels.tolist(), order.tolist(), strict=True)]
    short = ndcg_of_order(labels, order, k)
    assert short == pytest.approx(naive, nan_ok=True)
    assert (np.nan_to_num(short) <= np.nan_to_num(ndcg(labels, scores, k)) + 1e-12).all()


def test_ndcg_of_examples_worked_by_hand():
    assert ndcg([1, 0, 1], [3, 2, 1], 3) == pytest.approx((1 + 0.5) / (1 + 1 / math.log2(3)))
    assert ndcg([0, 0, 2, 1], [4, 3, 2, 1], 1) == 0
    assert ndcg([3, 1], [0.1, 0.2], 2, gain="exponential") == pytest.approx(
        (1 + 7 / math.log2(3)) / (7 + 1 / math.log2(3))
    )
    assert ndcg([1, 1, 1], [0, 5, 2], 2) == 1  # the artifact of RecPipe agrees only where k labels are positive
    assert math.isnan(ndcg([0, 0], [1, 2], 2))


@given(judged(), K)
def test_overlap_is_the_share_of_the_set(given_, k):
    reference, scores = given_[0].astype(float), given_[1]
    naive = [
        len(set(naive_top(a, k)) & set(naive_top(b, k))) / min(k, len(a))
        for a, b in zip(reference.tolist(), scores.tolist(), strict=True)
    ]
    assert overlap(reference, scores, k) == pytest.approx(naive)
    assert overlap(scores, reference, k) == pytest.approx(naive)


@given(SCORES, K)
def test_scores_are_faithful_to_themselves_and_to_any_with_their_order(scores, k):
    assert fidelity(scores, scores, k) == (1.0, 1.0, 0.0)
    moved = fidelity(scores, scores * 2 + 1, k)
    assert moved[:2] == (1.0, 1.0)
    assert moved.max_difference == np.abs(scores.astype(float) + 1).max()


@given(judged(), K)
def test_fidelity_is_ndcg_where_the_references_best_are_worth_most(given_, k):
    reference, scores = given_[0].astype(np.float32), given_[1]
    values = []
    for expected, found in zip(reference.tolist(), scores.tolist(), strict=True):
        best = naive_top(expected, k)
        labels = [len(best) - best.index(item) if item in best else 0 for item in range(len(expected))]
        values.append(naive_ndcg(labels, naive_top(found, k), k, float))
    result = fidelity(reference, scores, k)
    assert result.ndcg == pytest.approx(np.mean(values))
    assert result.overlap == pytest.approx(overlap(reference, scores, k).mean())
    assert result.max_difference == np.abs(reference - scores).max()


def test_fidelity_prices_the_best_above_the_kth():
    reference = np.arange(10, 0, -1.0)
    last_lost, first_lost, neighbours = reference.copy(), reference.copy(), reference.copy()
    last_lost[[3, 9]], first_lost[[0, 9]] = last_lost[[9, 3]], first_lost[[9, 0]]
    neighbours[[2, 3]] = neighbours[[3, 2]]
    worst, bad, slight = (fidelity(reference, scores, 4) for scores in (first_lost, last_lost, neighbours))
    assert worst.ndcg < bad.ndcg < slight.ndcg < 1
    assert worst.overlap == bad.overlap == 0.75
    assert slight.overlap == 1


def test_rounding_noise_within_gaps_changes_nothing_and_beyond_them_does():
    rng = np.random.default_rng(0)
    reference = rng.permuted(np.tile(np.arange(200.0), (20, 1)), axis=1)
    noise = rng.uniform(-0.49, 0.49, reference.shape)
    assert fidelity(reference, reference + noise, 10)[:2] == (1.0, 1.0)
    coarse, coarser = (fidelity(reference, reference + noise * scale, 10).ndcg for scale in (10, 200))
    assert 1 > coarse > coarser


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ndcg([1, 0], [1.0, 2.0], 0), "at least 1"),
        (lambda: ndcg([1, -1], [1.0, 2.0], 1), "at least 0"),
        (lambda: ndcg([1, math.inf], [1.0, 2.0], 1), "finite"),
        (lambda: ndcg([1, 0], [1.0, math.nan], 1), "nan"),
        (lambda: ndcg([1, 0, 0], [1.0, 2.0], 1), r"shape \(3,\) and scores \(2,\)"),
        (lambda: ndcg([1, 0], [1.0, 2.0], 1, gain="cubic"), "unknown gain `cubic`"),
        (lambda: ndcg(1, 2.0, 1), r"scores have shape \(\)"),
        (lambda: overlap([[]], [[]], 1), r"shape \(1, 0\)"),
        (lambda: ndcg_of_order([1, 0], [0, 0], 1), "twice"),
        (lambda: ndcg_of_order([1, 0], [0, 2], 1), "does not exist"),
        (lambda: ndcg_of_order([1, 0], [0, -1], 1), "does not exist"),
        (lambda: ndcg_of_order([1, 0], [0.0, 1.0], 1), "float64"),
        (lambda: ndcg_of_order([[1, 0]], [0, 1], 1), "does not fit"),
        (lambda: overlap([1.0, 2.0], [1.0], 1), "reference scores have shape"),
        (lambda: fidelity([1.0, math.inf], [1.0, 2.0], 1), "finite"),
        (lambda: fidelity(np.zeros((0, 3)), np.zeros((0, 3)), 1), "at least one"),
    ],
)
def test_what_cannot_be_judged_is_refused(call, message):
    with pytest.raises(BadInputError, match=message):
        call()
