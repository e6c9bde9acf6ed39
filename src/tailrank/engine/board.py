"""The board: what became of every query of a run. Crews report to it, the dispatcher reads it.

`ThreadBoard` is the plain one; the native pool brings its own twin, and a test holds the two to the same behaviour.
"""

import threading
import time
from queue import Empty, SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tailrank.scheduler import Merge

__all__ = ["NEVER_NS", "Board", "ThreadBoard"]

NEVER_NS = (1 << 63) - 1  # a deadline that no slice meets too late


class Board(Protocol):
    """A query is live until it finishes or fails; which of the two comes first is final.

    Its instants count from `origin_ns` on the clock of `time.perf_counter_ns`.
    """

    origin_ns: int

    @property
    def idle(self) -> bool:
        """Whether no query is live any more."""
        ...

    def expect(self, query: int, slices: int, /) -> None:
        """Say that the query's next stage is out in `slices` pieces, before any of them can be done."""
        ...

    def live(self, query: int, /) -> bool:
        """Return whether the query has neither finished nor failed."""
        ...

    def slice_done(self, query: int, stage: int, final: bool, /) -> None:
        """Merge one piece: the last of a final stage finishes the query, of another lets it go on."""
        ...

    def fail(self, query: int, reason: str, /) -> bool:
        """Give a query up (pieces that have not started are dropped); False when it was over already."""
        ...

    def wait(self, timeout_ns: int, /) -> list[tuple[int, int]]:
        """Wait until a query is ready for its next stage, none is live, or the time is up.

        Returns (query, stage it has been through) of those that became ready since. Off the GIL, one caller at a time.
        """
        ...

    def errors(self) -> dict[int, str]:
        """Return why each query that failed did."""
        ...


class ThreadBoard:
    """The board of a run whose workers are all Python threads; `finish_ns` (n,) holds -1 and is filled in."""

    def __init__(self, finish_ns: NDArray[np.int64]) -> None:
        self.origin_ns = 0
        self._finish_ns = finish_ns
        self._lock = threading.Lock()
        self._merge = Merge()  # under lock
        self._errors: dict[int, str] = {}  # under lock
        self._live = [True] * len(finish_ns)  # written under lock
        self._left = len(finish_ns)  # under lock: live queries
        self._ready: SimpleQueue[tuple[int, int] | None] = SimpleQueue()  # None: no query is live

    @property
    def idle(self) -> bool:
        """Whether no query is live any more."""
        return self._left == 0

    def expect(self, query: int, slices: int, /) -> None:
        """Say that the query's next stage is out in `slices` pieces."""
        with self._lock:
            if self._live[query]:
                self._merge.expect(query, slices)

    def live(self, query: int, /) -> bool:
        """Return whether the query has neither finished nor failed."""
        return self._live[query]

    def slice_done(self, query: int, stage: int, final: bool, /) -> None:
        """Merge one piece; the last of the last stage finishes the query."""
        with self._lock:
            if not self._merge.finish(query):
                return
            if final:
                self._finish_ns[query] = time.perf_counter_ns() - self.origin_ns
                self._close(query)
                return
        self._ready.put((query, stage))

    def fail(self, query: int, reason: str, /) -> bool:
        """Give a query up; the first reason stays."""
        with self._lock:
            if not self._live[query]:
                return False
            self._errors[query] = reason
            self._merge.drop(query)
            self._close(query)
            return True

    def _close(self, query: int) -> None:
        self._live[query] = False
        self._left -= 1
        if self._left == 0:
            self._ready.put(None)

    def wait(self, timeout_ns: int, /) -> list[tuple[int, int]]:
        """Wait for queries that are ready for their next stage."""
        found: list[tuple[int, int]] = []
        try:
            entry = None if self.idle and self._ready.empty() else self._ready.get(timeout=max(timeout_ns, 0) * 1e-9)
            while entry is not None:
                found.append(entry)
                entry = self._ready.get_nowait()
        except Empty:
            pass
        return found

    def errors(self) -> dict[int, str]:
        """Return why each query that failed did."""
        with self._lock:
            return dict(self._errors)
