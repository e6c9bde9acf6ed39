"""Comparing two plans by pairs: both met the same queries, so the difference is taken within each repetition."""

import math

from tailrank.metrics import Interval, t_interval
from tailrank.tuner.capacity import Capacity

__all__ = ["paired_difference", "speedup"]


def paired_difference(first: Capacity, second: Capacity) -> Interval:
    """Return by how many qps `first` beats `second`, with the search tolerance of both added to the interval.

    One repetition says nothing about luck: its interval is infinite.
    """
    pairs = _pairs(first, second)
    mean, low, high = t_interval([a - b for a, b in pairs])
    return Interval(
        mean,
        low - second.tolerance * math.fsum(b for _, b in pairs) / len(pairs),
        high + first.tolerance * math.fsum(a for a, _ in pairs) / len(pairs),
    )


def speedup(best: Capacity, baseline: Capacity) -> Interval:
    """Return capacity of `best` over that of `baseline`: geometric mean of the paired ratios.

    The interval is that of the log ratios, widened by the search tolerance of both. Infinite where the baseline
    cannot meet the target at all; 0 to infinity where only some repetitions can.
    """
    pairs = _pairs(best, baseline)
    if all(a > 0 and b > 0 for a, b in pairs):
        mean, low, high = (math.exp(each) for each in t_interval([math.log(a / b) for a, b in pairs]))
        return Interval(mean, low / (1 + baseline.tolerance), high * (1 + best.tolerance))
    above, below = math.fsum(a for a, _ in pairs), math.fsum(b for _, b in pairs)
    ratio = above / below if below else math.inf if above else math.nan
    sure = below == 0 and all(a > 0 for a, _ in pairs)
    return Interval(ratio, math.inf if sure else 0.0, math.inf)


def _pairs(first: Capacity, second: Capacity) -> list[tuple[float, float]]:
    return list(zip(first.per_replication, second.per_replication, strict=True))
