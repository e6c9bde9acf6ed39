"""The board of a run whose stages feed early: every part that is done is told to the dispatcher at once."""

import threading
import time
from queue import Empty, SimpleQueue

import numpy as np
from numpy.typing import NDArray

__all__ = ["PartsBoard"]


class PartsBoard:
    """A `Board` that merges nothing: what is out, and when a query is done, the dispatcher keeps count of.

    The number that stands for a stage elsewhere stands for a part of one here. `finish_ns` (n,) holds -1 and is filled
    in.
    """

    def __init__(self, finish_ns: NDArray[np.int64]) -> None:
        self.origin_ns = 0
        self._finish_ns = finish_ns
        self._lock = threading.Lock()
        self._errors: dict[int, str] = {}  # under lock
        self._live = [True] * len(finish_ns)  # written under lock
        self._last_ns = [-1] * len(finish_ns)  # under lock: when a part was done last
        self._left = len(finish_ns)  # under lock: live queries
        self._done: SimpleQueue[tuple[int, int] | None] = SimpleQueue()  # None: no query is live

    @property
    def idle(self) -> bool:
        """Whether no query is live any more."""
        return self._left == 0

    def expect(self, query: int, slices: int, /) -> None:
        """Nothing: the dispatcher knows."""

    def live(self, query: int, /) -> bool:
        """Return whether the query has neither finished nor failed."""
        return self._live[query]

    def slice_done(self, query: int, part: int, final: bool, /) -> None:  # noqa: ARG002 - of a part nobody knows
        """Note when a part was done, and tell the dispatcher."""
        with self._lock:
            self._last_ns[query] = time.perf_counter_ns() - self.origin_ns
        self._done.put((query, part))

    def finish(self, query: int, /) -> None:
        """Say that the part done last was the query's last."""
        with self._lock:
            if self._live[query]:
                self._finish_ns[query] = self._last_ns[query]
                self._close(query)

    def fail(self, query: int, reason: str, /) -> bool:
        """Give a query up; the first reason stays."""
        with self._lock:
            if not self._live[query]:
                return False
            self._errors[query] = reason
            self._close(query)
            return True

    def _close(self, query: int) -> None:
        self._live[query] = False
        self._left -= 1
        if self._left == 0:
            self._done.put(None)

    def wait(self, timeout_ns: int, /) -> list[tuple[int, int]]:
        """Wait for parts that are done: (query, part) of those done since, in their order."""
        found: list[tuple[int, int]] = []
        try:
            entry = None if self.idle and self._done.empty() else self._done.get(timeout=max(timeout_ns, 0) * 1e-9)
            while entry is not None:
                found.append(entry)
                entry = self._done.get_nowait()
        except Empty:
            pass
        return found

    def errors(self) -> dict[int, str]:
        """Return why each query that failed did."""
        with self._lock:
            return dict(self._errors)
