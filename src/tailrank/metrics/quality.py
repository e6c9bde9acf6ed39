"""How good a ranking is: NDCG, and how much of a reference's ranking other scores keep.

Shapes: Q queries of N candidates each, (Q, N), or one query, (N,); answers are then (Q,), or (). Higher scores rank
first; of equal scores the earlier candidate does, as in serving. `k` above N means N.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError
from tailrank.metrics.relevance import ndcg_csr

__all__ = ["Fidelity", "Gain", "fidelity", "ndcg", "ndcg_of_order", "overlap", "top_k"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Gain = Literal["linear", "exponential"]


class Fidelity(NamedTuple):
    """How near scores are to a reference's: means over queries, and the largest difference of any score.

    1, 1 and 0 say that nothing changed; `ndcg` and `overlap` stay 1 as long as the top does.
    """

    ndcg: float
    overlap: float
    max_difference: float


def top_k(scores: ArrayLike, k: int) -> I64:
    """Return the positions of the `k` highest of `scores` (Q, N), best first: (Q, min(k, N))."""
    checked = _scores("scores", scores)
    order: I64 = np.argsort(-checked, axis=-1, kind="stable")[..., : _cut(k)]
    return order


def ndcg(labels: ArrayLike, scores: ArrayLike, k: int, *, gain: Gain = "linear", first: ArrayLike | None = None) -> F64:
    """Return NDCG@k of each query ranked by `scores` (Q, N), `labels` (Q, N) being its candidates' relevance.

    DCG@k is the sum over ranks r from 1 to k of gain / log2(r + 1), and NDCG@k is that over the DCG@k of the best
    order of *this query's* labels (Järvelin and Kekäläinen, 2002), so 1 means as good as possible. The gain is the
    label, or 2^label - 1 where `gain` is "exponential" (Burges et al., 2005); for labels 0 and 1 they agree.
    A query without any positive label has no best order and is nan: leave it out (`numpy.nanmean`).
    With `first` the queries are in CSR layout: labels and scores (M,), those of query q from `first[q]` to the next.

    Raises `BadInputError` for labels below zero or not finite, scores that are nan, shapes that differ, or k below 1.
    """
    if first is not None:
        return ndcg_csr(_gains(labels, gain), scores, k, first)
    if np.shape(labels) != np.shape(scores):
        raise BadInputError(
            f"labels have shape {np.shape(labels)} and scores {np.shape(scores)}", hint="give one of each a candidate"
        )
    return ndcg_of_order(labels, top_k(scores, k), k, gain=gain)


def ndcg_of_order(labels: ArrayLike, order: ArrayLike, k: int, *, gain: Gain = "linear") -> F64:
    """Return NDCG@k, see `ndcg`, of each query ranked as `order` (Q, M) says: positions in `labels`, best first.

    An order may end early, M < k: what a funnel did not keep to its end earns nothing, while the best order is still
    that of all N candidates. Raises `BadInputError` also for positions that do not exist or repeat.
    """
    gains = _gains(labels, gain)
    ranked = _order(order, gains)[..., : _cut(k)]
    best = np.sort(gains, axis=-1)[..., ::-1][..., : _cut(k)]
    found, ideal = _dcg(np.take_along_axis(gains, ranked, axis=-1)), _dcg(best)
    return np.divide(found, ideal, out=np.full_like(ideal, np.nan), where=ideal > 0)


def overlap(reference: ArrayLike, scores: ArrayLike, k: int) -> F64:
    """Return which share of the top k of `reference` (Q, N) is in the top k of `scores` (Q, N), in any order.

    Raises `BadInputError` for scores that are nan, shapes that differ, or k below 1.
    """
    expected, found = _pair(reference, scores)
    kept = np.zeros(expected.shape, dtype=np.bool_)
    np.put_along_axis(kept, top_k(found, k), True, axis=-1)
    share: F64 = np.take_along_axis(kept, top_k(expected, k), axis=-1).mean(axis=-1)
    return np.asarray(share)


def fidelity(reference: ArrayLike, scores: ArrayLike, k: int) -> Fidelity:
    """Return how much the ranking by `scores` (Q, N), of reduced precision say, keeps of that by `reference` (Q, N).

    `ndcg` is NDCG@k with linear gains where the reference's first is worth k, its second k - 1, its k-th 1 and all
    others nothing: losing the best costs most, and exchanging neighbours next to nothing. `overlap` is as in
    `overlap`. Needs no labels: it says how far a ranking moved, not whether that was for the worse.

    Raises `BadInputError` for scores that are not finite, shapes that differ, no queries, or k below 1.
    """
    expected, found = _pair(reference, scores)
    if expected.size == 0 or not (np.isfinite(expected).all() and np.isfinite(found).all()):
        raise BadInputError("scores to compare must be finite, and at least one", hint="leave failed queries out")
    best = top_k(expected, k)
    count = best.shape[-1]
    labels = np.zeros(expected.shape)
    np.put_along_axis(labels, best, np.broadcast_to(np.arange(count, 0, -1.0), best.shape), axis=-1)
    difference = np.abs(expected.astype(np.float64) - found.astype(np.float64))
    return Fidelity(
        ndcg=float(ndcg(labels, found, k).mean()),
        overlap=float(overlap(expected, found, k).mean()),
        max_difference=float(difference.max()),
    )


def _dcg(gains: F64) -> F64:
    """Discounted sum of gains (Q, k) in rank order: (Q,)."""
    discounts = 1.0 / np.log2(np.arange(2, gains.shape[-1] + 2))
    return np.asarray((gains * discounts).sum(axis=-1))


def _cut(k: int) -> int:
    if k < 1:
        raise BadInputError(f"k is {k}: a ranking is judged by its first k, at least 1", hint="10 and 64 are usual")
    return k


def _scores(name: str, scores: ArrayLike) -> NDArray[np.floating]:
    given = np.asarray(scores)
    checked = given if given.dtype.kind == "f" else given.astype(np.float64)
    if checked.ndim not in (1, 2) or checked.shape[-1] == 0:
        raise BadInputError(f"{name} have shape {checked.shape}", hint="give (queries, candidates) or (candidates,)")
    if np.isnan(checked).any():
        raise BadInputError(f"{name} hold nan, which has no rank", hint="leave failed queries out")
    return checked


def _pair(reference: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    expected, found = _scores("reference scores", reference), _scores("scores", scores)
    if expected.shape != found.shape:
        raise BadInputError(
            f"reference scores have shape {expected.shape} and scores {found.shape}",
            hint="give both for the same candidates",
        )
    return expected, found


def _gains(labels: ArrayLike, gain: Gain) -> F64:
    relevance = np.asarray(labels, dtype=np.float64)
    if not (np.isfinite(relevance).all() and (relevance >= 0).all()):
        raise BadInputError("labels must be finite and at least 0", hint="shift or clip them; 0 means irrelevant")
    if gain == "linear":
        return relevance
    if gain == "exponential":
        return np.exp2(relevance) - 1
    raise BadInputError(f"unknown gain `{gain}`", hint="linear or exponential")


def _order(order: ArrayLike, gains: F64) -> I64:
    given = np.asarray(order)
    ranked = given.astype(np.int64)
    if given.dtype.kind not in "iu" or ranked.shape[:-1] != gains.shape[:-1]:
        raise BadInputError(
            f"an order of {given.dtype} {given.shape} does not fit labels {gains.shape}",
            hint="give whole positions, one row a query",
        )
    ascending = np.sort(ranked, axis=-1)
    outside = ((ranked < 0) | (ranked >= gains.shape[-1])).any()
    if outside or (ascending[..., 1:] == ascending[..., :-1]).any():
        raise BadInputError(
            "an order names a position twice, or one that does not exist", hint="give each once at most"
        )
    return ranked
