"""The compiled walk of a plan with one stage: Kiefer and Wolfowitz' recursion, one pool at a time.

With one stage the dispatcher takes queries in the order in which they arrive, so when each slice is queued
does not depend on the pools: each pool is a pass over the trace of its own, in local variables only, some
four times faster than `funnel`, whose sliding window of workers it shares.
"""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled, inlined
from tailrank.simulator.work import I64
from tailrank.timing import QUANTILES

__all__ = ["interrupted", "walk_pool"]

NEVER = -(2**62)
SLACK = 512


@inlined
def _insert(free: I64, who: I64, place: int, until: int, worker: int, named: bool) -> None:
    """Put a worker that is free at `until` in its place at or before the empty `place`.

    It stops before the place just left, whose time was at most the slice's start.
    """
    while free[place - 1] > until or (named and free[place - 1] == until and who[place - 1] > worker):
        free[place] = free[place - 1]
        if named:
            who[place] = who[place - 1]
        place -= 1
    free[place] = until
    if named:
        who[place] = worker


@inlined
def interrupted(arrival: I64, came: int, start: int, took: int, served: int, interrupt: int, cores: int) -> int:
    """Return `took` longer by the queries that arrive meanwhile; `came` is the first to arrive after `start`."""
    until = start + took
    while came < len(arrival) and arrival[came] <= until:
        if (came + served) % cores == 0:
            until += interrupt
        came += 1
    return until - start


@compiled
def walk_pool(
    arrival: I64,
    size: I64,
    offloaded: bool,
    offload_at: int,
    batch: int,
    pool: int,
    workers: int,
    mean_ns: NDArray[np.float64],
    noise: NDArray[np.float64],
    buckets: I64,
    draws: NDArray[np.uint8],
    given: I64,
    costs: tuple[int, int, int, int, int, int, int, int, int],
    dispatch: I64,
    finish: I64,
    rows: I64,
) -> tuple[int, int]:
    """Walk the queries that are (`offloaded`) or are not offloaded; returns busy time and slices of their pool.

    Fills their `dispatch` and `finish`, and their `rows` if it has columns.
    """
    timer, query_ns, slice_ns, wakeup, handoff, merge, cold, interrupt, cores = costs
    noisy, told, named = len(draws) > 0, len(given) > 0, rows.shape[1] > 0
    free = np.full(2 * workers + SLACK, NEVER)
    who = np.arange(len(free) if named else 0)
    head, edge, clock, row, busy_ns, served, came = 0, 0, 0, 0, 0, 0, 0
    for query in range(len(arrival)):
        total = size[query]
        clock = max(clock, arrival[query] + timer)
        if (total >= offload_at) != offloaded:
            slices = 1 if not offloaded else (total + batch - 1) // batch
            clock += query_ns + slices * slice_ns
            row += slices
            continue
        dispatch[query] = clock
        clock += query_ns
        step = total if offloaded else batch
        first, last = 0, 0
        while first < total:
            items = min(step, total - first)
            clock += slice_ns
            if head + workers == len(free):  # the window has slid to the end: copy it back
                free[:workers] = free[head:]
                who[:workers] = who[head:]
                edge, head = edge - head, 0
            warm = free[head] + handoff
            start = max(clock + wakeup, warm)
            worker = who[head] if named else 0
            head += 1
            place = head + workers - 1
            edge = max(edge, head)
            while edge < place and free[edge] <= start:
                edge += 1
            busy = 1 + place - edge
            if told:
                took = given[row]
            else:
                mean = mean_ns[busy - 1, items]
                if noisy:
                    mean *= noise[buckets[items] * QUANTILES + draws[row]]
                took = max(1, int(np.rint(mean)))
                if start > warm:
                    took += cold
                if interrupt > 0 and busy >= cores > 0:
                    while came < len(arrival) and arrival[came] <= start:
                        came += 1
                    took = interrupted(arrival, came, start, took, served, interrupt, cores)
            until = start + took
            _insert(free, who, place, until, worker, named)
            if named:
                rows[0, row], rows[2, row], rows[3, row], rows[4, row] = query, first, items, pool
                rows[5, row], rows[6, row], rows[7, row], rows[8, row] = worker, clock, start, until
            last = max(last, until)
            busy_ns += took
            served += 1
            row += 1
            first += items
        finish[query] = last + merge
    return busy_ns, served
