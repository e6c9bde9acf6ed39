"""A crew of Python threads: take a slice, score it, note the times, merge. Serves any scorer on any device."""

import os
import threading
import time
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.engine.crew import Assignment
from tailrank.engine.scorer import Scorer

__all__ = ["ThreadCrew"]

I64 = NDArray[np.int64]


class Task(NamedTuple):
    """A slice on its way to a worker: its rows in the prepared candidates (None: the run from `row`)."""

    query: int
    stage: int
    first: int
    stop: int
    row: int
    rows: I64 | None
    deadline_ns: int
    queued_ns: int


class Served(NamedTuple):
    """What a worker notes down about a slice."""

    task: Task
    start_ns: int
    finish_ns: int


class ThreadCrew:
    """The plain pool: threads over a `SimpleQueue` of slices."""

    def __init__(self, work: Assignment) -> None:
        self._work = work
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self._ready = threading.Barrier(work.workers + 1)
        self._refused: list[BaseException] = []  # what workers raised before their first slice
        self._stopping = False
        self._logs: list[list[Served]] = [[] for _ in range(work.workers)]
        self._cpu_ns = [0] * work.workers
        self._base, self._row = work.base.tolist(), work.row.tolist()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), name=f"{work.pool}-{number}", daemon=True)
            for number in range(work.workers)
        ]

    def start(self) -> None:
        """Return once each thread is ready to take a slice."""
        for thread in self._threads:
            thread.start()
        try:
            self._ready.wait()
        except threading.BrokenBarrierError:
            raise self._refused[0] from None

    def submit(self, query: int, stage: int, size: int, rows: I64 | None, deadline_ns: int) -> bool:
        """Queue the slices of a query's stage, one by one."""
        work, step = self._work, self._work.steps[stage]
        slices = -(-size // step)
        if self._queue.qsize() + slices > work.queue_limit:
            return False
        work.board.expect(query, slices)
        row, origin_ns, put = self._row[query], work.board.origin_ns, self._queue.put
        for first in range(0, size, step):
            stop = min(first + step, size)
            part = None if rows is None else rows[first:stop]
            put(Task(query, stage, first, stop, row, part, deadline_ns, time.perf_counter_ns() - origin_ns))
        return True

    def stop(self) -> None:
        """Drop what waits and join the threads."""
        self._stopping = True
        for _ in self._threads:
            self._queue.put(None)
        self._ready.abort()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def served(self) -> I64:
        """Return a row for each slice served, worker by worker."""
        rows = [
            (t.query, t.stage, t.first, t.stop - t.first, number, t.queued_ns, start_ns, finish_ns)
            for number, log in enumerate(self._logs)
            for t, start_ns, finish_ns in log
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, 8)

    def cpu_ns(self) -> list[int]:
        """Return the processor time of each worker."""
        return self._cpu_ns

    def _run(self, number: int) -> None:
        work = self._work
        try:
            if work.cores:
                os.sched_setaffinity(0, {work.cores[number]})
            for scorer in {id(scorer): scorer for scorer in work.scorers if scorer is not None}.values():
                scorer.prepare()
            self._ready.wait()
        except threading.BrokenBarrierError:
            return  # another worker could not get ready, or the run ends before it began
        except BaseException as error:
            self._refused.append(error)
            self._ready.abort()
            return
        began_ns = time.thread_time_ns()
        while (task := self._queue.get()) is not None:
            if not self._stopping and work.board.live(task.query):
                self._serve(task, self._logs[number])
        self._cpu_ns[number] = time.thread_time_ns() - began_ns

    def _serve(self, task: Task, log: list[Served]) -> None:
        work, board = self._work, self._work.board
        origin_ns, scorer = board.origin_ns, work.scorers[task.stage]
        assert scorer is not None
        start_ns = time.perf_counter_ns() - origin_ns
        if start_ns > task.deadline_ns:
            board.fail(task.query, "deadline passed")
            return
        try:
            self._score(scorer, task)
        except Exception as error:  # a model that raises fails its query, never the run
            board.fail(task.query, f"{type(error).__name__}: {error}")
            return
        log.append(Served(task, start_ns, time.perf_counter_ns() - origin_ns))
        board.slice_done(task.query, task.stage, task.stage == len(work.scorers) - 1)

    def _score(self, scorer: Scorer, task: Task) -> None:
        if task.rows is None:
            scores = scorer.score(task.row + task.first, task.row + task.stop)
        else:
            scores = scorer.score_rows(task.rows)
        base = self._base[task.query]
        self._work.scores[base + task.first : base + task.stop] = scores
