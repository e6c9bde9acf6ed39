"""A crew of Python threads: take a batch, score it, note the times, merge. Serves any scorer on any device."""

import os
import threading
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.engine.crew import Assignment
from tailrank.engine.scorer import Scorer
from tailrank.engine.tasks import GatheredTasks, SingleTasks, Task, Tasks
from tailrank.scheduler import Choice, remaining_ns

__all__ = ["ThreadCrew"]

I64 = NDArray[np.int64]


class Served(NamedTuple):
    """What a worker notes down about a batch."""

    batch: tuple[Task, ...]
    start_ns: int
    finish_ns: int


class Hands(NamedTuple):
    """What a worker took so far (slices and their expected time), and its batch: since when (-1: none), how long."""

    slices: int = 0
    work_ns: int = 0
    since_ns: int = -1
    expected_ns: int = 0


class ThreadCrew:
    """The plain pool: threads over a queue of slices. Where it is `watched`, it knows its state."""

    def __init__(self, work: Assignment) -> None:
        self._work = work
        self._tasks: Tasks = GatheredTasks(work.limits, work.waits_ns, self._now_ns) if work.shared else SingleTasks()
        self._ready = threading.Barrier(work.workers + 1)
        self._refused: list[BaseException] = []  # what workers raised before their first slice
        self._stopping = False
        self._logs: list[list[Served]] = [[] for _ in range(work.workers)]
        self._told = [0] * work.workers  # by worker: entries of its log that `fresh` has returned
        self._cpu_ns = [0] * work.workers
        self._row = work.row.tolist()
        self._bases = [base.tolist() for base in work.bases] or [work.base.tolist()] * len(work.scorers)
        self._fixed = [Choice(work.pool, step) for step in work.steps]  # by stage: what no decision was needed for
        # What was queued is the dispatcher's to write, each worker's hands its own, by one assignment: whatever is
        # read in between, a slice either waits or is in hand.
        self._queued_slices = self._queued_ns = 0
        self._hands = [Hands()] * work.workers
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
        return self.submit_as(query, stage, size, rows, deadline_ns, self._fixed[stage])

    def submit_as(
        self,
        query: int,
        stage: int,
        size: int,
        rows: I64 | None,
        deadline_ns: int,
        choice: Choice,
        *,
        begin: int = 0,
        ticket: int = -1,
    ) -> bool:
        """Queue the slices of a query's stage as a decision cut them.

        Where stages feed early they are some of the stage's only: its candidates from `begin` on; and the board is told
        that `ticket` is done of the first of them, one more of each that follows.
        """
        work, step, put = self._work, choice.step, self._tasks.put
        slices = -(-size // step)
        if self._tasks.waiting() + slices > work.queue_limit:
            return False
        work.board.expect(query, slices)
        row, origin_ns, expected_ns = self._row[query], work.board.origin_ns, choice.slice_ns
        self._queued_slices += slices
        self._queued_ns += (slices - 1) * choice.slice_ns + choice.last_ns
        for number, first in enumerate(range(0, size, step)):
            stop = min(first + step, size)
            told = stage if ticket < 0 else ticket + number
            part = None if rows is None else rows[first:stop]
            if stop == size:
                expected_ns = choice.last_ns
            queued_ns = time.perf_counter_ns() - origin_ns
            put(Task(query, stage, begin + first, begin + stop, row, part, deadline_ns, queued_ns, expected_ns, told))
        return True

    def idle(self) -> int:
        """Return how many workers have nothing to do, and no slice waits for them."""
        hands = list(self._hands)
        busy = sum(each.since_ns >= 0 for each in hands)
        waiting = self._queued_slices - sum(each.slices for each in hands)
        return max(0, self._work.workers - busy - waiting)

    def work_ns(self) -> int:
        """Return the expected work that waits or is in hand."""
        now_ns, hands = self._now_ns(), list(self._hands)
        waiting_ns = self._queued_ns - sum(each.work_ns for each in hands)
        in_hand = (remaining_ns(each.expected_ns, now_ns - each.since_ns) for each in hands if each.since_ns >= 0)
        return waiting_ns + sum(in_hand)

    def fresh(self) -> list[tuple[int, int, int]]:
        """Return (stage, candidates, time) of the batches served since the last call."""
        found = []
        for number, log in enumerate(self._logs):
            for batch, start_ns, finish_ns in log[self._told[number] :]:
                self._told[number] += 1
                found.append((batch[0].stage, sum(t.stop - t.first for t in batch), finish_ns - start_ns))
        return found

    def stop(self) -> None:
        """Drop what waits and join the threads."""
        self._stopping = True
        self._tasks.close()
        self._ready.abort()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def served(self) -> I64:
        """Return a row for each slice served, worker by worker."""
        rows = [
            (t.query, t.stage, t.first, t.stop - t.first, number, t.queued_ns, start_ns, finish_ns)
            for number, log in enumerate(self._logs)
            for batch, start_ns, finish_ns in log
            for t in batch
        ]
        return np.array(rows, dtype=np.int64).reshape(-1, 8)

    def cpu_ns(self) -> list[int]:
        """Return the processor time of each worker."""
        return self._cpu_ns

    def _now_ns(self) -> int:
        return time.perf_counter_ns() - self._work.board.origin_ns

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
        take, log, watched = self._tasks.take, self._logs[number], work.watched
        while batch := take():
            if watched:
                self._take_in_hand(number, batch)
            if not self._stopping:
                self._serve(batch, log)
            if watched:
                before = self._hands[number]
                self._hands[number] = Hands(before.slices, before.work_ns)
        self._cpu_ns[number] = time.thread_time_ns() - began_ns

    def _take_in_hand(self, number: int, batch: tuple[Task, ...]) -> None:
        before, expected_ns = self._hands[number], sum(task.expected_ns for task in batch)
        slices, work_ns = before.slices + len(batch), before.work_ns + expected_ns
        self._hands[number] = Hands(slices, work_ns, self._now_ns(), expected_ns)

    def _serve(self, batch: tuple[Task, ...], log: list[Served]) -> None:
        work, board = self._work, self._work.board
        origin_ns, scorer = board.origin_ns, work.scorers[batch[0].stage]
        assert scorer is not None
        start_ns = time.perf_counter_ns() - origin_ns
        if len(batch) > 1:
            batch = tuple(task for task in batch if self._on_time(task, start_ns))
            if not batch:
                return
        elif not self._on_time(batch[0], start_ns):
            return
        try:
            self._score(scorer, batch)
        except Exception as error:  # a model that raises fails its query, never the run, nor who shared its batch
            if len(batch) == 1:
                board.fail(batch[0].query, f"{type(error).__name__}: {error}")
            else:
                for task in batch:
                    self._serve((task,), log)
            return
        log.append(Served(batch, start_ns, time.perf_counter_ns() - origin_ns))
        for task in batch:
            board.slice_done(task.query, task.told, task.stage == len(work.scorers) - 1)

    def _on_time(self, task: Task, start_ns: int) -> bool:
        board = self._work.board
        if start_ns > task.deadline_ns and board.live(task.query):
            board.fail(task.query, "deadline passed")
        return board.live(task.query)

    def _score(self, scorer: Scorer, batch: tuple[Task, ...]) -> None:
        """Score a batch and put each slice's scores where its query has them."""
        if len(batch) == 1:
            (task,) = batch
            if task.rows is None:
                scores = scorer.score(task.row + task.first, task.row + task.stop)
            else:
                scores = scorer.score_rows(task.rows)
            base = self._bases[task.stage][task.query]
            self._work.scores[base + task.first : base + task.stop] = scores
            return
        scores, done = scorer.score_rows(np.concatenate([_rows(task) for task in batch])), 0
        for task in batch:
            base, size = self._bases[task.stage][task.query], task.stop - task.first
            self._work.scores[base + task.first : base + task.stop] = scores[done : done + size]
            done += size


def _rows(task: Task) -> I64:
    """Return a slice's rows among the prepared candidates, shape (size,)."""
    return np.arange(task.row + task.first, task.row + task.stop) if task.rows is None else task.rows
