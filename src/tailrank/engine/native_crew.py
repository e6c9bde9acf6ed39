"""A crew of native threads that never take the GIL: a query goes in by one call and comes back once."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailrank.core import usable_cores
from tailrank.engine.crew import Assignment
from tailrank.engine.scorer import Scorer
from tailrank.native import extension

__all__ = ["SPIN_NS", "NativeCrew", "native_handle", "spin_budget_ns"]

I64 = NDArray[np.int64]
SPIN_NS = 50_000  # about what waking a parked worker costs: spinning longer than that gains nothing on average


def native_handle(scorer: Scorer) -> Any:
    """Return the native scorer that does what `scorer` does, or None."""
    return getattr(scorer, "native", None) if extension.available() else None


def spin_budget_ns(workers: Iterable[int]) -> int:
    """Return how long a worker without work may spin: not at all where workers and dispatcher need every core."""
    return SPIN_NS if sum(workers) + 1 <= usable_cores() else 0


class NativeCrew:
    """The fast pool: `tailrank.native`'s.

    A worker without work parks at once where `spin_ns` is 0, spins so long first where gaps have been shorter than that
    where it is above, and spins until there is work where it is below. With a `relay` (see `relayed`) its workers send
    queries on to their next stage; without, the dispatcher does.
    """

    def __init__(self, work: Assignment, spin_ns: int, relay: Any = None) -> None:
        self._steps = work.steps
        self.pool = extension.core().Pool(
            work.board,
            [None if scorer is None else native_handle(scorer) for scorer in work.scorers],
            work.workers,
            work.base,
            work.row,
            work.scores,
            work.cores,
            spin_ns,
            work.queue_limit,
            relay,
        )
        self.start, self.stop = self.pool.start, self.pool.stop
        self.served, self.cpu_ns = self.pool.served, self.pool.cpu_ns

    def submit(self, query: int, stage: int, size: int, rows: I64 | None, deadline_ns: int) -> bool:
        """Queue all slices of a query's stage at once."""
        if rows is None:
            return bool(self.pool.submit(query, stage, size, self._steps[stage], deadline_ns))
        return bool(self.pool.submit_rows(query, stage, rows, self._steps[stage], deadline_ns))
