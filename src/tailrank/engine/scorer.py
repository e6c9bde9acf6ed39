"""What a worker does with a slice: the engine's only view of a model."""

import time
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from tailrank.native import extension

__all__ = ["NullScorer", "Scorer", "TimedScorer"]

F32 = NDArray[np.float32]


class Scorer(Protocol):
    """Scores rows of a prepared set of candidates. Called by several worker threads at once.

    One that can run in a native crew also has `native`, the `tailrank.native` scorer that gives the same scores.
    """

    rows: int  # candidates prepared; a query takes a contiguous run of them

    def prepare(self) -> None:
        """Set the calling thread up; each worker calls it once before its first batch."""
        ...

    def score(self, first: int, stop: int) -> F32:
        """Return the scores of rows `first` to `stop` (exclusive), shape (stop - first,)."""
        ...

    def score_rows(self, rows: NDArray[np.int64]) -> F32:
        """Return the scores of `rows`, shape (len(rows),): what an earlier stage kept."""
        ...


@final
class NullScorer:
    """Scores nothing, at once: an engine over it measures the engine itself (LoadGen's null system)."""

    def __init__(self, rows: int = 1 << 16) -> None:
        self.rows = rows
        self.native: Any = extension.core().NullScorer(rows) if extension.available() else None
        self._zeros = np.zeros(rows, dtype=np.float32)

    def prepare(self) -> None:
        """Nothing to set up."""

    def score(self, first: int, stop: int) -> F32:
        """Return zeros."""
        return self._zeros[first:stop]

    def score_rows(self, rows: NDArray[np.int64]) -> F32:
        """Return zeros."""
        return self._zeros[: len(rows)]


@final
class TimedScorer:
    """Sleeps `fixed_ns + item_ns * n` a batch, off the GIL; the score of a row is its number, negated.

    A stand-in with known service time and known ranking, for tests and for trying plans out.
    """

    def __init__(self, fixed_ns: int, item_ns: int, rows: int = 1 << 16) -> None:
        self.rows, self.fixed_ns, self.item_ns = rows, fixed_ns, item_ns
        self.native: Any = None
        if extension.available():
            self.native = extension.core().TimedScorer(fixed_ns, item_ns, rows)

    def prepare(self) -> None:
        """Nothing to set up."""

    def score(self, first: int, stop: int) -> F32:
        """Sleep the time of the batch and return the scores."""
        return self.score_rows(np.arange(first, stop))

    def score_rows(self, rows: NDArray[np.int64]) -> F32:
        """Sleep the time of the batch and return the scores."""
        time.sleep((self.fixed_ns + self.item_ns * len(rows)) * 1e-9)
        return -rows.astype(np.float32)
