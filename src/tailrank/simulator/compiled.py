"""The compiled kernel: the same nanoseconds as `reference`, by recursion instead of events.

Jobs (one stage of one query) are dispatched in order of (ready time, query), and every service time is at
least 1 ns, so a job's successor is always ready later than the job itself: walking jobs in that order and
placing each slice at once (Kiefer and Wolfowitz, 1955) needs no event list but a heap of finished stages.

A pool is its workers sorted by (time free, number) in a window that slides through a longer row: taking the
earliest moves `head` right, and the finished slice is inserted from the far end, where it nearly belongs.
`edge` parts the idle from the busy at the last start; starts never decrease and finishes lie beyond them, so
it only moves right and counting the busy workers costs O(1) a slice.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tailrank.core import Plan, Trace
from tailrank.simulator.work import I64, Loads, StageLoad, Walked, Work, reach
from tailrank.timing import BUCKETS, QUANTILES, Overheads, bucket

__all__ = ["KERNELS", "loads", "walk"]

F = TypeVar("F", bound=Callable[..., Any])
NEVER = -(2**62)  # a worker not used yet is free since before time, so no hand-off delays its first slice
ALWAYS = 2**62
SLACK = 512  # columns a pool's window slides through before it is copied back
HEAD, EDGE = 0, 1  # columns of `window`
BATCH, OFFLOAD_AT, REACH, DRAW_AT = 0, 1, 2, 3  # columns of `stages`
POOL, MEAN_AT, WIDTH = 0, 1, 2  # columns of `routes`; route = 2 * stage + offloaded
TIMER, QUERY, SLICE, WAKEUP, HANDOFF, MERGE, CORES = range(7)  # places in `costs`


def _compiled(function: F) -> F:
    return cast(F, njit(cache=True, nogil=True)(function))


@_compiled
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


@_compiled
def _push(ready: I64, jobs: I64, count: int, when: int, job: int) -> None:
    """Add (when, job) to a binary heap of `count`."""
    place = count
    while place > 0:
        above = (place - 1) >> 1
        if ready[above] < when or (ready[above] == when and jobs[above] < job):
            break
        ready[place], jobs[place] = ready[above], jobs[above]
        place = above
    ready[place], jobs[place] = when, job


@_compiled
def _pop(ready: I64, jobs: I64, count: int) -> None:
    """Drop the least of a binary heap of `count`."""
    last = count - 1
    when, job = ready[last], jobs[last]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= last:
            break
        right = below + 1
        if right < last and (
            ready[right] < ready[below] or (ready[right] == ready[below] and jobs[right] < jobs[below])
        ):
            below = right
        if when < ready[below] or (when == ready[below] and job < jobs[below]):
            break
        ready[place], jobs[place] = ready[below], jobs[below]
        place = below
    ready[place], jobs[place] = when, job


@_compiled
def _rewind(free: I64, who: I64, window: I64, pool: int, workers: int) -> None:
    """Copy a window that has slid to the end of its row back to the beginning."""
    head = window[pool, HEAD]
    for place in range(workers):
        free[pool, place] = free[pool, head + place]
        who[pool, place] = who[pool, head + place]
    window[pool, HEAD] = 0
    window[pool, EDGE] -= head


@_compiled
def _insert(free: I64, who: I64, pool: int, place: int, until: int, worker: int, named: bool) -> None:
    """Put a worker that is free at `until` in its place at or before the empty `place`."""
    if named:
        while free[pool, place - 1] > until or (free[pool, place - 1] == until and who[pool, place - 1] > worker):
            free[pool, place], who[pool, place] = free[pool, place - 1], who[pool, place - 1]
            place -= 1
        who[pool, place] = worker
    else:
        while free[pool, place - 1] > until:
            free[pool, place] = free[pool, place - 1]
            place -= 1
    free[pool, place] = until


@_compiled
def _take(
    free: I64, who: I64, window: I64, pool: int, workers: int, soonest: int, handoff: int
) -> tuple[int, int, int]:
    """Take the earliest worker of `pool` for a slice that may start at `soonest`.

    Returns its start, the empty place at the end of the window, and how many workers are then busy, it included.
    """
    if window[pool, HEAD] + workers == free.shape[1]:
        _rewind(free, who, window, pool, workers)
    head = window[pool, HEAD]
    start = max(soonest, free[pool, head] + handoff)
    head += 1
    window[pool, HEAD] = head
    place = head + workers - 1
    edge = max(window[pool, EDGE], head)
    while edge < place and free[pool, edge] <= start:
        edge += 1
    window[pool, EDGE] = edge
    return start, place, 1 + place - edge


@_compiled
def _walk(
    arrival: I64,
    size: I64,
    stages: I64,
    routes: I64,
    workers: I64,
    mean_ns: NDArray[np.float64],
    noise: NDArray[np.float64],
    buckets: I64,
    draws: NDArray[np.uint8],
    given: I64,
    given_at: I64,
    costs: I64,
    dispatch: I64,
    finish: I64,
    rows: I64,
    busy_ns: I64,
    served: I64,
) -> None:
    """Walk every job; fills `dispatch`, `finish`, `rows` (if it has columns), `busy_ns` and `served`."""
    n, depth, named = len(arrival), len(stages), rows.shape[1] > 0
    free = np.full((len(workers), workers.max() + SLACK), NEVER)
    who = np.zeros(free.shape, np.int64)
    for pool in range(len(workers)):
        who[pool, : workers[pool]] = np.arange(workers[pool])
    window = np.zeros((len(workers), 2), np.int64)
    drawn = stages[:, DRAW_AT].copy()
    ready, jobs = np.empty(n if depth > 1 else 0, np.int64), np.empty(n if depth > 1 else 0, np.int64)
    arrived, waiting, row, clock = 0, 0, 0, 0
    timer, query_ns, slice_ns, cores = costs[TIMER], costs[QUERY], costs[SLICE], costs[CORES]
    while arrived < n or waiting > 0:
        if waiting > 0 and (arrived == n or ready[0] <= arrival[arrived] + timer):
            due, query, stage = ready[0], jobs[0] // depth, jobs[0] % depth
            _pop(ready, jobs, waiting)
            waiting -= 1
            clock = max(due, clock)
        else:  # of two jobs ready together the older query goes first, and that is never the one arriving
            query, stage = arrived, 0
            clock = max(arrival[arrived] + timer, clock)
            dispatch[query] = clock
            arrived += 1
        clock += query_ns
        total = min(size[query], stages[stage, REACH])
        offloaded = total >= stages[stage, OFFLOAD_AT]
        batch = total if offloaded else stages[stage, BATCH]
        route = 2 * stage + offloaded
        pool, mean_at, width = routes[route, POOL], routes[route, MEAN_AT], routes[route, WIDTH]
        stolen = int(query_ns // ((total + batch - 1) // batch) + slice_ns) if cores > 0 else 0
        first, last = 0, 0
        while first < total:
            items = min(batch, total - first)
            clock += slice_ns
            start, place, busy = _take(free, who, window, pool, workers[pool], clock + costs[WAKEUP], costs[HANDOFF])
            if len(given) > 0:
                took = given[given_at[stage, query] + first // batch]
            else:
                mean = mean_ns[mean_at + (busy - 1) * width + items]
                if drawn[stage] >= 0:
                    mean *= noise[route, buckets[items] * QUANTILES + draws[drawn[stage]]]
                    drawn[stage] += 1
                took = max(1, int(np.rint(mean)))
                if cores > 0 and busy >= cores:
                    took += stolen
            worker = who[pool, window[pool, HEAD] - 1]
            _insert(free, who, pool, place, start + took, worker, named)
            busy_ns[pool] += took
            served[pool] += 1
            last = max(last, start + took)
            if named:
                rows[0, row], rows[1, row], rows[2, row], rows[3, row], rows[4, row] = query, stage, first, items, pool
                rows[5, row], rows[6, row], rows[7, row], rows[8, row] = worker, clock, start, start + took
                row += 1
            first += items
        if stage + 1 < depth:
            _push(ready, jobs, waiting, last, query * depth + stage + 1)
            waiting += 1
        else:
            finish[query] = last + costs[MERGE]


KERNELS: tuple[Any, ...] = (_count, _walk)


def loads(trace: Trace, plan: Plan) -> Loads:
    """Return what `trace` asks of each stage of `plan`."""
    size, found = _plain(trace.size), []
    for stage, most in zip(plan.stages, reach(plan), strict=True):
        counted = _count(size, stage.batch_size, ALWAYS if stage.offload_at is None else stage.offload_at, most)
        found.append(StageLoad(*counted))
    return found


def walk(trace: Trace, plan: Plan, work: Work, overheads: Overheads, *, slices: int) -> Walked:
    """Serve `trace` under `plan`; `slices` is how many rows to keep: all of them, or 0."""
    n, pools = len(trace), list(plan.pools)
    walked = Walked(
        np.zeros(n, np.int64),
        np.zeros(n, np.int64),
        np.zeros((9, slices), np.int64),
        np.zeros(len(pools), np.int64),
        np.zeros(len(pools), np.int64),
    )
    stages, routes, mean_ns, noise = _layout(plan, work)
    o = overheads
    costs = [o.timer_ns, o.query_ns, o.slice_ns, o.wakeup_ns, o.handoff_ns, o.merge_ns, o.cores]
    given, given_at = _given(trace, plan, work)
    _walk(
        _plain(trace.arrival_ns),
        _plain(trace.size),
        stages,
        routes,
        np.array([pool.workers for pool in plan.pools.values()], np.int64),
        mean_ns,
        noise,
        bucket(np.arange(int(routes[:, WIDTH].max()))),
        np.concatenate(work.draws) if len(work.draws) > 1 else work.draws[0],
        given,
        given_at,
        np.array(costs, np.int64),
        walked.dispatch_ns,
        walked.finish_ns,
        walked.rows,
        walked.busy_ns,
        walked.served,
    )
    return walked


def _plain(array: I64) -> I64:
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
        offload_at = ALWAYS if stage.offload_at is None else stage.offload_at
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
        whole = size >= (ALWAYS if stage.offload_at is None else stage.offload_at)
        slices = np.where(whole, 1, -(-size // stage.batch_size))
        at[number] = before + np.cumsum(slices) - slices
        before += len(times)
    return np.concatenate(work.given), at
