"""Split: a query becomes slices that cover each candidate exactly once."""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.plan import Stage
from tailrank.core.query import Slice
from tailrank.scheduler.route import route

__all__ = ["cut", "split", "split_all"]

I64 = NDArray[np.int64]


def split(query: int, size: int, stage: Stage, number: int) -> list[Slice]:
    """Return the slices of `query` in stage `number`: full batches first, the remainder last.

    A query that is offloaded stays whole (DeepRecSys, section on DeepRecSched).
    """
    pool = route(size, stage)
    return cut(query, size, number, pool, size if pool != stage.pool else stage.batch_size)


def cut(query: int, size: int, number: int, pool: str, step: int) -> list[Slice]:
    """Return the slices of `query` in stage `number` for `pool`, at most `step` candidates each."""
    return [Slice(query, number, first, min(first + step, size), pool) for first in range(0, size, step)]


def split_all(size: I64, stage: Stage) -> tuple[I64, I64, I64]:
    """Split many queries at once: (query, first, size) of every slice, in the order `split` gives.

    `size` has shape (n,); the answers have shape (m,), one row per slice.
    """
    offloaded = np.zeros(len(size), dtype=bool) if stage.offload_at is None else size >= stage.offload_at
    step = np.where(offloaded, size, stage.batch_size)
    slices = -(-size // step)
    query = np.repeat(np.arange(len(size)), slices)
    ends = np.cumsum(slices)
    part = np.arange(len(query)) - np.repeat(ends - slices, slices)
    first = part * step[query]
    return query, first, np.minimum(step[query], size[query] - first)
