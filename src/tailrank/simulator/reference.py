"""The readable kernel: events on a virtual clock, for any funnel; slow, and the oracle of the compiled one.

A job is one stage of one query. Three things happen, in this order where they happen at once: a worker
finishes a slice, a job becomes ready for the dispatcher (the older query first), a slice enters its queue.
"""

import heapq
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tailrank.core import Plan, Slice, Trace
from tailrank.scheduler import Merge, kept, split, split_all
from tailrank.simulator.work import Loads, StageLoad, Walked, Work, reach
from tailrank.timing import Overheads, bucket

__all__ = ["loads", "walk"]

FINISH, READY, QUEUE = 0, 1, 2  # what happens, in order at one instant


@dataclass
class _Row:
    """One slice: what the dispatcher decided, then what the worker did."""

    piece: Slice
    draw: int
    queued_ns: int
    worker: int = -1
    start_ns: int = -1
    finish_ns: int = -1


@dataclass
class _Pool:
    """Workers that share one queue. `idle` is a heap of (free since, worker); -1: not used yet, no hand-off."""

    idle: list[tuple[int, int]]
    free_ns: list[int]  # by worker: when it is or was done with its last slice
    queue: deque[_Row] = field(default_factory=deque)
    busy_ns: int = 0
    served: int = 0


class _Walk:
    def __init__(self, trace: Trace, plan: Plan, work: Work, overheads: Overheads) -> None:
        self.trace, self.plan, self.work, self.costs = trace, plan, work, overheads
        self.pools = {
            name: _Pool([(-1, number) for number in range(pool.workers)], [-1] * pool.workers)
            for name, pool in plan.pools.items()
        }
        self.order = {name: number for number, name in enumerate(plan.pools)}
        self.dispatch, self.finish = [0] * len(trace), [0] * len(trace)
        self.rows: list[_Row] = []
        self.drawn = [0] * len(plan.stages)
        self.buckets = bucket(np.arange(trace.size.max(initial=0) + 1)).tolist()
        self.sizes, self.arrivals = trace.size.tolist(), trace.arrival_ns.tolist()
        self.names = list(plan.pools)
        self.given = _given(trace, plan, work)
        self.merge = Merge()
        self.working: dict[tuple[int, int], _Row] = {}  # by pool and worker
        self.clock = 0  # when the dispatcher is free
        # (time, what, tie-breaks): FINISH by pool and worker, READY by query, QUEUE in the order of dispatch
        self.events: list[tuple[int, int, int, int]] = []

    def run(self) -> None:
        for query in self.trace:
            heapq.heappush(self.events, (query.arrival_ns + self.costs.timer_ns, READY, query.number, 0))
        while self.events:
            now, what, which, other = heapq.heappop(self.events)
            if what == FINISH:
                self._finish(now, self.names[which], other)
            elif what == READY:
                self._dispatch(now, which, other)
            else:
                self._queue(self.rows[which])

    def _dispatch(self, now: int, query: int, number: int) -> None:
        """Take a job up: split it and queue its slices, one after the other."""
        stage, costs = self.plan.stages[number], self.costs
        self.clock = max(now, self.clock)
        if number == 0:
            self.dispatch[query] = self.clock
        self.clock += costs.query_ns
        size = self.sizes[query]
        for earlier in self.plan.stages[:number]:
            size = kept(size, earlier.keep)
        pieces = split(query, size, stage, number)
        self.merge.expect(query, len(pieces))
        for piece in pieces:
            self.clock += costs.slice_ns
            draws = self.work.draws[number]
            draw = int(draws[self.drawn[number]]) if len(draws) else 0
            self.drawn[number] += 1
            heapq.heappush(self.events, (self.clock, QUEUE, len(self.rows), 0))
            self.rows.append(_Row(piece, draw, self.clock))

    def _queue(self, row: _Row) -> None:
        pool = self.pools[row.piece.pool]
        if pool.idle:
            self._start(row, pool, heapq.heappop(pool.idle)[1])
        else:
            pool.queue.append(row)

    def _start(self, row: _Row, pool: _Pool, worker: int) -> None:
        """Give a slice to a worker that is free."""
        free_ns = pool.free_ns[worker]
        soonest = row.queued_ns + self.costs.wakeup_ns
        row.worker = worker
        row.start_ns = soonest if free_ns < 0 else max(soonest, free_ns + self.costs.handoff_ns)
        busy = 1 + sum(free > row.start_ns for other, free in enumerate(pool.free_ns) if other != worker)
        idle = free_ns < 0 or row.start_ns > free_ns + self.costs.handoff_ns
        row.finish_ns = row.start_ns + self._service_ns(row, busy, idle=idle)
        if 0 < self.costs.cores <= busy and not self.given:
            row.finish_ns = self._interrupted(row, pool.served)
        pool.free_ns[worker] = row.finish_ns
        pool.busy_ns += row.finish_ns - row.start_ns
        pool.served += 1
        self.working[self.order[row.piece.pool], worker] = row
        heapq.heappush(self.events, (row.finish_ns, FINISH, self.order[row.piece.pool], worker))

    def _service_ns(self, row: _Row, busy: int, *, idle: bool) -> int:
        piece = row.piece
        if self.given:
            return self.given[piece.stage, piece.query, piece.start]
        table = self.work.tables[piece.stage, piece.pool]
        mean_ns = float(table.mean_ns[busy - 1, piece.size] * table.noise[self.buckets[piece.size], row.draw])
        return max(1, round(mean_ns)) + (self.costs.cold_ns if idle else 0)

    def _interrupted(self, row: _Row, served: int) -> int:
        """Return when a slice is done that shares the cores with the dispatcher: each arrival holds one core up."""
        until = row.finish_ns
        for query in range(bisect_right(self.arrivals, row.start_ns), len(self.arrivals)):
            if self.arrivals[query] > until:
                break
            if (query + served) % self.costs.cores == 0:
                until += self.costs.interrupt_ns
        return until

    def _finish(self, now: int, name: str, worker: int) -> None:
        """Take a slice back; its worker takes the next one, and the last slice of a stage moves its query on."""
        pool, row = self.pools[name], self.working.pop((self.order[name], worker))
        if pool.queue:
            self._start(pool.queue.popleft(), pool, worker)
        else:
            heapq.heappush(pool.idle, (now, worker))
        piece = row.piece
        if self.merge.finish(piece.query):
            if piece.stage + 1 < len(self.plan.stages):
                heapq.heappush(self.events, (now, READY, piece.query, piece.stage + 1))
            else:
                self.finish[piece.query] = now + self.costs.merge_ns


def _given(trace: Trace, plan: Plan, work: Work) -> dict[tuple[int, int, int], int]:
    """Return the given times by (stage, query, first candidate); empty where times are drawn."""
    times: dict[tuple[int, int, int], int] = {}
    for number, (stage, most) in enumerate(zip(plan.stages, reach(plan), strict=True)):
        if work.given:
            query, first, _ = split_all(np.minimum(trace.size, most), stage)
            keys = zip([number] * len(query), query.tolist(), first.tolist(), strict=True)
            times.update(zip(keys, work.given[number].tolist(), strict=True))
    return times


def loads(trace: Trace, plan: Plan) -> Loads:
    """Return what `trace` asks of each stage of `plan`."""
    found = []
    for stage, most in zip(plan.stages, reach(plan), strict=True):
        query, _, items = split_all(np.minimum(trace.size, most), stage)
        offload_at = stage.offload_at or np.iinfo(np.int64).max
        whole = np.minimum(trace.size, most)[query] >= offload_at
        largest, offloaded = (int(items[side].max(initial=0)) for side in (~whole, whole))
        found.append(StageLoad(len(query), largest, offloaded))
    return found


def walk(trace: Trace, plan: Plan, work: Work, overheads: Overheads, *, slices: int) -> Walked:
    """Serve `trace` under `plan`; `slices` is how many rows to keep: all of them, or 0."""
    run = _Walk(trace, plan, work, overheads)
    run.run()
    rows = np.array([_columns(row, run.order) for row in run.rows[:slices]], np.int64).reshape(-1, 9).T
    return Walked(
        np.array(run.dispatch, np.int64),
        np.array(run.finish, np.int64),
        np.ascontiguousarray(rows),
        np.array([pool.busy_ns for pool in run.pools.values()], np.int64),
        np.array([pool.served for pool in run.pools.values()], np.int64),
    )


def _columns(row: _Row, order: dict[str, int]) -> tuple[int, ...]:
    query, stage, first, _, pool = row.piece
    return (query, stage, first, row.piece.size, order[pool], row.worker, row.queued_ns, row.start_ns, row.finish_ns)
