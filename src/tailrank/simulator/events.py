"""The compiled walk of plans that decide by the state of the pools: events, in the order of `reference`.

Unlike the recursions it cannot place a slice before everything that happens earlier is known, so it is slower than
they are, and used for such plans only. The dispatcher is a state of its own (`job`, whose phase changes at a known
time), arrivals are a pointer into the trace, and a pool has at most one timer: only finishes and later stages need
heaps. Slices are columns of `rows`; queues and batches are lists linked through them. Without rows to keep, the columns
of finished slices serve again.
"""

import heapq
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled
from tailrank.scheduler import finish_in_ns, remaining_ns, slice_size
from tailrank.simulator.recursion import interrupted
from tailrank.simulator.work import I64
from tailrank.timing import QUANTILES

__all__ = ["PlanArrays", "run_events", "walk_events"]

NEVER = 2**62
FINISH, READY, QUEUE, LEAVE, DECIDE, FREE, IDLE = 0, 1, 2, 3, 4, 5, -1  # what happens; the dispatcher's phases
BATCH, OFFLOAD_AT, REACH, DRAW_AT = 0, 1, 2, 3  # columns of `stages`
AWARE, ADAPT, LEAST, WAIT = 0, 1, 2, 3  # columns of `options`; WAIT in ns, -1: slices share no batch
POOL, MEAN_AT, WIDTH, LIMIT = 0, 1, 2, 3  # columns of `routes`; route = 2 * stage + offloaded
QUERY, STAGE, FIRST, SIZE, AT, WORKER, QUEUED, START, END = 0, 1, 2, 3, 4, 5, 6, 7, 8  # of `rows`: `SliceRecords`
NEXT, DRAW, EXPECTED, VIA, KINDS = 9, 10, 11, 12, 13  # and what only the walk needs
PHASE, SINCE, OF, IN, ROUTE, TOTAL, STEP, DONE, EACH, LAST, PARTS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10  # of `job`
COLUMNS = 64  # of `rows` to begin with, where they serve again
Costs = tuple[int, int, int, int, int, int, int, int, int]
Heap = list[tuple[int, int]]

_finish_in_ns, _remaining_ns, _slice_size = compiled(finish_in_ns), compiled(remaining_ns), compiled(slice_size)


class PlanArrays(NamedTuple):
    """A plan and its service times, as the kernel reads them."""

    stages: I64
    options: I64
    routes: I64
    workers: I64
    mean_ns: NDArray[np.float64]
    noise: NDArray[np.float64]
    buckets: I64
    draws: NDArray[np.uint8]


class Pools(NamedTuple):
    """The pools: rings of idle workers, the one idle longest first; queues; what each worker has in hand."""

    ring: I64
    ring_at: I64
    idle: I64
    head: I64
    tail: I64
    waiting_ns: I64
    free: I64
    batch: I64
    began: I64
    expected: I64
    leave_at: I64
    busy_ns: I64
    served: I64
    batches: I64


def _pools(workers: I64, busy_ns: I64, served: I64, batches: I64) -> Pools:
    """Return pools whose workers have done nothing yet: -1."""
    pools, widest = len(workers), int(workers.max())
    ring = np.tile(np.arange(widest), (pools, 1))
    none, never, zeros = np.full((pools, widest), -1), np.full(pools, NEVER), np.zeros((pools, widest), np.int64)
    ends = np.full(pools, -1)
    count = np.zeros(pools, np.int64)
    return Pools(
        *(ring, count, workers.copy(), ends, ends.copy(), count.copy(), none, none.copy(), zeros, zeros.copy(), never),
        *(busy_ns, served, batches),
    )


@compiled
def _expected(mean_ns: NDArray[np.float64], route: I64, busy: int, items: int) -> int:
    """Return the mean time of a batch, as the dispatcher reads it off the table."""
    mean = np.rint(mean_ns[route[MEAN_AT] + (busy - 1) * route[WIDTH] + items])
    return max(1, int(mean))


@compiled
def _weigh(plan: PlanArrays, pools: Pools, now: int, total: int, step: int, number: int) -> tuple[int, int, int]:
    """Return in how long a query should be done on a route, and what its full and its last slice should take."""
    route = plan.routes[number]
    pool = route[POOL]
    idle, workers, work = pools.idle[pool], plan.workers[pool], pools.waiting_ns[pool]
    for worker in range(workers):
        if pools.batch[pool, worker] >= 0:
            work += _remaining_ns(pools.expected[pool, worker], now - pools.began[pool, worker])
    slices = (total + step - 1) // step
    busy = min(workers, workers - idle + slices)
    last = _expected(plan.mean_ns, route, busy, total - (slices - 1) * step)
    each = _expected(plan.mean_ns, route, busy, step) if slices > 1 else last
    return _finish_in_ns(work, idle, workers, slices, each, (slices - 1) * each + last), each, last


@compiled
def _decide(plan: PlanArrays, pools: Pools, job: I64, now: int, size: I64, weighs: bool) -> int:
    """Decide what becomes of the job that the dispatcher is at (see `scheduler.decide`); returns its slices."""
    stage, options = job[IN], plan.options[job[IN]]
    total, step, route = min(size[job[OF]], plan.stages[stage, REACH]), plan.stages[stage, BATCH], 2 * stage
    if options[ADAPT]:
        step = _slice_size(total, step, options[LEAST], pools.idle[plan.routes[route, POOL]])
    away = total >= plan.stages[stage, OFFLOAD_AT]
    here, there, each, last = 0, 0, 0, 0
    if away:
        if weighs:
            there, each, last = _weigh(plan, pools, now, total, total, route + 1)
            if options[AWARE]:
                here, here_each, here_last = _weigh(plan, pools, now, total, step, route)
                if there >= here:
                    away, each, last = False, here_each, here_last
    elif weighs:
        here, each, last = _weigh(plan, pools, now, total, step, route)
    if away:
        route, step = route + 1, total
    job[ROUTE], job[TOTAL], job[STEP], job[DONE], job[EACH], job[LAST] = route, total, step, 0, each, last
    return int((total + step - 1) // step)


@compiled
def _queue(plan: PlanArrays, pools: Pools, job: I64, rows: I64, row: int, now: int, drawn: I64) -> int:
    """Queue the job's next slice as column `row`; returns its pool."""
    pool, stage, first = plan.routes[job[ROUTE], POOL], job[IN], job[DONE]
    items = min(job[STEP], job[TOTAL] - first)
    rows[QUERY, row], rows[STAGE, row], rows[FIRST, row], rows[SIZE, row] = job[OF], stage, first, items
    rows[AT, row], rows[QUEUED, row], rows[NEXT, row], rows[DRAW, row], rows[VIA, row] = pool, now, -1, 0, job[ROUTE]
    job[DONE] += items
    rows[EXPECTED, row] = job[LAST] if job[DONE] == job[TOTAL] else job[EACH]
    if drawn[stage] >= 0:
        rows[DRAW, row] = plan.draws[drawn[stage]]
        drawn[stage] += 1
    if pools.head[pool] < 0:
        pools.head[pool] = row
    else:
        rows[NEXT, pools.tail[pool]] = row
    pools.tail[pool] = row
    pools.waiting_ns[pool] += rows[EXPECTED, row]
    return int(pool)


@compiled
def _gather(rows: I64, head: int, limit: int, wait: int) -> tuple[int, int, int]:
    """Return the last slice of the batch at the head of a queue, its items, and when it may leave (see `gather`)."""
    last, items, newest = head, rows[SIZE, head], rows[QUEUED, head]
    if wait < 0:
        return last, items, newest
    complete = newest if items >= limit else NEVER
    following = rows[NEXT, head]
    while complete == NEVER and following >= 0:
        if rows[STAGE, following] != rows[STAGE, head] or items + rows[SIZE, following] > limit:
            complete = rows[QUEUED, following]
        else:
            last, items, newest = following, items + rows[SIZE, following], rows[QUEUED, following]
            if items == limit:
                complete = newest
            following = rows[NEXT, following]
    return last, items, max(newest, min(rows[QUEUED, head] + wait, complete))


@compiled
def _serve(
    plan: PlanArrays, pools: Pools, rows: I64, pool: int, now: int, arrival: I64, costs: Costs, finishes: Heap
) -> None:
    """Give idle workers of `pool` the batches that may leave; the worker idle longest goes first."""
    _, _, _, wakeup, handoff, _, cold, interrupt, cores = costs
    workers, widest = plan.workers[pool], pools.free.shape[1]
    pools.leave_at[pool] = NEVER
    while pools.idle[pool] > 0 and pools.head[pool] >= 0:
        row = pools.head[pool]
        stage, route = rows[STAGE, row], plan.routes[rows[VIA, row]]
        wait = plan.options[stage, WAIT]
        last, items, leave = _gather(rows, row, route[LIMIT], wait)
        if leave > now:
            pools.leave_at[pool] = rows[QUEUED, row] + wait
            return
        pools.head[pool] = rows[NEXT, last]
        rows[NEXT, last] = -1
        worker = pools.ring[pool, pools.ring_at[pool] % workers]
        pools.ring_at[pool] += 1
        pools.idle[pool] -= 1
        free = pools.free[pool, worker]
        start = leave + wakeup if free < 0 else max(leave + wakeup, free + handoff)
        busy = 1
        for other in range(workers):
            busy += int(pools.free[pool, other] > start)
        mean = plan.mean_ns[route[MEAN_AT] + (busy - 1) * route[WIDTH] + items]
        if plan.stages[stage, DRAW_AT] >= 0:
            mean *= plan.noise[rows[VIA, row], plan.buckets[items] * QUANTILES + rows[DRAW, row]]
        took = max(1, int(np.rint(mean)))
        if free < 0 or start > free + handoff:
            took += cold
        if interrupt > 0 and busy >= cores > 0:
            came = int(np.searchsorted(arrival, start, side="right"))
            took = interrupted(arrival, came, start, took, pools.batches[pool], interrupt, cores)
        pools.free[pool, worker], pools.batch[pool, worker], pools.began[pool, worker] = start + took, row, start
        heapq.heappush(finishes, (start + took, pool * widest + worker))
        pools.busy_ns[pool] += took
        pools.batches[pool] += 1
        pools.expected[pool, worker] = 0
        while row >= 0:
            rows[WORKER, row], rows[START, row], rows[END, row] = worker, start, start + took
            pools.expected[pool, worker] += rows[EXPECTED, row]
            pools.waiting_ns[pool] -= rows[EXPECTED, row]
            pools.served[pool] += 1
            row = rows[NEXT, row]


@compiled
def _free(plan: PlanArrays, pools: Pools, pool: int, worker: int) -> int:
    """Let a worker that has finished be idle; returns the first slice of its batch."""
    row = pools.batch[pool, worker]
    pools.batch[pool, worker] = -1
    pools.ring[pool, (pools.ring_at[pool] + pools.idle[pool]) % plan.workers[pool]] = worker
    pools.idle[pool] += 1
    return int(row)


@compiled
def _next(finishes: Heap, readies: Heap, arriving: int, job: I64, leave_at: I64) -> tuple[int, int, int]:
    """Return when the next thing happens, what, and to whom: a finish's key, 1 for a later stage, a pool."""
    now, what, which = NEVER, FINISH, 0
    if len(finishes) > 0:
        now, which = finishes[0]
    if arriving < now:
        now, what, which = arriving, READY, 0
    if len(readies) > 0 and (readies[0][0] < now or (readies[0][0] == now and what == READY)):
        now, what, which = readies[0][0], READY, 1  # of two ready together the older query: never the one arriving
    if job[PHASE] != IDLE and (job[SINCE] < now or (job[SINCE] == now and job[PHASE] < what)):
        now, what = job[SINCE], job[PHASE]
    for pool in range(len(leave_at)):
        if leave_at[pool] < now or (leave_at[pool] == now and what > LEAVE):
            now, what, which = leave_at[pool], LEAVE, pool
    return now, what, which


@compiled
def run_events(
    arrival: I64, size: I64, plan: PlanArrays, pools: Pools, costs: Costs, dispatch: I64, finish: I64, most_rows: int
) -> I64:
    """Walk every event; fills `dispatch`, `finish` and the counts of `pools`, and returns the rows."""
    timer, query_ns, slice_ns, merge = costs[0], costs[1], costs[2], costs[5]
    n, depth, widest = len(arrival), len(plan.stages), pools.free.shape[1]
    weighs = bool(np.any(plan.options[:, AWARE] != 0))
    rows, used, left = np.empty((KINDS, most_rows if most_rows > 0 else COLUMNS), np.int64), 0, np.zeros(n, np.int64)
    drawn = plan.stages[:, DRAW_AT].copy()
    job, line, line_head, line_tail, arrived = np.zeros(PARTS, np.int64), np.empty(n * depth, np.int64), 0, 0, 0
    job[PHASE] = IDLE
    finishes, readies, spare = [(0, 0)], [(0, 0)], [0]  # begun with something, so that numba knows of what
    finishes.pop(), readies.pop(), spare.pop()
    while True:
        now, what, which = _next(
            finishes, readies, arrival[arrived] + timer if arrived < n else NEVER, job, pools.leave_at
        )
        if now == NEVER:
            return rows[:NEXT, : used if most_rows > 0 else 0].copy()
        pool = -1
        if what == FINISH:
            heapq.heappop(finishes)
            pool = which // widest
            row = _free(plan, pools, pool, which % widest)
            while row >= 0:
                query = rows[QUERY, row]
                left[query] -= 1
                if left[query] == 0 and rows[STAGE, row] + 1 < depth:
                    heapq.heappush(readies, (now, query * depth + rows[STAGE, row] + 1))
                elif left[query] == 0:
                    finish[query] = now + merge
                if most_rows == 0:
                    spare.append(row)
                row = rows[NEXT, row]
        elif what == READY:
            line[line_tail] = heapq.heappop(readies)[1] if which == 1 else arrived * depth
            line_tail += 1
            arrived += 1 - which
        elif what == LEAVE:
            pool = which
        elif what == DECIDE:
            left[job[OF]] = _decide(plan, pools, job, now, size, weighs)
            job[PHASE], job[SINCE] = QUEUE, now + slice_ns
        elif what == QUEUE:
            if len(spare) == 0 and used == rows.shape[1]:
                more = np.empty((KINDS, 2 * used), np.int64)
                more[:, :used] = rows
                rows = more
            row = spare.pop() if len(spare) > 0 else used
            used = max(used, row + 1)
            pool = _queue(plan, pools, job, rows, row, now, drawn)
            if job[DONE] < job[TOTAL]:
                job[SINCE] = now + slice_ns
            else:
                job[PHASE] = FREE
        else:
            job[PHASE] = IDLE
        if job[PHASE] == IDLE and line_head < line_tail:  # the dispatcher takes the next job up
            job[OF], job[IN] = line[line_head] // depth, line[line_head] % depth
            line_head += 1
            if job[IN] == 0:
                dispatch[job[OF]] = now
            job[PHASE], job[SINCE] = DECIDE, now + query_ns
        if pool >= 0:
            _serve(plan, pools, rows, pool, now, arrival, costs, finishes)


def walk_events(
    arrival: I64,
    size: I64,
    plan: PlanArrays,
    costs: Costs,
    dispatch: I64,
    finish: I64,
    counts: tuple[I64, I64, I64],
    *,
    most_rows: int,
) -> Any:
    """Walk the trace; fills `dispatch`, `finish` and `counts` (busy time, slices and batches of each pool).

    Returns the columns of `SliceRecords`, shape (9, m); none, shape (9, 0), where `most_rows` is 0.
    """
    return run_events(arrival, size, plan, _pools(plan.workers, *counts), costs, dispatch, finish, most_rows)
