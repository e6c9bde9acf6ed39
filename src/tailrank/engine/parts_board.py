"""The board of a run whose stages feed early: every part that is done is told to the dispatcher at once."""

import time

import numpy as np
from numpy.typing import NDArray

from tailrank.engine.board import ThreadBoard

__all__ = ["PartsBoard"]


class PartsBoard(ThreadBoard):
    """A board that merges nothing: what is out, and when a query is done, the dispatcher keeps count of.

    The number that stands for a stage elsewhere stands for a part of one here: `wait` returns every (query, part) done
    since, in their order.
    """

    def __init__(self, finish_ns: NDArray[np.int64]) -> None:
        super().__init__(finish_ns)
        self._last_ns = [-1] * len(finish_ns)  # under lock: when a part was done last

    def expect(self, query: int, slices: int, /) -> None:
        """Nothing: the dispatcher knows."""

    def slice_done(self, query: int, part: int, final: bool, /) -> None:  # noqa: ARG002 - of a part nobody knows
        """Note when a part was done, and tell the dispatcher."""
        with self._lock:
            self._last_ns[query] = time.perf_counter_ns() - self.origin_ns
        self._ready.put((query, part))

    def finish(self, query: int, /) -> None:
        """Say that the part done last was the query's last."""
        with self._lock:
            if self._live[query]:
                self._finish_ns[query] = self._last_ns[query]
                self._close(query)
