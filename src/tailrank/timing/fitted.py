"""Service times fitted to the slices of a run: what the host really did, for the simulator to repeat.

With it the simulator's model error is told apart from drift of the machine between profile and run.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.core.errors import BadInputError
from tailrank.core.records import SliceRecords
from tailrank.timing.noise import noise_table
from tailrank.timing.service import ServiceTable

__all__ = ["FittedTime", "busy_at_start", "fit"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
PER_KNOT = 30  # slices a knot of the fitted curve must rest on


@dataclass(frozen=True, eq=False)
class FittedTime:
    """A `ServiceTime`: a piecewise-linear curve times a factor for each number of busy workers."""

    knots: F64  # batch sizes, increasing
    time_ns: F64  # at the knots, with `level[0]`
    level: F64  # factor when 1, 2, ... workers are busy
    noise: F64

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        curve = np.interp(np.arange(max_items + 1), self.knots, self.time_ns)
        factor = self.level[np.minimum(np.arange(workers), len(self.level) - 1)]
        return ServiceTable(factor[:, None] * curve[None, :], self.noise)


def busy_at_start(slices: SliceRecords) -> I64:
    """Return how many workers, itself included, were busy when each slice of one pool started; shape (m,)."""
    starts, finishes = np.sort(slices.start_ns), np.sort(slices.finish_ns)
    begun = np.searchsorted(starts, slices.start_ns, side="right")
    ended = np.searchsorted(finishes, slices.start_ns, side="right")
    busy: I64 = np.maximum(begun - ended, 1)
    return busy


def fit(runs: list[SliceRecords], workers: int) -> FittedTime:
    """Fit the slices of `runs` (one pool of `workers`); the total time of all slices is kept exactly.

    Raises `BadInputError` when there are no slices.
    """
    items = np.concatenate([run.size for run in runs]) if runs else np.empty(0, dtype=np.int64)
    if not len(items):
        raise BadInputError("no slices to fit service times to", hint="serve some queries first")
    time_ns = np.concatenate([run.service_ns for run in runs]).astype(np.float64)
    busy = np.minimum(np.concatenate([busy_at_start(run) for run in runs]), workers)
    knots = _knots(items)
    level = np.ones(workers)
    curve = np.zeros(len(knots))
    for _ in range(3):
        curve = _fit_curve(items, time_ns / level[busy - 1], knots)
        expected = np.interp(items, knots, curve)
        level = _levels(time_ns, expected, busy, workers)
    expected = np.interp(items, knots, curve) * level[busy - 1]
    curve = curve * (time_ns.sum() / expected.sum())
    factors = time_ns / np.maximum(np.interp(items, knots, curve) * level[busy - 1], 1.0)
    return FittedTime(knots, curve, level, noise_table(items, factors))


def _knots(items: I64) -> F64:
    """Choose sizes at quantiles of what was served, so that each piece rests on enough slices."""
    count = int(np.clip(len(items) // PER_KNOT, 1, 24))
    inner = np.quantile(items, np.linspace(0, 1, count + 1))
    return np.unique(np.concatenate([[items.min()], inner, [items.max()]])).astype(np.float64)


def _fit_curve(items: I64, time_ns: F64, knots: F64) -> F64:
    """Least squares of hat functions at `knots`, weighted for errors in proportion to the time."""
    if len(knots) == 1:
        return np.array([time_ns.mean()])
    right = np.clip(np.searchsorted(knots, items, side="right"), 1, len(knots) - 1)
    share = (items - knots[right - 1]) / (knots[right] - knots[right - 1])
    hats = np.zeros((len(items), len(knots)))
    rows = np.arange(len(items))
    hats[rows, right - 1] = 1 - share
    hats[rows, right] += share
    weight = 1.0 / (time_ns.mean() * 0.2 + time_ns.mean() * items / items.mean())
    solution = np.linalg.lstsq(hats * weight[:, None], time_ns * weight, rcond=None)[0]
    curve: F64 = np.maximum(solution, 1.0)
    return curve


def _levels(time_ns: F64, expected_ns: F64, busy: I64, workers: int) -> F64:
    """Return the factor for each number of busy workers; one seen too rarely takes its neighbour's."""
    level = np.ones(workers)
    seen = [b for b in range(1, workers + 1) if np.count_nonzero(busy == b) >= PER_KNOT]
    if not seen:
        return level
    factor = [time_ns[busy == b].sum() / expected_ns[busy == b].sum() for b in seen]
    filled: F64 = np.interp(np.arange(1, workers + 1), seen, factor)
    return filled
