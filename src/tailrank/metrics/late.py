"""How many queries are late: the share beyond the target's latency, bounded from above with confidence."""

import numpy as np
from numpy.typing import NDArray

from tailrank.metrics.percentiles import Interval
from tailrank.metrics.sla import SLATarget

__all__ = ["late_share"]


def late_share(
    latency_ns: NDArray[np.int64], target: SLATarget, confidence: float = 0.95, *, batches: int = 20
) -> Interval:
    """Return the share of `latency_ns` (n,), in order of arrival, above the target, and a one-sided upper bound.

    Late queries come together, so they count for fewer: the scatter of the share over `batches` consecutive batches
    says by what factor (the design effect, at least 1), and `high` is Clopper and Pearson's exact bound at
    `confidence` for that many independent queries. A target is shown to be met where `high` is at most
    `1 - percentile / 100`. With under two queries a batch nothing is bounded (1). `low` is 0.
    """
    from scipy.special import betaincinv

    late = np.asarray(latency_ns) > target.latency_ns
    count, found = len(late), int(np.count_nonzero(late))
    share = found / max(count, 1)
    if count < 2 * batches or found == count:
        return Interval(share, 0.0, 1.0)
    length = count // batches
    means = late[count - length * batches :].reshape(batches, length).mean(axis=1)
    effect = max(1.0, length * float(np.var(means, ddof=1)) / (share * (1 - share))) if found else 1.0
    return Interval(share, 0.0, float(betaincinv(found / effect + 1, (count - found) / effect, confidence)))
