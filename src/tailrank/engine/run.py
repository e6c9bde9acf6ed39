"""The state of one run: what is out, what came back, and the arrays the records are made of."""

import threading
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Records, SliceRecords, Trace, stream
from tailrank.engine.clock import WallClock
from tailrank.engine.scorer import Scorer
from tailrank.scheduler import Merge, keep, kept

__all__ = ["Run", "StageDone", "Task"]


class Task(NamedTuple):
    """A slice on its way to a worker: its rows in the prepared candidates (None: the run from `row`)."""

    query: int
    stage: int
    first: int
    stop: int
    row: int
    rows: NDArray[np.int64] | None
    queued_ns: int


class StageDone(NamedTuple):
    """A query that finished `stage` and goes on to the next."""

    query: int
    stage: int


class Worked(NamedTuple):
    """What a worker notes down about a slice."""

    task: Task
    start_ns: int
    finish_ns: int


@dataclass(eq=False)
class Run:
    """Everything the dispatcher and the workers of one run share. Guarded by `lock` where it says so."""

    trace: Trace
    plan: Plan
    scorers: dict[str, Scorer]
    clock: WallClock
    seed: int

    def __post_init__(self) -> None:
        count = len(self.trace)
        self.queues: dict[str, SimpleQueue[Task | None]] = {name: SimpleQueue() for name in self.plan.pools}
        self.inbox: SimpleQueue[StageDone] = SimpleQueue()
        self.lock = threading.Lock()
        self.merge = Merge()  # under lock
        self.errors: dict[int, str] = {}  # under lock
        self.left = count  # under lock: queries not yet finished or failed
        self.idle = threading.Event()
        self.stopping = False
        self.dispatch_ns = np.full(count, -1, dtype=np.int64)
        self.finish_ns = np.full(count, -1, dtype=np.int64)
        self.base = np.concatenate([[0], np.cumsum(self.trace.size)]).tolist()
        self.scores = np.zeros(self.trace.items, dtype=np.float32)
        self.worked: list[tuple[str, int, list[Worked]]] = []
        self.meta: dict[str, float] = {}
        self.row = self._rows().tolist()
        self.kept: dict[int, NDArray[np.int64]] = {}  # candidates of a query that an earlier stage kept
        if count == 0:
            self.idle.set()

    def _rows(self) -> NDArray[np.int64]:
        """Draw where each query's candidates begin among the prepared rows: consecutive queries differ."""
        room = min(scorer.rows for scorer in self.scorers.values()) - self.trace.size + 1
        return (stream(self.seed, "rows").random(len(self.trace)) * room).astype(np.int64)

    def fail(self, query: int, reason: str) -> None:
        """Give `query` up; the first reason stays."""
        with self.lock:
            if query not in self.errors and self.finish_ns[query] < 0:
                self.errors[query] = reason
                self.merge.drop(query)
                self._one_less()

    def _one_less(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.idle.set()

    def slice_done(self, task: Task) -> None:
        """Merge one slice; the last one of the last stage finishes the query."""
        with self.lock:
            last = self.merge.finish(task.query)
            if not last:
                return
            if task.stage == len(self.plan.stages) - 1:
                self.finish_ns[task.query] = self.clock.now_ns()
                self._one_less()
                return
        self.inbox.put(StageDone(task.query, task.stage))

    def best(self, query: int, stage: int) -> NDArray[np.int64]:
        """Return the candidates of `query` (positions within it) that `stage` keeps, best first."""
        before = self.kept.get(query)
        size = int(self.trace.size[query]) if before is None else len(before)
        base = self.base[query]
        chosen = keep(self.scores[base : base + size], kept(size, self.plan.stages[stage].keep))
        return chosen if before is None else before[chosen]

    def records(self) -> Records:
        """Return what happened; call when the workers have stopped."""
        names = tuple(self.plan.pools)
        rows = [
            (t.query, t.stage, t.first, t.stop - t.first, names.index(name), number, t.queued_ns, start, finish)
            for name, number, log in self.worked
            for t, start, finish in log
        ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 9)
        table = table[np.lexsort((table[:, 2], table[:, 0], table[:, 6]))]
        query, stage, first, size, pool, worker, queued, start, finish = map(np.ascontiguousarray, table.T)
        slices = SliceRecords(query, stage, first, size, pool, worker, queued, start, finish, names)
        return Records(
            self.trace.arrival_ns, self.trace.size, self.dispatch_ns, self.finish_ns, slices, self.errors, self.meta
        )
