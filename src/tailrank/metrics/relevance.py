"""Whether what is relevant is found: recall, hit rate, reciprocal rank, and the artifact's NDCG.

Queries come as in `quality`, (Q, N) or (N,), or in CSR layout: then `labels` and `scores` have shape (M,) and the
candidates of query q are rows `first[q]` to `first[q + 1]`. Answers have shape (Q,), or () for a query alone. A label
above zero is relevant. Higher scores rank first, of equal ones the earlier candidate. `k` above a query's
candidates means all of them. A query without relevant candidates is nan but where said: leave it out
(`numpy.nanmean`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError

__all__ = ["hit_rate", "ndcg_all_relevant", "ndcg_csr", "recall", "reciprocal_rank"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class _Ranked(NamedTuple):
    """All candidates in the order of their queries' rankings: arrays of shape (M,). `shape` is that of answers."""

    label: F64
    query: I64
    rank: I64  # from 0
    sizes: I64
    shape: tuple[int, ...]

    def sums(self, values: NDArray[np.float64] | NDArray[np.bool_]) -> F64:
        """Return the sum of `values` (M,) of each query."""
        total = np.zeros(len(self.sizes))
        np.add.at(total, self.query, values)
        return total.reshape(self.shape)


def recall(labels: ArrayLike, scores: ArrayLike, k: int, *, first: ArrayLike | None = None) -> F64:
    """Return which share of each query's relevant candidates is among its first `k`."""
    ranked = _ranked(labels, scores, k, first)
    relevant = ranked.label > 0
    return _ratio(ranked.sums(relevant & (ranked.rank < k)), ranked.sums(relevant))


def hit_rate(labels: ArrayLike, scores: ArrayLike, k: int, *, first: ArrayLike | None = None) -> F64:
    """Return 1 for each query with a relevant candidate among its first `k`, and 0 for others."""
    found = recall(labels, scores, k, first=first)
    return np.where(np.isnan(found), np.nan, np.sign(found))


def reciprocal_rank(labels: ArrayLike, scores: ArrayLike, *, first: ArrayLike | None = None) -> F64:
    """Return one over the rank, from 1, of each query's best relevant candidate; its mean over queries is the MRR."""
    ranked = _ranked(labels, scores, 1, first)
    found = np.zeros(len(ranked.sizes))
    relevant = ranked.label > 0
    np.maximum.at(found, ranked.query[relevant], 1 / (1.0 + ranked.rank[relevant]))
    return np.where(found > 0, found, np.nan).reshape(ranked.shape)


def ndcg_csr(gains: ArrayLike, scores: ArrayLike, k: int, first: ArrayLike) -> F64:
    """Return NDCG@k of queries in CSR layout, (Q,), from gains (M,): what `ndcg` does with its `first`."""
    ranked, best = _ranked(gains, scores, k, first), _ranked(gains, gains, k, first)
    return _ratio(_dcg(ranked, k), _dcg(best, k))


def ndcg_all_relevant(labels: ArrayLike, scores: ArrayLike, k: int, *, first: ArrayLike | None = None) -> F64:
    """Return the "NDCG@k" of RecPipe's artifact: DCG@k over that of a ranking whose first k are *all* relevant.

    The gain is 1 for a relevant candidate. Only where a query has at least k of them this is NDCG@k; elsewhere no
    order reaches 1, and the measure grows with the candidates simply because more of them are relevant. A query
    without any is 0.
    """
    ranked = _ranked(labels, scores, k, first)
    cut = np.minimum(ranked.sizes, k)
    ideal = np.cumsum(1 / np.log2(np.arange(2, int(cut.max()) + 2)))[cut - 1]
    share: F64 = _dcg(ranked._replace(label=(ranked.label > 0).astype(np.float64)), k) / ideal.reshape(ranked.shape)
    return share


def _dcg(ranked: _Ranked, k: int) -> F64:
    return ranked.sums(np.where(ranked.rank < k, ranked.label / np.log2(ranked.rank + 2.0), 0.0))


def _ratio(found: F64, most: F64) -> F64:
    share: F64 = np.divide(found, most, out=np.full(most.shape, np.nan), where=most > 0)
    return share


def _ranked(labels: ArrayLike, scores: ArrayLike, k: int, first: ArrayLike | None) -> _Ranked:
    if k < 1:
        raise BadInputError(f"k is {k}: a ranking is judged by its first k, at least 1", hint="10 and 64 are usual")
    relevance, given = np.asarray(labels, np.float64), np.asarray(scores)
    given = given if given.dtype.kind == "f" else given.astype(np.float64)
    wanted = (1,) if first is not None else (1, 2)
    if relevance.shape != given.shape or relevance.ndim not in wanted or relevance.size == 0:
        raise BadInputError(
            f"labels have shape {relevance.shape} and scores {given.shape}", hint="give one of each a candidate"
        )
    if not (np.isfinite(relevance).all() and (relevance >= 0).all()):
        raise BadInputError("labels must be finite and at least 0", hint="shift or clip them; 0 means irrelevant")
    if np.isnan(given).any():
        raise BadInputError("scores hold nan, which has no rank", hint="leave failed queries out")
    if first is None:
        begins = np.arange(0, relevance.size + 1, relevance.shape[-1])
        shape = relevance.shape[:-1]
    else:
        begins = _begins(first, relevance.size)
        shape = (len(begins) - 1,)
    sizes = np.diff(begins)
    query = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-given.ravel(), query))  # stable: of equal scores the earlier comes first
    rank = np.arange(relevance.size) - np.repeat(begins[:-1], sizes)
    return _Ranked(relevance.ravel()[order], query, rank, sizes, shape)


def _begins(first: ArrayLike, rows: int) -> I64:
    begins = np.asarray(first, np.int64)
    if begins.ndim != 1 or len(begins) < 2 or begins[0] != 0 or begins[-1] != rows or np.any(np.diff(begins) < 1):
        raise BadInputError(
            f"queries that begin at rows {begins.shape} do not fit {rows} candidates, or one has none",
            hint="first ascends from 0 to the number of candidates, one more entry than queries",
        )
    return begins
