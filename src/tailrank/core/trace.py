"""A trace: every query of an experiment, decided before the clock starts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.core.errors import BadInputError
from tailrank.core.query import Query

__all__ = ["Trace"]


@dataclass(frozen=True, eq=False)
class Trace:
    """Scheduled arrivals and sizes of n queries, as two int64 arrays of shape (n,).

    `arrival_ns` counts from the start of the trace and never decreases; `size` is at least 1.
    Raises `BadInputError` when that does not hold.
    """

    arrival_ns: NDArray[np.int64]
    size: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrival_ns", np.ascontiguousarray(self.arrival_ns, dtype=np.int64))
        object.__setattr__(self, "size", np.ascontiguousarray(self.size, dtype=np.int64))
        if self.arrival_ns.ndim != 1 or self.arrival_ns.shape != self.size.shape:
            raise BadInputError(
                f"a trace needs one size per arrival, not {self.size.shape} for {self.arrival_ns.shape}",
                hint="give two one-dimensional arrays of the same length",
            )
        if len(self.arrival_ns) and (self.arrival_ns[0] < 0 or np.any(np.diff(self.arrival_ns) < 0)):
            raise BadInputError("arrivals must not be negative or decrease", hint="sort the timestamps")
        if np.any(self.size < 1):
            raise BadInputError(f"query sizes start at 1, not {int(self.size.min())}", hint="drop empty queries")

    def __len__(self) -> int:
        return len(self.arrival_ns)

    def __iter__(self) -> Iterator[Query]:
        for index, (arrival_ns, size) in enumerate(zip(self.arrival_ns.tolist(), self.size.tolist(), strict=True)):
            yield Query(index, arrival_ns, size)

    @property
    def duration_ns(self) -> int:
        """Time of the last arrival."""
        return int(self.arrival_ns[-1]) if len(self) else 0

    @property
    def offered_qps(self) -> float:
        """Queries per second offered: n over the time of the last arrival."""
        return len(self) / self.duration_ns * 1e9 if self.duration_ns else 0.0

    @property
    def items(self) -> int:
        """Candidates in all queries together."""
        return int(self.size.sum())

    def at_rate(self, qps: float) -> "Trace":
        """Return the same queries with time stretched so that the offered load is `qps` (time-warp)."""
        if not qps > 0:
            raise BadInputError(f"offered load must be above zero, not {qps:g}", hint="give queries per second")
        factor = self.offered_qps / qps
        return Trace(np.rint(self.arrival_ns * factor).astype(np.int64), self.size)
