"""Pareto fronts: what is left when every point that another beats, or equals, in all objectives is taken away.

Objectives are columns to be maximised; what should be small is given negated. Pure functions, no plans here.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["dominated_by", "front", "knee"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def front(points: F64) -> I64:
    """Return the rows of `points`, shape (n, d), that no other row dominates, in order of the first objective.

    A row dominates another when it is at least as high in every column and higher in one; of equal rows the first
    stays. NaN is lower than everything.
    """
    values = np.where(np.isnan(points), -np.inf, points)
    order = np.lexsort((np.arange(len(values)), *(-values.T[::-1])))  # whatever dominates a row comes before it
    kept = np.empty((len(values), values.shape[1]))
    chosen: list[int] = []
    for row in order.tolist():
        if not np.any(np.all(kept[: len(chosen)] >= values[row], axis=1)):
            kept[len(chosen)] = values[row]
            chosen.append(row)
    return np.array(chosen, dtype=np.int64)


def dominated_by(points: F64, best: F64) -> NDArray[np.bool_]:
    """Return which rows of `points`, (n, d), some row of `best` (m, d) equals or beats in every column."""
    found = np.zeros(len(points), dtype=bool)
    for each in best:
        found |= np.all(each >= points, axis=1)
    return found


def knee(points: F64) -> int:
    """Return the row of a front that is nearest to the ideal: the best of every objective at once.

    Columns are scaled to 0 (the front's worst) to 1 (its best) and count alike; of ties the first.
    """
    if len(points) == 0:
        raise ValueError("an empty front has no knee")
    low, high = points.min(axis=0), points.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    short = (high - points) / width
    return int(np.argmin(np.sum(short**2, axis=1)))
