"""The compiled loops of `FunnelQuality`, over queries in CSR layout.

Every stage but the last only decides who goes on, and every stage breaks ties by position, so each network's order of
all candidates, sorted once, serves every funnel: a stage takes the first so many of its order that are still in.
`order` (M,) holds positions within the query, best first; `rank` (M,) is its inverse; `inside` (M,) says who is in.
"""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled

__all__ = ["narrow", "narrow_parts", "score", "sweep"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Places = NDArray[np.int32] | NDArray[np.uint16]
I64 = NDArray[np.int64]
Inside = NDArray[np.bool_]


@compiled
def narrow(first: I64, order: Places, inside: Inside, most: int, out: Inside) -> None:
    """Let the best `most` candidates of every query go on."""
    for query in range(len(first) - 1):
        begin, end, left = first[query], first[query + 1], most
        out[begin:end] = False
        for place in range(begin, end):
            row = begin + order[place]
            if inside[row]:
                out[row] = True
                left -= 1
                if left == 0:
                    break


@compiled
def narrow_parts(first: I64, order: Places, part: I32, quota_first: I64, quota: I64, out: Inside) -> None:
    """Let the best of every part go on: `part` (M,) numbers a query's parts, -1 is out.

    A query's parts pass on `quota[quota_first[query] + part]` candidates each; `quota` is used up.
    """
    for query in range(len(first) - 1):
        begin, end = first[query], first[query + 1]
        out[begin:end] = False
        for place in range(begin, end):
            row = begin + order[place]
            if part[row] >= 0:
                at = quota_first[query] + part[row]
                if quota[at] > 0:
                    quota[at] -= 1
                    out[row] = True


@compiled
def score(first: I64, order: Places, inside: Inside, label: F32, discount: F64, ideal: F64, out: F64) -> None:
    """Fill in NDCG@k of every query, k being the number of `discount`s; nan where `ideal` is 0."""
    k = len(discount)
    for query in range(len(first) - 1):
        if ideal[query] == 0:
            out[query] = np.nan
            continue
        begin, ranked, dcg = first[query], 0, 0.0
        for place in range(begin, first[query + 1]):
            row = begin + order[place]
            if inside[row]:
                dcg += label[row] * discount[ranked]
                ranked += 1
                if ranked == k:
                    break
        out[query] = dcg / ideal[query]


@compiled
def _enter(top: I32, gain: F64, filled: int, rank: int, label: float) -> int:
    """Put a candidate in its place among the best so far; returns how many there then are. The worst may fall out."""
    place = 0
    for other in range(filled):
        place += top[other] < rank
    last = min(filled, len(top) - 1)
    for other in range(last, place, -1):
        top[other] = top[other - 1]
        gain[other] = gain[other - 1]
    top[place], gain[place] = rank, label
    return last + 1


@compiled
def _dot(gain: F64, discount: F64, count: int) -> float:
    """Return the sum of the products, in four partial sums: one would wait for itself."""
    one, two, three, four, at = 0.0, 0.0, 0.0, 0.0, 0
    while at + 4 <= count:
        one += gain[at] * discount[at]
        two += gain[at + 1] * discount[at + 1]
        three += gain[at + 2] * discount[at + 2]
        four += gain[at + 3] * discount[at + 3]
        at += 4
    while at < count:
        one += gain[at] * discount[at]
        at += 1
    return (one + two) + (three + four)


@compiled
def sweep(
    first: I64, before: Places, inside: Inside, rank: Places, label: F32, discount: F64, ideal: F64, most: int, out: F64
) -> int:
    """Add to `out[n]` what NDCG@k of all queries grows by as the n-th candidate enters the last stage.

    Candidates enter in the order `before`, up to `most` of every query, and the last stage ranks by `rank`. Returns
    how many queries have an ideal.
    """
    k, counted = len(discount), 0
    top, gain = np.empty(k, np.int32), np.empty(k)
    for query in range(len(first) - 1):
        if ideal[query] == 0:
            continue
        counted += 1
        begin, entered, filled, worst, was = first[query], 0, 0, 2**31 - 1, 0.0
        for place in range(begin, first[query + 1]):
            row = begin + before[place]
            if not inside[row]:
                continue
            entered += 1
            if rank[row] < worst:
                filled = _enter(top, gain, filled, rank[row], label[row])
                if filled == k:
                    worst = top[k - 1]
                dcg = _dot(gain, discount, filled)
                out[entered] += (dcg - was) / ideal[query]
                was = dcg
            if entered == most:
                break
    return counted
