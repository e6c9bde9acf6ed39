"""Caches of embedding rows on a trace of accesses: exact hits of LRU, FIFO and static caches, for any capacity.

Capacities are counts of rows, and 0 is no cache. LRU caches drop the row unused for longest, FIFO caches the one that
came in first, static caches hold the rows used most and never change. LRU and static caches of all capacities take
one pass; FIFO, where a larger cache may hit less (Belady 1969), takes one each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.accelerator.memory.accesses import Numbered
from tailrank.core import BadInputError

__all__ = ["HitCurve", "Policy", "fifo_hits", "hits", "lru_curve", "sized_lru_hits", "stack_distances", "static_curve"]

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
FEW_SIZES = 8  # beyond, a word of bits for each is slower than adding sizes up
Policy = Literal["lru", "fifo", "static"]


@dataclass(frozen=True)
class HitCurve:
    """Hits of caches of every capacity: `hits` int64 (rows + 1,), those of c rows at c, among `accesses` counted."""

    accesses: int
    hits: I64

    @property
    def rows(self) -> int:
        """The capacity beyond which nothing changes."""
        return len(self.hits) - 1

    def at(self, capacities: ArrayLike) -> I64:
        """Return the hits of caches of `capacities` rows, any shape."""
        rows = _capacities(capacities)
        found: I64 = self.hits[np.minimum(rows, self.rows)]
        return found

    def rate(self, capacities: ArrayLike) -> F64:
        """Return hits per access of caches of `capacities` rows, any shape."""
        found: F64 = self.at(capacities) / self.accesses
        return found


def stack_distances(trace: Numbered) -> I32:
    """Return the LRU stack distance of each access: distinct rows since its row's last use, itself included.

    int32 (n,); 0 at a row's first use. An LRU cache of c rows hits exactly where the distance is between 1 and c.
    O(log n) an access (Mattson et al. 1970; the tree of Bennett and Kruskal 1975, over words of 64 bits).
    """
    from tailrank.accelerator.memory import kernels

    found = np.empty(len(trace.ids), np.int32)
    kernels.lru_distances(trace.ids, trace.rows, found)
    return found


def lru_curve(trace: Numbered, *, measured_from: int = 0) -> HitCurve:
    """Return the hits of LRU caches of every capacity, in one pass; accesses before `measured_from` only fill them."""
    from tailrank.accelerator.memory import kernels

    counted = _counted(trace, measured_from)
    found = np.zeros(trace.rows + 1, np.int64)
    kernels.lru_histogram(stack_distances(trace), measured_from, found)
    found[0] = 0  # first uses, which hit no cache
    return HitCurve(counted, np.cumsum(found))


def fifo_hits(trace: Numbered, capacities: Sequence[int], *, measured_from: int = 0) -> I64:
    """Return the hits of FIFO caches of `capacities`, shape (capacities,); a pass each."""
    from tailrank.accelerator.memory import kernels

    _counted(trace, measured_from)
    rows = _capacities(capacities).ravel().tolist()
    return np.array([kernels.fifo(trace.ids, trace.rows, capacity, measured_from) for capacity in rows], np.int64)


def static_curve(trace: Numbered, *, trained_on: int | None = None, measured_from: int | None = None) -> HitCurve:
    """Return the hits of static caches of every capacity, from counts.

    They hold the rows used most in the first `trained_on` accesses, of equal counts the one seen first, and never a
    row unseen there. Those accesses are not measured, unless `measured_from` says otherwise. Absent: trained and
    measured on the whole trace, which no static cache can beat.
    """
    end = len(trace.ids) if trained_on is None else trained_on
    begin = (0 if trained_on is None else trained_on) if measured_from is None else measured_from
    if not 1 <= end <= len(trace.ids):
        raise BadInputError(f"cannot train on {end} of {len(trace.ids)} accesses", hint="on 1 at least")
    counted = _counted(trace, begin)
    uses = np.bincount(trace.ids[:end], minlength=trace.rows)
    hot = np.argsort(-uses, kind="stable")[: np.count_nonzero(uses)]
    found = np.bincount(trace.ids[begin:], minlength=trace.rows)[hot]
    upto = np.cumsum(np.concatenate([[0], found, np.zeros(trace.rows - len(hot), np.int64)]))
    return HitCurve(counted, upto.astype(np.int64))


def hits(policy: Policy, trace: Numbered, capacities: Sequence[int], *, measured_from: int = 0) -> I64:
    """Return the hits of caches of `capacities` under `policy`; a static cache is trained on what is not measured.

    With all measured it is trained on all.
    """
    if policy == "lru":
        return lru_curve(trace, measured_from=measured_from).at(capacities)
    if policy == "fifo":
        return fifo_hits(trace, capacities, measured_from=measured_from)
    if policy == "static":
        return static_curve(trace, trained_on=measured_from or None).at(capacities)
    raise BadInputError(f"unknown policy `{policy}`", hint="lru, fifo or static")


def sized_lru_hits(
    trace: Numbered, size_bytes: I64, capacities_bytes: Sequence[int], *, measured_from: int = 0
) -> tuple[I64, I64]:
    """Return the hits of LRU caches of `capacities_bytes`, and the bytes hit, (capacities,) each, in one pass.

    `size_bytes` (rows,) is what each row takes. A cache drops the row unused for longest until there is room; rows
    larger than the smallest cache are refused, since no cache could hold them.
    """
    from tailrank.accelerator.memory import kernels

    _counted(trace, measured_from)
    limits = _capacities(capacities_bytes).ravel()
    size = np.ascontiguousarray(size_bytes, np.int64)
    if size.shape != (trace.rows,) or size.min() < 1 or (len(limits) and size.max() > limits.min()):
        raise BadInputError(
            f"sizes of shape {size.shape} do not fit {trace.rows} rows and caches of {limits.tolist()} bytes",
            hint="give each row its bytes, at least 1, and caches that hold the largest",
        )
    distances = np.empty(len(trace.ids), np.int64)
    sizes, kind = np.unique(size, return_inverse=True)
    if len(sizes) <= FEW_SIZES:
        kernels.classed_lru_distances(trace.ids, kind.astype(np.uint8), sizes, distances)
    else:
        kernels.sized_lru_distances(trace.ids, size, distances)
    mine, bytes_each = distances[measured_from:], size[trace.ids[measured_from:]]
    ascending, place = np.unique(limits, return_inverse=True)
    least = np.searchsorted(ascending, mine)  # number of the smallest cache that hits
    least[mine == 0] = len(ascending)
    count = np.cumsum(np.bincount(least, minlength=len(ascending) + 1))[place]
    amount = np.cumsum(np.bincount(least, weights=bytes_each, minlength=len(ascending) + 1))[place]
    return count.astype(np.int64), amount.astype(np.int64)


def _counted(trace: Numbered, measured_from: int) -> int:
    if not 0 <= measured_from < len(trace.ids):
        raise BadInputError(
            f"nothing is measured from access {measured_from} of {len(trace.ids)} on",
            hint="leave at least one access to measure",
        )
    return len(trace.ids) - measured_from


def _capacities(given: ArrayLike) -> I64:
    rows = np.asarray(given)
    if rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0):
        raise BadInputError(f"capacities are whole numbers from 0, not {rows.tolist()}", hint="0 is no cache")
    return rows.astype(np.int64)
