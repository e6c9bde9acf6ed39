"""The compiled kernels behind one door: the same nanoseconds as `reference`, by recursion instead of events."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Stage, Trace
from tailrank.core.jit import compiled
from tailrank.simulator.events import PlanArrays, run_events, walk_events
from tailrank.simulator.feeding import EarlyArrays, walk_feeding
from tailrank.simulator.funnel import walk_funnel
from tailrank.simulator.recursion import walk_pool
from tailrank.simulator.relayed import walk_relayed
from tailrank.simulator.tandem import separable, walk_tandem
from tailrank.simulator.work import I64, Loads, StageLoad, Walked, Work, reach, relayed
from tailrank.timing import BUCKETS, QUANTILES, Overheads, bucket

__all__ = ["DYNAMIC_KERNELS", "EARLY_KERNELS", "KERNELS", "loads", "walk"]

ALWAYS = 2**62  # no query is as large
Number = TypeVar("Number", np.int64, np.float64)
Costs = tuple[int, int, int, int, int, int, int, int, int]


@compiled
def _count(size: I64, batch: int, offload_at: int, most: int) -> tuple[int, int, int]:
    """Return slices, largest slice and largest offloaded slice of one stage."""
    slices, largest, largest_offloaded = 0, 0, 0
    for index in range(len(size)):
        items = min(size[index], most)
        if items >= offload_at:
            slices += 1
            largest_offloaded = max(largest_offloaded, items)
        else:
            slices += (items + batch - 1) // batch
            largest = max(largest, min(items, batch))
    return slices, largest, largest_offloaded


KERNELS: tuple[Any, ...] = (_count, walk_pool, walk_funnel, walk_relayed)
DYNAMIC_KERNELS: tuple[Any, ...] = (run_events,)
EARLY_KERNELS: tuple[Any, ...] = (walk_feeding,)
FEEDS = {"whole": 0, "share": 1, "exact": 2}


def loads(trace: Trace, plan: Plan) -> Loads:
    """Return what `trace` asks of each stage of `plan`."""
    size, found = _plain(trace.size), []
    for stage, most in zip(plan.stages, reach(plan), strict=True):
        counted = _count(size, stage.batch_size, _offload_at(stage), most)
        found.append(StageLoad(*counted))
    return found


def walk(trace: Trace, plan: Plan, work: Work, overheads: Overheads, *, slices: int) -> Walked:
    """Serve `trace` under `plan`; `slices` is how many rows to keep at most: all of them, or 0."""
    if plan.dynamic:
        return _walk_events(trace, plan, work, overheads, slices)
    if work.early is not None:
        return _walk_early(trace, plan, work, overheads, slices)
    n, pools = len(trace), len(plan.pools)
    walked = Walked(
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros((9, slices), np.int64),
        np.zeros(pools, np.int64),
        np.zeros(pools, np.int64),
        relayed=relayed(plan, overheads),
    )
    stage = plan.stages[0]
    if len(plan.stages) == 1 and stage.offload_pool != stage.pool:
        size = np.minimum(trace.size, reach(plan)[0])
        _walk_stage(0, trace.arrival_ns, size, plan, work, _costs(overheads), walked)
    elif slices == 0 and not work.given and separable(plan, overheads):
        _walk_tandem(trace, plan, work, overheads, walked)
    else:
        _walk_funnel(trace, plan, work, overheads, walked)
    return walked


def _walk_stage(number: int, arrival_ns: I64, size: I64, plan: Plan, work: Work, costs: Costs, walked: Walked) -> None:
    """Walk one stage, whose pools are its own, for queries of `size` (n,) that arrive there at `arrival_ns`."""
    stage = plan.stages[number]
    for offloaded, name in ((False, stage.pool), (True, stage.offload_pool)):
        table = work.tables.get((number, name)) if name is not None else None
        if name is None or table is None:
            continue
        pool = list(plan.pools).index(name)
        walked.busy_ns[pool], walked.served[pool] = walk_pool(
            _plain(arrival_ns),
            _plain(size),
            offloaded,
            _offload_at(stage),
            stage.batch_size,
            pool,
            plan.pools[name].workers,
            _plain(np.asarray(table.mean_ns, np.float64)),
            _plain(np.asarray(table.noise, np.float64)).ravel(),
            bucket(np.arange(table.mean_ns.shape[1])),
            work.draws[number],
            work.given[number] if work.given else np.zeros(0, np.int64),
            costs,
            walked.dispatch_ns,
            walked.finish_ns,
            walked.rows,
        )


def _walk_tandem(trace: Trace, plan: Plan, work: Work, overheads: Overheads, walked: Walked) -> None:
    """Walk stage after stage: only the first waits for the timer, only the last merges."""
    most, last = reach(plan), len(plan.stages) - 1
    timer, query_ns, slice_ns, wakeup, handoff, merge, cold, interrupt, cores = _costs(overheads)

    def walk_stage(number: int, arrival_ns: I64, queries: I64 | None) -> I64:
        size = np.minimum(trace.size, most[number])
        waits, ends = timer * (number == 0), merge * (number == last)
        costs = waits, query_ns, slice_ns, wakeup, handoff, ends, cold, interrupt, cores
        dispatch_ns = walked.dispatch_ns if number == 0 else np.zeros_like(arrival_ns)
        here = Walked(dispatch_ns, np.zeros_like(arrival_ns), walked.rows, walked.busy_ns, walked.served)
        _walk_stage(number, arrival_ns, size if queries is None else size[queries], plan, work, costs, here)
        return here.finish_ns

    walked.finish_ns[:] = walk_tandem(trace.arrival_ns, len(plan.stages), walk_stage)


def _walk_funnel(trace: Trace, plan: Plan, work: Work, overheads: Overheads, walked: Walked) -> None:
    stages, routes, mean_ns, noise = _layout(plan, work)
    given, given_at = _given(trace, plan, work)
    walk = walk_relayed if walked.relayed else walk_funnel
    walk(
        _plain(trace.arrival_ns),
        _plain(trace.size),
        stages,
        routes,
        np.array([pool.workers for pool in plan.pools.values()], np.int64),
        mean_ns,
        noise,
        bucket(np.arange(int(routes[:, 2].max()))),
        np.concatenate(work.draws),
        given,
        given_at,
        _costs(overheads),
        (overheads.keep_ns, overheads.keep_item_ps),
        walked.dispatch_ns,
        walked.finish_ns,
        walked.rows,
        walked.busy_ns,
        walked.served,
    )


def _walk_events(trace: Trace, plan: Plan, work: Work, overheads: Overheads, slices: int) -> Walked:
    stages, routes, mean_ns, noise = _layout(plan, work)
    n, pools = len(trace), len(plan.pools)
    dispatch_ns, finish_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)
    busy_ns, served, batches = (np.zeros(pools, np.int64) for _ in range(3))
    arrays = PlanArrays(
        stages,
        np.array([_options(stage) for stage in plan.stages], np.int64),
        np.column_stack([routes, np.array([_limits(stage) for stage in plan.stages], np.int64).ravel()]),
        np.array([pool.workers for pool in plan.pools.values()], np.int64),
        mean_ns,
        noise,
        bucket(np.arange(int(routes[:, 2].max()))),
        np.concatenate(work.draws),
    )
    arrival, size = _plain(trace.arrival_ns), _plain(trace.size)
    counts = busy_ns, served, batches
    rows = walk_events(arrival, size, arrays, _costs(overheads), dispatch_ns, finish_ns, counts, most_rows=slices)
    return Walked(dispatch_ns, finish_ns, rows, busy_ns, served, batches)


def _walk_early(trace: Trace, plan: Plan, work: Work, overheads: Overheads, slices: int) -> Walked:
    early = work.early
    assert early is not None
    stages, routes, mean_ns, noise = _layout(plan, work)
    n, pools = len(trace), len(plan.pools)
    arrays = EarlyArrays(
        stages,
        np.array([FEEDS[stage.feed] for stage in plan.stages], np.int64),
        routes,
        np.array([pool.workers for pool in plan.pools.values()], np.int64),
        mean_ns,
        noise,
        bucket(np.arange(int(routes[:, 2].max()))),
        np.concatenate(work.draws),
        *(early.which, early.totals, early.at, early.table, early.hits, early.hits_at),
    )
    span = 1 + 2 * int(np.diff(early.at).max(initial=0)) + int(early.totals.max(initial=0))
    dispatch_ns, finish_ns = np.zeros(n, np.int64), np.zeros(n, np.int64)
    busy_ns, served, rows = np.zeros(pools, np.int64), np.zeros(pools, np.int64), np.zeros((9, slices), np.int64)
    arrival, costs = _plain(trace.arrival_ns), _costs(overheads)
    jobs, used = walk_feeding(arrival, arrays, span, costs, dispatch_ns, finish_ns, rows, busy_ns, served)
    return Walked(dispatch_ns, finish_ns, rows[:, : min(used, slices)].copy(), busy_ns, served, jobs=jobs)


def _options(stage: Stage) -> tuple[bool, bool, int, int]:
    wait_us = stage.combine_wait_us
    return stage.queue_aware, stage.adapt, stage.least_batch, -1 if wait_us is None else wait_us * 1000


def _limits(stage: Stage) -> tuple[int, int]:
    """Return how many candidates several slices may have together, on the stage's pool and where it offloads to."""
    return stage.batch_size, stage.batch_limit(stage.offload_pool or stage.pool)


def _costs(o: Overheads) -> Costs:
    return o.timer_ns, o.query_ns, o.slice_ns, o.wakeup_ns, o.handoff_ns, o.merge_ns, o.cold_ns, o.interrupt_ns, o.cores


def _offload_at(stage: Stage) -> int:
    return ALWAYS if stage.offload_at is None else stage.offload_at


def _plain(array: NDArray[Number]) -> NDArray[Number]:
    """Return the array as the kernels are compiled for it: contiguous and writable."""
    return array if array.flags.c_contiguous and array.flags.writeable else array.copy()


def _layout(plan: Plan, work: Work) -> tuple[I64, I64, NDArray[np.float64], NDArray[np.float64]]:
    """Return the stages, the routes, their mean times in one row and their noise, as the kernel reads them."""
    pools, depth = list(plan.pools), len(plan.stages)
    stages, routes = np.zeros((depth, 4), np.int64), np.zeros((2 * depth, 3), np.int64)
    noise = np.ones((2 * depth, BUCKETS * QUANTILES))
    means: list[NDArray[np.float64]] = []
    filled = drawn = 0
    for number, (stage, most) in enumerate(zip(plan.stages, reach(plan), strict=True)):
        draws = len(work.draws[number])
        offload_at = _offload_at(stage)
        stages[number] = stage.batch_size, offload_at, most, drawn if draws else -1
        drawn += draws
        for side, pool in enumerate((stage.pool, stage.offload_pool)):
            table = work.tables.get((number, pool)) if pool is not None else None
            if pool is None or table is None:
                continue
            routes[2 * number + side] = pools.index(pool), filled, table.mean_ns.shape[1]
            noise[2 * number + side] = table.noise.ravel()
            means.append(np.asarray(table.mean_ns, np.float64).ravel())
            filled += table.mean_ns.size
    return stages, routes, np.concatenate(means) if means else np.zeros(1), noise


def _given(trace: Trace, plan: Plan, work: Work) -> tuple[I64, I64]:
    """Return the given times in one row, and where those of each (stage, query) begin."""
    if not work.given:
        return np.zeros(0, np.int64), np.zeros((1, 1), np.int64)
    at, before = np.zeros((len(plan.stages), len(trace)), np.int64), 0
    for number, (stage, most, times) in enumerate(zip(plan.stages, reach(plan), work.given, strict=True)):
        size = np.minimum(trace.size, most)
        whole = size >= _offload_at(stage)
        slices = np.where(whole, 1, -(-size // stage.batch_size))
        at[number] = before + np.cumsum(slices) - slices
        before += len(times)
    return np.concatenate(work.given), at
