"""The compiled walk of any plan: a recursion over jobs in the order in which they become ready.

A job is one stage of one query. Every service time is at least 1 ns, so a job's successor is always ready
later than the job itself: taking jobs in order of (ready time, query) and placing their slices at once
(Kiefer and Wolfowitz, 1955) needs no event list but a heap of finished stages.

A pool is its workers sorted by (time free, number) in a window that slides through a longer row: taking the
earliest moves `head` right, and the finished slice is inserted from the far end, where it nearly belongs.
`edge` parts the idle from the busy at the last start; starts never decrease and finishes lie beyond them, so
it only moves right and counting the busy workers costs O(1) a slice.
"""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled, inlined
from tailrank.simulator.recursion import interrupted
from tailrank.simulator.work import I64
from tailrank.timing import QUANTILES

__all__ = ["pop", "push", "put_back", "take_worker", "walk_funnel", "windows"]

NEVER = -(2**62)  # a worker not used yet is free since before time, so no hand-off delays its first slice
SLACK = 512  # columns a pool's window slides through before it is copied back
HEAD, EDGE = 0, 1  # columns of `window`
BATCH, OFFLOAD_AT, REACH, DRAW_AT = 0, 1, 2, 3  # columns of `stages`
POOL, MEAN_AT, WIDTH = 0, 1, 2  # columns of `routes`; route = 2 * stage + offloaded


@compiled
def push(ready: I64, jobs: I64, count: int, when: int, job: int) -> None:
    """Add (when, job) to a binary heap of `count`."""
    place = count
    while place > 0:
        above = (place - 1) >> 1
        if ready[above] < when or (ready[above] == when and jobs[above] < job):
            break
        ready[place], jobs[place] = ready[above], jobs[above]
        place = above
    ready[place], jobs[place] = when, job


@compiled
def pop(ready: I64, jobs: I64, count: int) -> None:
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


@compiled
def rewind(free: I64, who: I64, window: I64, pool: int, workers: int) -> None:
    """Copy a window that has slid to the end of its row back to the beginning."""
    head = window[pool, HEAD]
    for place in range(workers):
        free[pool, place] = free[pool, head + place]
        who[pool, place] = who[pool, head + place]
    window[pool, HEAD] = 0
    window[pool, EDGE] -= head


@inlined
def put_back(free: I64, who: I64, pool: int, place: int, until: int, worker: int, named: bool) -> None:
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


@inlined
def take_worker(
    free: I64, who: I64, window: I64, pool: int, workers: int, soonest: int, handoff: int
) -> tuple[int, int, int, bool]:
    """Take the earliest worker of `pool` for a slice that may start at `soonest`.

    Returns its start, the empty place at the end of the window, how many workers are then busy, it included, and
    whether the worker had been idle.
    """
    if window[pool, HEAD] + workers == free.shape[1]:
        rewind(free, who, window, pool, workers)
    head = window[pool, HEAD]
    warm = free[pool, head] + handoff
    start = max(soonest, warm)
    head += 1
    window[pool, HEAD] = head
    place = head + workers - 1
    edge = max(window[pool, EDGE], head)
    while edge < place and free[pool, edge] <= start:
        edge += 1
    window[pool, EDGE] = edge
    return start, place, 1 + place - edge, start > warm


@compiled
def windows(workers: I64) -> tuple[I64, I64, I64]:
    """Return pools whose workers have done nothing yet: when each is free, who it is, and where the window is."""
    free = np.full((len(workers), workers.max() + SLACK), NEVER)
    who = np.zeros(free.shape, np.int64)
    for pool in range(len(workers)):
        who[pool, : workers[pool]] = np.arange(workers[pool])
    window = np.zeros((len(workers), 2), np.int64)
    return free, who, window


@compiled
def walk_funnel(
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
    costs: tuple[int, int, int, int, int, int, int, int, int],
    keeping: tuple[int, int],
    dispatch: I64,
    finish: I64,
    rows: I64,
    busy_ns: I64,
    served: I64,
) -> None:
    """Walk every job; fills `dispatch`, `finish`, `rows` (if it has columns), `busy_ns` and `served`."""
    n, depth, named = len(arrival), len(stages), rows.shape[1] > 0
    free, who, window = windows(workers)
    drawn = stages[:, DRAW_AT].copy()
    ready, jobs = np.empty(n if depth > 1 else 0, np.int64), np.empty(n if depth > 1 else 0, np.int64)
    arrived, waiting, row, clock = 0, 0, 0, 0
    timer, query_ns, slice_ns, wakeup, handoff, merge, cold, interrupt, cores = costs
    while arrived < n or waiting > 0:
        if waiting > 0 and (arrived == n or ready[0] <= arrival[arrived] + timer):
            due, query, stage = ready[0], jobs[0] // depth, jobs[0] % depth
            pop(ready, jobs, waiting)
            waiting -= 1
            clock = max(due, clock)
        else:  # of two jobs ready together the older query goes first, and that is never the one arriving
            query, stage = arrived, 0
            clock = max(arrival[arrived] + timer, clock)
            dispatch[query] = clock
            arrived += 1
        clock += query_ns
        if stage > 0:
            clock += keeping[0] + min(size[query], stages[stage - 1, REACH]) * keeping[1] // 1000
        total = min(size[query], stages[stage, REACH])
        offloaded = total >= stages[stage, OFFLOAD_AT]
        batch = total if offloaded else stages[stage, BATCH]
        route = 2 * stage + offloaded
        pool, mean_at, width = routes[route, POOL], routes[route, MEAN_AT], routes[route, WIDTH]
        first, last = 0, 0
        while first < total:
            items = min(batch, total - first)
            clock += slice_ns
            start, place, busy, idle = take_worker(free, who, window, pool, workers[pool], clock + wakeup, handoff)
            if len(given) > 0:
                took = given[given_at[stage, query] + first // batch]
            else:
                mean = mean_ns[mean_at + (busy - 1) * width + items]
                if drawn[stage] >= 0:
                    mean *= noise[route, buckets[items] * QUANTILES + draws[drawn[stage]]]
                    drawn[stage] += 1
                took = max(1, int(np.rint(mean)))
                if idle:
                    took += cold
                if interrupt > 0 and busy >= cores > 0:
                    came = int(np.searchsorted(arrival, start, side="right"))
                    took = interrupted(arrival, came, start, took, served[pool], interrupt, cores)
            worker = who[pool, window[pool, HEAD] - 1]
            put_back(free, who, pool, place, start + took, worker, named)
            busy_ns[pool] += took
            served[pool] += 1
            last = max(last, start + took)
            if named:
                rows[0, row], rows[1, row], rows[2, row], rows[3, row], rows[4, row] = query, stage, first, items, pool
                rows[5, row], rows[6, row], rows[7, row], rows[8, row] = worker, clock, start, start + took
                row += 1
            first += items
        if stage + 1 < depth:
            push(ready, jobs, waiting, last, query * depth + stage + 1)
            waiting += 1
        else:
            finish[query] = last + merge
