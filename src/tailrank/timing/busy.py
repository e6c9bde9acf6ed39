"""How busy a pool was when each of its slices started."""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.records import SliceRecords

__all__ = ["busy_at_start"]

I64 = NDArray[np.int64]


def busy_at_start(slices: SliceRecords) -> I64:
    """Return how many workers, itself included, were busy when each slice of one pool started; shape (m,)."""
    starts, finishes = np.sort(slices.start_ns), np.sort(slices.finish_ns)
    begun = np.searchsorted(starts, slices.start_ns, side="right")
    ended = np.searchsorted(finishes, slices.start_ns, side="right")
    busy: I64 = np.maximum(begun - ended, 1)
    return busy
