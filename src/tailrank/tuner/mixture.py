"""Plans for a mixture of loads: what one percentile over all queries of a day asks of the plan at each load.

The plan with the lowest tail at every load need not give the day its lowest tail: where the load is high, the plan
with the lowest 95th percentile may put many more queries above the *day's* percentile than one that is a little later
at its own. What adds up over loads is the share of queries later than one latency. So take that latency from the best
single plan, its percentile over the day, and let no load have a plan that puts more queries beyond it than that plan
does: the day's percentile is then no higher, whatever else is won.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError

__all__ = ["POINTS", "best_single", "later", "load_shares"]

F64 = NDArray[np.float64]

POINTS = 1000  # quantiles kept of a plan at a load: shares are exact to a thousandth


def later(quantiles_ms: F64, level_ms: float) -> F64:
    """Return the share of queries later than `level_ms`, shape (...), of quantiles (..., points)."""
    share: F64 = np.mean(quantiles_ms > level_ms, axis=-1)
    return share


def best_single(quantiles_ms: F64, shares: Sequence[float], allowed: float) -> tuple[int, float]:
    """Return which one plan has the lowest percentile over all loads, and that latency (ms).

    `quantiles_ms` is (loads, plans, points), infinite where a plan does not serve a load; `shares` is how much of all
    queries is offered at each load; at most `allowed` of all may be later.
    """
    loads, plans, points = quantiles_ms.shape
    weights = np.repeat(np.asarray(shares, dtype=np.float64), points) / (points * float(sum(shares)))
    levels = []
    for plan in range(plans):
        values = quantiles_ms[:, plan].reshape(loads * points)
        ascending = np.argsort(values, kind="stable")
        within = np.cumsum(weights[ascending]) >= 1 - allowed - 1e-9
        levels.append(float(values[ascending][int(np.argmax(within))]))
    best = int(np.argmin(levels))
    return best, levels[best]


def load_shares(windows_qps: Sequence[float], loads_qps: Sequence[float], *, unseen: float = 0.0) -> tuple[float, ...]:
    """Return the share of all queries in windows of up to each of `loads_qps`, ascending; the last takes those above.

    `windows_qps` are the loads of windows of equal length, those of the day before say. `unseen` of all queries is
    spread evenly: the next day may be busier.
    """
    seen = np.asarray(windows_qps, dtype=np.float64)
    if len(loads_qps) == 0 or not seen.sum() > 0 or not 0 <= unseen < 1:
        raise BadInputError(
            f"{len(seen)} windows and {len(loads_qps)} loads have no queries to share out, {unseen:g} of them unseen",
            hint="give loads, windows in which queries arrived, and a part of 0 to less than 1",
        )
    row = np.minimum(np.searchsorted(np.asarray(loads_qps), seen), len(loads_qps) - 1)
    shares = np.bincount(row, weights=seen, minlength=len(loads_qps)) / seen.sum()
    return tuple(((1 - unseen) * shares + unseen / len(loads_qps)).tolist())
