"""The readable kernel: events on a virtual clock, for any plan; slow, and the oracle of the compiled ones.

A job is one stage of one query; where stages feed early, a group of candidates on its way there. Seven things happen,
in this order where they happen at once: a worker finishes a batch, or has chosen the best of a stage; a stage is
relayed; a job becomes ready for the dispatcher (the older query first); a slice enters its queue; a batch has waited
long enough for more slices; the dispatcher decides what becomes of a job; the dispatcher is free again.
"""

import heapq
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tailrank.core import Plan, Slice, Trace
from tailrank.scheduler import Feeding, Group, Merge, cut, decide, gather, remaining_ns, split_all
from tailrank.simulator.work import I64, Loads, StageLoad, Walked, Work, given_times, reach, relayed
from tailrank.timing import Overheads, bucket

__all__ = ["loads", "walk"]

FINISH, RELAY, READY, QUEUE, LEAVE, DECIDE, FREE = range(7)  # what happens, in order at one instant


class _Job(NamedTuple):
    """What the dispatcher takes up: a stage of a query, or a group of candidates on their way there."""

    query: int
    stage: int
    group: Group | None = None


@dataclass
class _Row:
    """One slice: what the dispatcher decided, then what the worker did. `part` is its number in a layout."""

    piece: Slice
    draw: int
    queued_ns: int
    expected_ns: int
    part: int = -1
    worker: int = -1
    start_ns: int = -1
    finish_ns: int = -1
    keeping_ns: int = -1  # the last of a stage that is relayed: how long its worker then chooses


@dataclass
class _Pool:
    """Workers that share one queue. `idle` is a heap of (free since, worker); -1: not used yet, no hand-off."""

    number: int
    idle: list[tuple[int, int]]
    free_ns: list[int]  # by worker: when it is or was done with its last batch
    queue: deque[_Row] = field(default_factory=deque)
    working: dict[int, list[_Row]] = field(default_factory=dict)  # by worker: the batch in hand
    busy_ns: int = 0
    served: int = 0
    batches: int = 0


class _Walk:
    """The state of a run, and what its decisions may know of it (`PoolStates`)."""

    def __init__(self, trace: Trace, plan: Plan, work: Work, overheads: Overheads) -> None:
        self.trace, self.plan, self.work, self.costs = trace, plan, work, overheads
        self.pools = {
            name: _Pool(number, [(-1, worker) for worker in range(pool.workers)], [-1] * pool.workers)
            for number, (name, pool) in enumerate(plan.pools.items())
        }
        self.weighs = any(stage.queue_aware for stage in plan.stages)
        self.dispatch, self.finish = [0] * len(trace), [0] * len(trace)
        self.rows: list[_Row] = []
        self.drawn = [0] * len(plan.stages)
        widest = max((table.mean_ns.shape[1] for table in work.tables.values()), default=1)
        self.buckets = bucket(np.arange(max(widest, int(trace.size.max(initial=0)) + 1))).tolist()
        self.sizes, self.arrivals = trace.size.tolist(), trace.arrival_ns.tolist()
        self.names, self.reach = list(plan.pools), reach(plan)
        self.given = given_times(trace, plan, work)
        self.merge = Merge()
        self.feeding = Feeding(plan, self._missing) if work.early is not None else None
        self.relayed = relayed(plan, overheads)
        self.started: dict[int, list[_Row]] = {}  # by query: slices of its stage, where that is relayed
        self.line: deque[_Job] = deque()  # jobs that wait for the dispatcher
        self.job: _Job | None = None  # that it is at
        self.jobs = 0
        self.now = 0
        # (time, what, tie-breaks): FINISH by pool, worker and 1 where it had chosen, RELAY by query and stage, READY by
        # query, the stage it has been through and the part that is done, QUEUE in the order of dispatch
        self.events: list[tuple[int, int, int, int, int]] = []

    def run(self) -> None:
        for query in self.trace:
            self._at(query.arrival_ns + self.costs.timer_ns, READY, query.number, -1)
        while self.events:
            self.now, what, which, other, part = heapq.heappop(self.events)
            if what == FINISH and part == 0:
                self._finish(self.pools[self.names[which]], other)
            elif what == FINISH:
                self._free(self.pools[self.names[which]], other)
            elif what == RELAY:
                self._relay(which, other)
            elif what == READY:
                self._ready(which, other, part)
            elif what == QUEUE:
                self._queue(self.rows[which])
            elif what == LEAVE:
                self._serve(self.pools[self.names[which]])
            elif what == DECIDE:
                self._dispatch()
            else:
                self.job = None
                self._take_up()

    def workers(self, pool: str) -> int:
        return self.plan.pools[pool].workers

    def idle(self, pool: str) -> int:
        return len(self.pools[pool].idle)

    def work_ns(self, pool: str) -> int:
        at = self.pools[pool]
        waiting = sum(row.expected_ns for row in at.queue)
        in_hand = ((sum(row.expected_ns for row in batch), batch[0].start_ns) for batch in at.working.values())
        return waiting + sum(remaining_ns(expected, self.now - start) for expected, start in in_hand)

    def expected_ns(self, stage: int, pool: str, items: int, busy: int) -> int:
        return max(1, round(float(self.work.tables[stage, pool].mean_ns[busy - 1, items])))

    def _at(self, when: int, what: int, which: int, other: int = 0, part: int = 0) -> None:
        heapq.heappush(self.events, (when, what, which, other, part))

    def _ready(self, query: int, stage: int, part: int) -> None:
        """Put a query that has been through `stage` (-1: arrived), or one `part` of it, into the dispatcher's line."""
        if self.feeding is None:
            self.line.append(_Job(query, stage + 1))
        else:
            begun = stage >= 0
            group = self.feeding.done(query, stage, part) if begun else self.feeding.begin(query, self.sizes[query])
            if group is not None:
                self.line.append(_Job(query, group.stage, group))
            elif query not in self.feeding:
                self.finish[query] = self.now + self.costs.merge_ns
        self._take_up()

    def _missing(self, query: int, stage: int, sent: list[int]) -> int:
        """Return how many of the best are not among what the parts `sent` gave, by the placement of the run."""
        early = self.work.early
        assert early is not None
        best, at = int(early.totals[early.which[query], stage + 1]), early.hits_at[query, stage]
        return best - sum(int(early.hits[at + part]) for part in sent)

    def _take_up(self) -> None:
        """Begin with the job at the head of the dispatcher's line, if it is free and there is one."""
        if self.job is not None or not self.line:
            return
        self.job = self.line.popleft()
        self.jobs += 1
        if self.job.stage == 0:
            self.dispatch[self.job.query] = self.now
        keeps = self.job.stage > 0 and self.feeding is None and not self.plan.dynamic
        keeping_ns = self.costs.keeping_ns(self._size(self.job.query, self.job.stage - 1)) if keeps else 0
        self._at(self.now + self.costs.query_ns + keeping_ns, DECIDE, 0)

    def _size(self, query: int, stage: int) -> int:
        return int(min(self.sizes[query], self.reach[stage]))

    def _relay(self, query: int, number: int) -> None:
        """Queue all slices of a query's stage at once."""
        size, stage = self._size(query, number), self.plan.stages[number]
        choice = decide(size, number, stage, self)
        pieces = cut(query, size, number, choice.pool, choice.step)
        self.merge.expect(query, len(pieces))
        for piece in pieces:
            self.rows.append(_Row(piece, self._draw(number), self.now, 0))
            self._queue(self.rows[-1])

    def _draw(self, stage: int) -> int:
        draws = self.work.draws[stage]
        self.drawn[stage] += 1
        return int(draws[self.drawn[stage] - 1]) if len(draws) else 0

    def _dispatch(self) -> None:
        """Split a job and queue its slices, one after the other."""
        assert self.job is not None
        query, number, group = self.job
        stage, costs, clock = self.plan.stages[number], self.costs, self.now
        size = min(self.sizes[query], self.reach[number])
        choice = decide(size, number, stage, self)
        pieces = cut(query, size, number, choice.pool, choice.step) if group is None else group.slices
        if group is None:
            self.merge.expect(query, len(pieces))
        for place, piece in enumerate(pieces):
            clock += costs.slice_ns
            self._at(clock, QUEUE, len(self.rows))
            expected_ns = choice.last_ns if piece.stop == size else choice.slice_ns
            self.rows.append(
                _Row(piece, self._draw(number), clock, expected_ns, place if group is None else group.part + place)
            )
        self._at(clock, FREE, 0)

    def _queue(self, row: _Row) -> None:
        pool, wait_us = self.pools[row.piece.pool], self.plan.stages[row.piece.stage].combine_wait_us
        pool.queue.append(row)
        if wait_us:
            self._at(self.now + wait_us * 1000, LEAVE, pool.number)
        self._serve(pool)

    def _serve(self, pool: _Pool) -> None:
        """Give idle workers the batches that may leave; the worker idle longest goes first."""
        while pool.idle and pool.queue:
            batch, leave_ns = self._gather(pool)
            if leave_ns > self.now:
                return
            for _ in batch:
                pool.queue.popleft()
            self._start(batch, leave_ns, pool, heapq.heappop(pool.idle)[1])

    def _gather(self, pool: _Pool) -> tuple[list[_Row], int]:
        """Return the batch at the head of the queue, and when it may leave."""
        head = pool.queue[0]
        stage = self.plan.stages[head.piece.stage]
        if stage.combine_wait_us is None:
            return [head], head.queued_ns
        waiting = ((row.piece.stage, row.piece.size, row.queued_ns) for row in pool.queue)
        count, leave_ns = gather(waiting, stage.batch_limit(head.piece.pool), stage.combine_wait_us * 1000)
        return [pool.queue[place] for place in range(count)], leave_ns

    def _start(self, batch: list[_Row], leave_ns: int, pool: _Pool, worker: int) -> None:
        """Give a batch to a worker that is free."""
        free_ns = pool.free_ns[worker]
        soonest = leave_ns + self.costs.wakeup_ns
        start_ns = soonest if free_ns < 0 else max(soonest, free_ns + self.costs.handoff_ns)
        busy = 1 + sum(free > start_ns for other, free in enumerate(pool.free_ns) if other != worker)
        idle = free_ns < 0 or start_ns > free_ns + self.costs.handoff_ns
        finish_ns = start_ns + self._service_ns(batch, busy, idle=idle)
        if 0 < self.costs.cores <= busy and not self.given:
            finish_ns = self._interrupted(start_ns, finish_ns, pool.batches)
        for row in batch:
            row.worker, row.start_ns, row.finish_ns = worker, start_ns, finish_ns
        pool.free_ns[worker] = finish_ns
        pool.busy_ns += finish_ns - start_ns
        pool.served += len(batch)
        pool.batches += 1
        pool.working[worker] = batch
        self._at(finish_ns, FINISH, pool.number, worker)
        if self.relayed and batch[0].piece.stage + 1 < len(self.plan.stages):
            self._note(batch[0], pool)

    def _note(self, row: _Row, pool: _Pool) -> None:
        """Once all slices of a stage have started, know which finishes last: its worker chooses the best."""
        query, stage = row.piece.query, row.piece.stage
        started = self.started.setdefault(query, [])
        started.append(row)
        if sum(each.piece.size for each in started) == self._size(query, stage):
            last = max(self.started.pop(query), key=lambda each: (each.finish_ns, each.worker))
            last.keeping_ns = self.costs.keeping_ns(self._size(query, stage))
            pool.free_ns[last.worker] += last.keeping_ns

    def _service_ns(self, batch: list[_Row], busy: int, *, idle: bool) -> int:
        piece = batch[0].piece
        if self.given:
            return self.given[piece.stage, piece.query, piece.start]
        table, items = self.work.tables[piece.stage, piece.pool], sum(row.piece.size for row in batch)
        mean_ns = float(table.mean_ns[busy - 1, items] * table.noise[self.buckets[items], batch[0].draw])
        return max(1, round(mean_ns)) + (self.costs.cold_ns if idle else 0)

    def _interrupted(self, start_ns: int, until: int, served: int) -> int:
        """Return when a batch is done that shares the cores with the dispatcher: each arrival holds one core up."""
        for query in range(bisect_right(self.arrivals, start_ns), len(self.arrivals)):
            if self.arrivals[query] > until:
                break
            if (query + served) % self.costs.cores == 0:
                until += self.costs.interrupt_ns
        return until

    def _finish(self, pool: _Pool, worker: int) -> None:
        """Take a batch back; the pool goes on, and the last slice of a stage moves its query on."""
        batch = pool.working.pop(worker)
        if batch[0].keeping_ns >= 0:
            self.merge.finish(batch[0].piece.query)
            done_ns = self.now + batch[0].keeping_ns
            self._at(done_ns, FINISH, pool.number, worker, 1)
            self._at(done_ns, RELAY, batch[0].piece.query, batch[0].piece.stage + 1)
            return
        self._free(pool, worker)
        for row in batch:
            piece = row.piece
            if self.feeding is not None:
                self._at(self.now, READY, piece.query, piece.stage, row.part)
            elif not self.merge.finish(piece.query):
                continue
            elif piece.stage + 1 < len(self.plan.stages):
                self._at(self.now, READY, piece.query, piece.stage)
            else:
                self.finish[piece.query] = self.now + self.costs.merge_ns

    def _free(self, pool: _Pool, worker: int) -> None:
        heapq.heappush(pool.idle, (self.now, worker))
        self._serve(pool)


def loads(trace: Trace, plan: Plan) -> Loads:
    """Return what `trace` asks of each stage of `plan`, which has no options that decide by the state of pools."""
    found = []
    for stage, most in zip(plan.stages, reach(plan), strict=True):
        query, _, items = split_all(np.minimum(trace.size, most), stage)
        offload_at = stage.offload_at or np.iinfo(np.int64).max
        whole = np.minimum(trace.size, most)[query] >= offload_at
        largest, offloaded = (int(items[side].max(initial=0)) for side in (~whole, whole))
        found.append(StageLoad(len(query), largest, offloaded))
    return found


def walk(trace: Trace, plan: Plan, work: Work, overheads: Overheads, *, slices: int) -> Walked:
    """Serve `trace` under `plan`; `slices` is how many rows to keep at most: all of them, or 0."""
    run = _Walk(trace, plan, work, overheads)
    run.run()
    rows = np.array([_columns(row, run.pools) for row in run.rows[:slices]], np.int64).reshape(-1, 9).T
    return Walked(
        np.array(run.dispatch, np.int64),
        np.array(run.finish, np.int64),
        np.ascontiguousarray(rows),
        _each(pool.busy_ns for pool in run.pools.values()),
        _each(pool.served for pool in run.pools.values()),
        _each(pool.batches for pool in run.pools.values()) if plan.dynamic else None,
        run.jobs if plan.feeds_early else None,
        run.relayed,
    )


def _each(counts: Iterable[int]) -> I64:
    return np.fromiter(counts, np.int64)


def _columns(row: _Row, pools: dict[str, _Pool]) -> tuple[int, ...]:
    query, stage, first, _, pool = row.piece
    return (
        *(query, stage, first, row.piece.size, pools[pool].number),
        *(row.worker, row.queued_ns, row.start_ns, row.finish_ns),
    )
