"""The compiled walk of plans whose stages feed early: the recursion of `funnel` over parts instead of stages.

A heap holds the parts that are being served, by when they are done. One that is done may let a group of candidates go
on, as `scheduler.Feeding` says; the group is a job, and its slices are placed at once. They are all done later than
the job was ready, so parts leave the heap in the order in which they are done.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled
from tailrank.simulator.funnel import pop, push, put_back, take_worker, windows
from tailrank.simulator.recursion import interrupted
from tailrank.simulator.work import I64
from tailrank.timing import QUANTILES

__all__ = ["EarlyArrays", "walk_feeding"]

WHOLE, SHARE, EXACT = 0, 1, 2  # how a stage feeds the next
BATCH, OFFLOAD_AT, DRAW_AT = 0, 1, 3  # columns of `stages`
POOL, MEAN_AT, WIDTH = 0, 1, 2  # columns of `routes`; route = 2 * stage + offloaded
GIVES, FIRST, PART = 1, 2, 3  # columns of `table` (see `work.Early`)
OUT, DONE, SENT, HITS = 0, 1, 2, 3  # of a query in a stage: parts out, all done, groups sent, hits among them
COLUMNS = 1024  # of the heap to begin with
Costs = tuple[int, int, int, int, int, int, int, int, int]


class EarlyArrays(NamedTuple):
    """A plan, its service times and the parts of its queries, as the kernel reads them."""

    stages: I64
    feeds: I64
    routes: I64
    workers: I64
    mean_ns: NDArray[np.float64]
    noise: NDArray[np.float64]
    buckets: I64
    draws: NDArray[np.uint8]
    which: I64
    totals: I64
    at: I64
    table: I64
    hits: I64
    hits_at: I64


@compiled
def _go_on(
    feeds: I64,
    totals: I64,
    at: I64,
    table: I64,
    hits: I64,
    hits_at: I64,
    state: I64,
    layout: int,
    query: int,
    stage: int,
    part: int,
) -> tuple[int, int, int, int]:
    """Take a part back; return what goes on: the stage, its first candidate, candidates and first part there.

    Where nothing does, the stage is -1, and the first candidate 1 where the query is done.
    """
    depth = len(feeds)
    state[query, stage, OUT] -= 1
    while True:
        done = state[query, stage, OUT] == 0 and (stage == 0 or state[query, stage - 1, DONE] == 1)
        state[query, stage, DONE] = int(done)
        if stage + 1 == depth:
            return -1, int(done), 0, 0
        feed, total = feeds[stage], totals[layout, stage + 1]
        if done and feed == WHOLE:
            return stage + 1, 0, total, 0
        if done and feed == EXACT:
            missing = total - state[query, stage, HITS]
            if missing > 0:
                if state[query, stage, SENT] == 0:
                    return stage + 1, 0, missing, 0
                return stage + 1, total, missing, at[layout, stage + 2] - at[layout, stage + 1]
        elif part >= 0 and feed != WHOLE:
            row = at[layout, stage] + part
            if table[row, GIVES] > 0:
                state[query, stage, SENT] += 1
                if feed == EXACT:
                    state[query, stage, HITS] += hits[hits_at[query, stage] + part]
                return stage + 1, table[row, FIRST], table[row, GIVES], table[row, PART]
        if not done:
            return -1, 0, 0, 0
        stage, part = stage + 1, -1


@compiled
def walk_feeding(
    arrival: I64,
    plan: EarlyArrays,
    span: int,
    costs: Costs,
    dispatch: I64,
    finish: I64,
    rows: I64,
    busy_ns: I64,
    served: I64,
) -> tuple[int, int]:
    """Walk every part, each stage having fewer than `span`; returns how many jobs and slices there were.

    Fills `dispatch`, `finish`, `rows` (if it has columns), `busy_ns` and `served`.
    """
    stages, feeds, routes, workers, mean_ns, noise, buckets, draws, which, totals, at, table, hits, hits_at = plan
    n, depth, named = len(arrival), len(feeds), rows.shape[1] > 0
    timer, query_ns, slice_ns, wakeup, handoff, merge, cold, interrupt, cores = costs
    free, who, window = windows(workers)
    drawn = stages[:, DRAW_AT].copy()
    state = np.zeros((n, depth, 4), np.int64)
    ends, keys = np.empty(COLUMNS, np.int64), np.empty(COLUMNS, np.int64)
    arrived, serving, row, clock, jobs = 0, 0, 0, 0, 0
    while arrived < n or serving > 0:
        if serving > 0 and (arrived == n or ends[0] <= arrival[arrived] + timer):
            due, key = ends[0], keys[0]
            pop(ends, keys, serving)
            serving -= 1
            query, part = key // (depth * span), key % span
            stage, first, total, part = _go_on(
                feeds, totals, at, table, hits, hits_at, state, which[query], query, key // span % depth, part
            )
            if stage < 0:
                if first == 1:
                    finish[query] = due + merge
                continue
            clock = max(due, clock)
        else:
            query, stage, first, part = arrived, 0, 0, 0
            total = totals[which[query], 0]
            clock = max(arrival[arrived] + timer, clock)
            dispatch[query] = clock
            arrived += 1
        clock += query_ns
        jobs += 1
        offloaded = totals[which[query], stage] >= stages[stage, OFFLOAD_AT]
        batch = total if offloaded else stages[stage, BATCH]
        route = 2 * stage + offloaded
        pool, mean_at, width = routes[route, POOL], routes[route, MEAN_AT], routes[route, WIDTH]
        stop = first + total
        while first < stop:
            items = min(batch, stop - first)
            clock += slice_ns
            start, place, busy, idle = take_worker(free, who, window, pool, workers[pool], clock + wakeup, handoff)
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
            worker = who[pool, window[pool, 0] - 1]
            put_back(free, who, pool, place, start + took, worker, named)
            if serving == len(ends):
                ends, keys = np.concatenate((ends, ends)), np.concatenate((keys, keys))
            push(ends, keys, serving, start + took, (query * depth + stage) * span + part)
            serving += 1
            state[query, stage, OUT] += 1
            busy_ns[pool] += took
            served[pool] += 1
            if named:
                rows[0, row], rows[1, row], rows[2, row], rows[3, row], rows[4, row] = query, stage, first, items, pool
                rows[5, row], rows[6, row], rows[7, row], rows[8, row] = worker, clock, start, start + took
            row += 1
            part += 1
            first += items
    return jobs, row
