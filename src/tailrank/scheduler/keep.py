"""Keep: the best candidates go on to the next stage."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["chosen", "keep", "kept"]


def kept(size: int, keep: int | None) -> int:
    """Return how many of `size` candidates a stage passes on."""
    return size if keep is None else min(size, keep)


def chosen(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the positions of the `count` highest scores in ascending order; ties go to the earlier candidate.

    `scores` has shape (n,); the answer has shape (min(count, n),). Nothing is sorted: the time is linear in n.
    A NaN is lower than any score.
    """
    if count >= len(scores):
        return np.arange(len(scores))
    if count <= 0:
        return np.empty(0, np.int64)
    negated = -scores
    least = np.partition(negated, count - 1)[count - 1]
    if np.isnan(least):
        order: NDArray[np.int64] = np.sort(np.argsort(negated, kind="stable")[:count])
        return order
    better = negated < least
    equal = np.flatnonzero(negated == least)[: count - np.count_nonzero(better)]
    better[equal] = True
    return np.flatnonzero(better)


def keep(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the positions of the `count` highest scores, best first; ties go to the earlier candidate.

    `scores` has shape (n,); the answer has shape (min(count, n),).
    """
    best = chosen(scores, count)
    order: NDArray[np.int64] = best[np.argsort(-scores[best], kind="stable")]
    return order
