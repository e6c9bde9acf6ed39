"""What no run of a plan can exceed, by arithmetic alone: so that a search need not measure hopeless plans.

A pool with w workers cannot do more than w seconds of work a second, and a query cannot be done before its longest
slice is. Both hold whatever the order of arrivals; neither says that the plan reaches the bound.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan
from tailrank.metrics import SLATarget
from tailrank.metrics.percentiles import order
from tailrank.scheduler import kept
from tailrank.timing import ServiceTime

__all__ = ["Bounds"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class Bounds:
    """Bounds of plans with one stage for queries of these sizes, shape (n,).

    `services` are by pool; each batch counts the least mean time it has at any number of busy workers.
    """

    def __init__(self, size: I64, services: Mapping[str, ServiceTime], workers: Mapping[str, int]) -> None:
        most = int(size.max())
        self.queries = np.bincount(size, minlength=most + 1).astype(np.float64)
        self.workers = dict(workers)
        self.least_ns: dict[str, F64] = {}
        self.full_ns: dict[str, F64] = {}
        for pool, service in services.items():
            mean_ns = service.table(most, workers[pool]).mean_ns[: workers[pool], : most + 1].copy()
            mean_ns[:, 0] = 0.0  # no candidates, no batch
            self.least_ns[pool], self.full_ns[pool] = mean_ns.min(axis=0), mean_ns[-1]

    def most_qps(self, plan: Plan) -> float:
        """Return the load at which some pool of `plan` would be busy all of the time."""
        return self._qps(plan, self.least_ns)

    def likely_qps(self, plan: Plan) -> float:
        """Return the same with the times that batches have when all workers are busy: an estimate, not a bound."""
        return self._qps(plan, self.full_ns)

    def least_ms(self, plan: Plan, target: SLATarget) -> float:
        """Return a latency that the target's percentile cannot be below, at any load."""
        stage, size = plan.stages[0], self._taken(plan)
        alone_ns = np.zeros(len(self.queries))
        for pool, chosen, work_ns in self._parts(plan, self.least_ns):
            longest = size if pool == stage.offload_pool else np.minimum(size, stage.batch_size)
            longest_ns = self.least_ns[pool][longest]
            spread_ns = work_ns / self.workers[pool]
            alone_ns[chosen] = np.maximum(longest_ns, spread_ns)[chosen]
        by_time = np.argsort(alone_ns, kind="stable")
        upto = np.cumsum(self.queries[by_time])
        place = np.searchsorted(upto, order(int(upto[-1]), target.percentile))
        return float(alone_ns[by_time[place]]) / 1e6

    def _qps(self, plan: Plan, times_ns: dict[str, F64]) -> float:
        count = float(self.queries.sum())
        loads = [
            float(self.queries[chosen] @ work_ns[chosen]) / count / 1e9 / self.workers[pool]
            for pool, chosen, work_ns in self._parts(plan, times_ns)
        ]
        return 1.0 / max(loads)

    def _taken(self, plan: Plan) -> I64:
        """Return how many candidates `plan` takes of a query of each size."""
        most = len(self.queries) - 1
        return np.minimum(np.arange(most + 1), kept(most, plan.take))

    def _parts(self, plan: Plan, times_ns: dict[str, F64]) -> list[tuple[str, NDArray[np.bool_], F64]]:
        """Return (pool, which sizes it gets, work of one query of each size in ns) of every pool in use."""
        stage, size = plan.stages[0], self._taken(plan)
        whole = np.zeros(len(size), dtype=bool) if stage.offload_at is None else size >= stage.offload_at
        each = times_ns[stage.pool]
        full = each[min(stage.batch_size, len(each) - 1)]
        rest = each[size % stage.batch_size]
        parts = [(stage.pool, ~whole, size // stage.batch_size * full + rest)]
        if stage.offload_pool is not None and whole.any():
            parts.append((stage.offload_pool, whole, times_ns[stage.offload_pool][size]))
        return parts
