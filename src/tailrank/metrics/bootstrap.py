"""Bootstrap intervals: how sure a mean over queries is, and the difference of two funnels on the same queries."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError, stream
from tailrank.metrics.percentiles import Interval

__all__ = ["bootstrap", "paired"]

F64 = NDArray[np.float64]
AT_ONCE = 1 << 22  # numbers drawn at a time: 32 MB


def bootstrap(values: ArrayLike, *, seed: int, n: int = 2000, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` (Q,), one a query, and its percentile bootstrap interval from `n` resamples.

    Queries are the independent units: each resample draws as many queries as there are, with replacement, and the
    ends of the interval are the quantiles of the resamples' means (Efron and Tibshirani, 1993). Values that are nan,
    as of queries without positive labels, are left out. The same seed draws the same queries whatever the values, so
    funnels compared on the same queries share their luck.
    """
    found = _values("values", values)
    found = found[~np.isnan(found)]
    if len(found) == 0:
        raise BadInputError("no query has a value", hint="give queries with at least one positive label")
    tail = 50 * (1 - _within(confidence))
    means = _resampled(found, seed, n)
    low, high = np.percentile(means, [tail, 100 - tail])
    return Interval(float(found.mean()), float(low), float(high))


def paired(one: ArrayLike, other: ArrayLike, *, seed: int, n: int = 2000, confidence: float = 0.95) -> Interval:
    """Return the mean of `one` minus `other`, (Q,) each and the same queries, with its bootstrap interval.

    Queries are resampled as pairs, so what makes a query hard for both cancels: the interval is that of the
    difference, much narrower than the two apart. Where it holds 0 the difference is not significant. A query
    that is nan on either side is left out.
    """
    first, second = _values("values", one), _values("values", other)
    if first.shape != second.shape:
        raise BadInputError(
            f"{len(first)} values cannot be paired with {len(second)}", hint="give both for the same queries"
        )
    return bootstrap(first - second, seed=seed, n=n, confidence=confidence)


def _resampled(values: F64, seed: int, n: int) -> F64:
    """Return the means of `n` resamples, shape (n,); drawn in blocks, so that memory stays small."""
    if n < 1:
        raise BadInputError(f"{n} resamples", hint="2000 are usual")
    random, size, means = stream(seed, "bootstrap"), len(values), np.empty(n)
    block = max(1, AT_ONCE // size)
    for begin in range(0, n, block):
        count = min(block, n - begin)
        means[begin : begin + count] = values[random.integers(0, size, (count, size))].mean(axis=1)
    return means


def _values(name: str, values: ArrayLike) -> F64:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or np.isinf(found).any():
        raise BadInputError(f"{name} of shape {found.shape} are not one finite number a query", hint="give (queries,)")
    return found


def _within(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise BadInputError(f"confidence must lie between 0 and 1, not {confidence:g}", hint="0.95 is usual")
    return confidence
