"""Percentiles: one definition, and an interval that knows that waiting queries wait together."""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError

__all__ = ["Interval", "order", "percentile", "percentile_interval", "t_interval"]

I64 = NDArray[np.int64]


class Interval(NamedTuple):
    """An estimate and the ends of its confidence interval, in the unit of the data; an end may be infinite."""

    value: float
    low: float
    high: float


def order(count: int, q: float) -> int:
    """Return which of `count` ascending values, counted from 1, is the `q`-th percentile.

    The smallest k with k / count >= q / 100, exact for decimal `q` (99.9 % of 1000 is 999, not 1000).
    """
    if not 0 < q <= 100:
        raise BadInputError(f"a percentile lies above 0 and at most at 100, not {q:g}", hint="95 and 99 are usual")
    return max(1, math.ceil(Fraction(repr(float(q))) * count / 100))


def percentile(latency_ns: I64, q: float) -> int:
    """Return the smallest observed latency with at least `q` per cent of `latency_ns`, shape (n,), at or below it.

    No interpolation: the answer was observed, so the share within it is at least `q` per cent.
    """
    if len(latency_ns) == 0:
        raise BadInputError("no query finished, so there is no percentile", hint="look at the errors of the run")
    index = order(len(latency_ns), q) - 1
    return int(np.partition(latency_ns, index)[index])


def percentile_interval(latency_ns: I64, q: float, confidence: float = 0.95, *, batches: int = 20) -> Interval:
    """Return the `q`-th percentile with a confidence interval in nanoseconds; `latency_ns` in order of arrival.

    Neighbouring queries wait behind the same backlog, so the count of independent observations is far below n.
    The share of queries within the estimate is averaged over `batches` consecutive batches, whose scatter gives
    the standard error (batch means); the ends are the order statistics at the share plus and minus that
    error times Student's t. The error is never taken below that of independent queries. `high` is infinite
    when the sample is too short to bound the percentile from above; with under two queries a batch both ends
    are open (0 and infinity).
    Source: the method of batch means (Law and Kelton's textbook), applied to the indicator of the quantile.
    """
    value, count = percentile(latency_ns, q), len(latency_ns)
    if count < 2 * batches:
        return Interval(value, 0.0, math.inf)
    share = q / 100
    length = count // batches
    within = (latency_ns[count - length * batches :] <= value).reshape(batches, length).mean(axis=1)
    error = _student(confidence, batches - 1) * float(np.std(within, ddof=1)) / math.sqrt(batches)
    error = max(error, _student(confidence, count - 1) * math.sqrt(share * (1 - share) / count))
    low = _at(latency_ns, 100 * (share - error), 0.0)
    return Interval(value, low, _at(latency_ns, 100 * (share + error), math.inf))


def t_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the mean of independent `values`, shape (n,), and its confidence interval by Student's t.

    One value bounds nothing: its interval is the whole line.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or len(sample) == 0:
        raise BadInputError(f"an interval needs a list of values, not shape {sample.shape}", hint="give replications")
    mean = float(sample.mean())
    if len(sample) == 1:
        return Interval(mean, -math.inf, math.inf)
    half = _student(confidence, len(sample) - 1) * float(sample.std(ddof=1)) / math.sqrt(len(sample))
    return Interval(mean, mean - half, mean + half)


def _student(confidence: float, freedom: int) -> float:
    """Student's t that the central `confidence` of the mass stays within."""
    from scipy.special import stdtrit

    if not 0 < confidence < 1:
        raise BadInputError(f"confidence must lie between 0 and 1, not {confidence:g}", hint="0.95 is usual")
    return float(stdtrit(freedom, (1 + confidence) / 2))


def _at(latency_ns: I64, q: float, outside: float) -> float:
    return float(percentile(latency_ns, q)) if 0 < q <= 100 else outside
