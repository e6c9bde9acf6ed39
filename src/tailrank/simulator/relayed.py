"""The compiled walk of funnels whose queries are relayed: the recursion of `funnel`, with two who queue slices.

The dispatcher queues first stages, slice by slice; the worker that finished the last slice of a stage queues the next
stage whole, once it has chosen the best, and is busy until then. Whichever comes first is placed first: the next slice
of the dispatcher, or the stage that is ready first.
"""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled, inlined
from tailrank.simulator.funnel import (
    BATCH,
    DRAW_AT,
    HEAD,
    MEAN_AT,
    OFFLOAD_AT,
    POOL,
    REACH,
    WIDTH,
    pop,
    push,
    put_back,
    take_worker,
    windows,
)
from tailrank.simulator.recursion import interrupted
from tailrank.simulator.work import I64
from tailrank.timing import QUANTILES

__all__ = ["walk_relayed"]


@inlined
def _hold(free: I64, who: I64, pool: int, end: int, since: int, worker: int, until: int, named: bool) -> None:
    """Let the worker that would be free at `since` be busy until `until`; `end` is the last place of its pool."""
    place = end
    while free[pool, place] != since or (named and who[pool, place] != worker):
        place -= 1
    while place < end and (
        free[pool, place + 1] < until or (named and free[pool, place + 1] == until and who[pool, place + 1] < worker)
    ):
        free[pool, place], who[pool, place] = free[pool, place + 1], who[pool, place + 1]
        place += 1
    free[pool, place] = until
    if named:
        who[pool, place] = worker


@inlined
def _disturbed(
    arrival: I64, start: int, mean: float, busy: int, idle: bool, served: int, cold: int, interrupt: int, cores: int
) -> int:
    """Return how long a batch of `mean` takes with a cold start and interruptions."""
    took = max(1, int(np.rint(mean))) + (cold if idle else 0)
    if interrupt > 0 and busy >= cores > 0:
        came = int(np.searchsorted(arrival, start, side="right"))
        took = interrupted(arrival, came, start, took, served, interrupt, cores)
    return took


@inlined
def _note(rows: I64, at: int, values: tuple[int, int, int, int, int, int, int, int, int]) -> None:
    for column in range(9):
        rows[column, at] = values[column]


@compiled
def walk_relayed(
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
    (free, who, window), drawn = windows(workers), stages[:, DRAW_AT].copy()
    ready, jobs, waiting = np.empty(n, np.int64), np.empty(n, np.int64), 0
    timer, query_ns, slice_ns, wakeup, handoff, merge, cold, interrupt, cores = costs
    taken = decided = False
    arrived = clock = at = row = sent = sent_row = sent_last = sent_worker = 0
    while arrived < n or waiting > 0:
        if not taken and arrived < n:
            clock, taken, decided = max(arrival[arrived] + timer, clock), True, False
            dispatch[arrived], at = clock, clock + query_ns
        if waiting > 0 and (not taken or ready[0] <= at):
            now, query, stage = ready[0], jobs[0] // depth, jobs[0] % depth
            pop(ready, jobs, waiting)
            first, last, last_worker, waiting = 0, 0, 0, waiting - 1
        else:
            now, query, stage, first, last, last_worker = at, arrived, 0, sent, sent_last, sent_worker
        total = min(size[query], stages[stage, REACH])
        offloaded = total >= stages[stage, OFFLOAD_AT]
        batch = total if offloaded else stages[stage, BATCH]
        if stage == 0 and not decided:  # the slices of a query have neighbouring rows
            sent, sent_row, sent_last, sent_worker, decided = 0, row, 0, 0, True
            row, at = row + (total + batch - 1) // batch, at + slice_ns
            continue
        place_row, row = (sent_row, row) if stage == 0 else (row, row + (total + batch - 1) // batch)
        stop = min(total, first + batch) if stage == 0 else total
        route = 2 * stage + offloaded
        pool, mean_at, width = routes[route, POOL], routes[route, MEAN_AT], routes[route, WIDTH]
        while first < stop:
            items = min(batch, total - first)
            start, place, busy, idle = take_worker(free, who, window, pool, workers[pool], now + wakeup, handoff)
            if len(given) > 0:
                took = given[given_at[stage, query] + first // batch]
            else:
                mean = mean_ns[mean_at + (busy - 1) * width + items]
                if drawn[stage] >= 0:
                    mean *= noise[route, buckets[items] * QUANTILES + draws[drawn[stage]]]
                    drawn[stage] += 1
                took = _disturbed(arrival, start, mean, busy, idle, served[pool], cold, interrupt, cores)
            worker, until = who[pool, window[pool, HEAD] - 1], start + took
            put_back(free, who, pool, place, until, worker, named)
            busy_ns[pool], served[pool] = busy_ns[pool] + took, served[pool] + 1
            if until > last or (until == last and worker > last_worker):
                last, last_worker = until, worker
            if named:
                mine = place_row + first // batch
                _note(rows, mine, (query, stage, first, items, pool, worker, now, start, until))
            first += items
        if stage == 0:
            sent, sent_last, sent_worker = first, last, last_worker  # of the query that the dispatcher is at
            if first < total:
                at += slice_ns
                continue
            clock, taken, arrived = at, False, arrived + 1
        if stage + 1 < depth:
            held, waiting = last + keeping[0] + total * keeping[1] // 1000, waiting + 1
            _hold(free, who, pool, window[pool, HEAD] + workers[pool] - 1, last, last_worker, held, named)
            push(ready, jobs, waiting - 1, held, query * depth + stage + 1)
        else:
            finish[query] = last + merge
