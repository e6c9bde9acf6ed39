"""Arrivals at a rate that changes: the exact inversion of a piecewise constant intensity."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["invert"]

F64 = NDArray[np.float64]


def invert(unit: F64, edges: F64, rates: F64) -> F64:
    """Return the times at which the integral of the rate reaches each of `unit`.

    The rate is `rates[k] >= 0` from `edges[k]` to `edges[k + 1]`; shapes (n,), (m + 1,), (m,) to (n,). Points of a
    unit-rate Poisson process become points of the process with that rate, exactly (Cinlar's inversion). Values
    of `unit` must lie below the whole integral; no point falls where the rate is zero.
    """
    reached = np.concatenate(([0.0], np.cumsum(rates * np.diff(edges))))
    step = np.clip(np.searchsorted(reached, unit, side="right") - 1, 0, len(rates) - 1)
    step = np.where(rates[step] > 0, step, np.flatnonzero(rates > 0)[-1])  # rounding beyond the last point
    times: F64 = edges[step] + (unit - reached[step]) / rates[step]
    return times
