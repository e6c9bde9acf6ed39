"""Records: what happened to every query and slice, in nanoseconds from the start of the trace.

Records come from the engine, the simulator or a file; `metrics` reads them and cannot tell which.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Records", "SliceRecords"]

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SliceRecords:
    """One row per slice served, in the order in which slices were queued; arrays of shape (m,).

    `pool` indexes `pools`; `worker` counts from 0 within its pool. Queueing time is
    `start_ns - queued_ns`, service time `finish_ns - start_ns`.
    """

    query: I64
    stage: I64
    first: I64  # the slice's first candidate within its query
    size: I64
    pool: I64
    worker: I64
    queued_ns: I64
    start_ns: I64
    finish_ns: I64
    pools: tuple[str, ...] = ("cpu",)

    def __len__(self) -> int:
        return len(self.query)

    @property
    def service_ns(self) -> I64:
        """Time being worked on."""
        return self.finish_ns - self.start_ns


@dataclass(frozen=True, eq=False)
class Records:
    """One row per query of the trace, in its order; arrays of shape (n,).

    `dispatch_ns` is when the dispatcher took the query up (schedule lag is `dispatch_ns - arrival_ns`);
    `finish_ns` is when its last score was merged, or -1 where it failed or was refused: `errors` says why.
    """

    arrival_ns: I64
    size: I64
    dispatch_ns: I64
    finish_ns: I64
    slices: SliceRecords
    errors: dict[int, str] = field(default_factory=dict)
    meta: dict[str, float] = field(default_factory=dict)  # whole-run readings, e.g. dispatcher_cpu_ns

    def __len__(self) -> int:
        return len(self.arrival_ns)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """True where the query finished; shape (n,)."""
        return self.finish_ns >= 0

    @property
    def latency_ns(self) -> I64:
        """Finish minus scheduled arrival of the queries that finished; shape (ok,)."""
        latency: I64 = (self.finish_ns - self.arrival_ns)[self.ok]
        return latency

    @property
    def lag_ns(self) -> I64:
        """Schedule lag: how late the dispatcher took each query up; shape (n,)."""
        return self.dispatch_ns - self.arrival_ns
