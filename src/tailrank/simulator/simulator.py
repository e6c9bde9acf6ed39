"""The simulator: a `System` on a virtual clock."""

from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Records, SliceRecords, Trace, stream
from tailrank.simulator.early import early, early_loads
from tailrank.simulator.placement import Placement, random_placement
from tailrank.simulator.work import Early, Loads, Services, Tables, Walked, Work, bounds, reach, tables
from tailrank.timing import NO_OVERHEADS, Overheads

__all__ = ["Kernel", "Simulator", "saturated"]

Kernel = Literal["compiled", "reference"]


class Simulator:
    """Serves traces on a virtual clock: one dispatcher, and pools of workers with a first-in-first-out queue.

    `services` gives the service time of each (model, pool) a plan may use; `overheads` says what serving
    costs beside (see `Overheads`); `seed` fixes the noise of the service times, the n-th slice dispatched in
    a stage having the same quantile whatever the offered load. Both kernels give the same nanoseconds;
    `reference` is the readable one, over a hundred times slower. Without `detail` the records have no slices.

    A slice takes the worker of its pool that has been free longest (ties: the lowest number); a worker not
    used yet is free since before the trace began and needs no hand-off. The dispatcher takes up stages of
    queries in the order in which they become ready; of two ready at the same instant, the older query first.
    Plans that decide by the state of the pools (docs/decisions/0009) decide when the dispatcher has spent its time on
    the query, knowing mean service times only; slices that share a batch start and finish together.

    Where stages feed early (docs/decisions/0011) the dispatcher takes up every group of candidates on its own; of two
    ready at the same instant and of one query, the one of the earlier stage and slice first. How many of what a stage
    that feeds `exact` sent belongs to its best, `placement` says from a random stream of its own: by default, the best
    are placed at random among the slices.

    `Records.meta` holds for each pool p `utilisation.p` (time being worked on over workers times the time
    from first arrival to last finish, at most 1) and `load.p` (work offered, hand-offs included, over workers
    times the time from first to last arrival: from 1 upward the pool cannot keep up), the same two for the
    `dispatcher` where it costs anything, `slices`, and `batches` where slices may share one.
    """

    def __init__(
        self,
        services: Services,
        *,
        overheads: Overheads = NO_OVERHEADS,
        seed: int = 0,
        kernel: Kernel = "compiled",
        detail: bool = True,
        placement: Placement = random_placement,
    ) -> None:
        self.services = dict(services)
        self.overheads = overheads
        self.seed = seed
        self.kernel: Kernel = kernel
        self.detail = detail
        self.placement = placement
        # A tuner probes one trace under one plan at many rates: the noise and the last tables serve again.
        self._draws: dict[int, NDArray[np.uint8]] = {}
        self._tables: tuple[Plan, Loads, Tables] | None = None
        self._early: tuple[Plan, NDArray[np.int64], Early] | None = None

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Return what happens to `trace` under `plan`; raises `BadInputError` where a service time is missing."""
        kernel = module(self.kernel)
        parts = self._early_for(trace, plan) if plan.feeds_early else None
        if parts is not None:
            loads: Loads = early_loads(plan, parts)
        else:
            loads = bounds(trace, plan) if plan.dynamic else kernel.loads(trace, plan)
        found = self._tables_for(plan, loads)
        draws = tuple(self._draws_for(number, load.slices, found) for number, load in enumerate(loads))
        slices = sum(load.slices for load in loads)
        walked = kernel.walk(
            trace, plan, Work(found, draws, early=parts), self.overheads, slices=slices if self.detail else 0
        )
        return records_of(trace, plan, self.overheads, walked)

    def _early_for(self, trace: Trace, plan: Plan) -> Early:
        last = self._early  # read once: threads may share a simulator
        if (
            last is None or last[0] != plan or last[1] is not trace.size
        ):  # at another rate the sizes stay the same array
            last = self._early = plan, trace.size, early(trace, plan, self.seed, self.placement)
        return last[2]

    def _tables_for(self, plan: Plan, loads: Loads) -> Tables:
        last = self._tables  # read once: threads may share a simulator
        if last is None or last[:2] != (plan, loads):
            last = self._tables = plan, loads, tables(plan, self.services, loads)
        return last[2]

    def _draws_for(self, stage: int, slices: int, found: Tables) -> NDArray[np.uint8]:
        """Return the noise quantiles of `stage`; none where its noise is flat. A longer draw begins like a shorter."""
        if all(np.all(table.noise == 1.0) for (number, _), table in found.items() if number == stage):
            return np.zeros(0, np.uint8)
        drawn = self._draws.get(stage)
        if drawn is None or len(drawn) < slices:
            drawn = self._draws[stage] = stream(self.seed, "service", stage).integers(0, 256, slices, dtype=np.uint8)
        return drawn[:slices]


def module(kernel: Kernel) -> ModuleType:
    """Return the module of a kernel; the compiled one brings numba in, so it is imported only when used."""
    if kernel == "compiled":
        from tailrank.simulator import compiled

        return compiled
    from tailrank.simulator import reference

    return reference


def records_of(trace: Trace, plan: Plan, overheads: Overheads, walked: Walked) -> Records:
    """Return what a kernel gave back as records."""
    query, stage, first, size, pool, worker, queued, start, finish = walked.rows
    slices = SliceRecords(query, stage, first, size, pool, worker, queued, start, finish, tuple(plan.pools))
    meta = _meta(trace, plan, overheads, walked)
    return Records(trace.arrival_ns, trace.size, walked.dispatch_ns, walked.finish_ns, slices, meta=meta)


def _meta(trace: Trace, plan: Plan, overheads: Overheads, walked: Walked) -> dict[str, float]:
    meta = {"slices": float(walked.served.sum())}
    if walked.batches is not None:
        meta["batches"] = float(walked.batches.sum())
    if len(trace) == 0:
        return meta
    batches = walked.served if walked.batches is None else walked.batches
    begin = int(trace.arrival_ns[0])
    offered_ns = max(1, int(trace.arrival_ns[-1]) - begin)
    whole_ns = max(1, int(walked.finish_ns.max()) - begin)
    for number, (name, pool) in enumerate(plan.pools.items()):
        busy_ns, served = int(walked.busy_ns[number]), int(batches[number])
        meta[f"utilisation.{name}"] = busy_ns / (pool.workers * whole_ns)
        meta[f"load.{name}"] = (busy_ns + served * overheads.handoff_ns) / (pool.workers * offered_ns)
    dispatcher_ns = _dispatcher_ns(trace, plan, overheads, walked)
    if dispatcher_ns:
        meta["utilisation.dispatcher"] = dispatcher_ns / whole_ns
        meta["load.dispatcher"] = dispatcher_ns / offered_ns
    return meta


def _dispatcher_ns(trace: Trace, plan: Plan, overheads: Overheads, walked: Walked) -> int:
    """Return how long the dispatcher was at it."""
    slices, sizes = int(walked.served.sum()), [np.minimum(trace.size, most) for most in reach(plan)]
    if walked.relayed:
        stage, size = plan.stages[0], sizes[0]
        whole = size >= (stage.offload_at or np.iinfo(np.int64).max)
        slices = int(np.where(whole, 1, -(-size // stage.batch_size)).sum())
        return len(trace) * overheads.query_ns + slices * overheads.slice_ns
    jobs = len(trace) * len(plan.stages) if walked.jobs is None else walked.jobs
    charged = walked.jobs is None and walked.batches is None and (overheads.keep_ns or overheads.keep_item_ps)
    passed = sizes[:-1] if charged else []
    keeping_ns = sum(int((overheads.keep_ns + size * overheads.keep_item_ps // 1000).sum()) for size in passed)
    return jobs * overheads.query_ns + slices * overheads.slice_ns + keeping_ns


def saturated(records: Records) -> tuple[str, ...]:
    """Return the pools (and `dispatcher`) that were offered at least as much work as they can do.

    Latency at such a point grows with the length of the trace and means nothing. A trace of one instant
    saturates everything.
    """
    loads = {key.removeprefix("load."): load for key, load in records.meta.items() if key.startswith("load.")}
    return tuple(name for name, load in loads.items() if load >= 1)
