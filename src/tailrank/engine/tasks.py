"""What waits in front of Python threads: slices one by one, or gathered into batches of several queries."""

from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Condition
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tailrank.scheduler import gather

__all__ = ["GatheredTasks", "SingleTasks", "Task", "Tasks"]

I64 = NDArray[np.int64]


class Task(NamedTuple):
    """A slice on its way to a worker: its rows in the prepared candidates (None: the run from `row`).

    `told` is what the board is told that is done: the stage, or a part of one (see `PartsBoard`).
    """

    query: int
    stage: int
    first: int
    stop: int
    row: int
    rows: I64 | None
    deadline_ns: int
    queued_ns: int
    expected_ns: int
    told: int


class Tasks(Protocol):
    """A first-in, first-out queue between the dispatcher and the workers of a pool."""

    def put(self, task: Task) -> None:
        """Queue a slice."""
        ...

    def take(self) -> tuple[Task, ...]:
        """Wait for the next batch; empty when the queue is closed."""
        ...

    def waiting(self) -> int:
        """Return about how many slices wait."""
        ...

    def close(self) -> None:
        """Let workers go home; what waits may be dropped."""
        ...


class SingleTasks:
    """Every slice is a batch of its own."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Task | None] = SimpleQueue()
        self.put, self.waiting = self._queue.put, self._queue.qsize

    def take(self) -> tuple[Task, ...]:
        """Wait for the next slice."""
        task = self._queue.get()
        if task is None:
            self._queue.put(None)  # for the next worker
            return ()
        return (task,)

    def close(self) -> None:
        """Queue the end, behind what waits."""
        self._queue.put(None)


class GatheredTasks:
    """Slices that share batches as `scheduler.gather` says; `waits_ns` -1: the slices of that stage share none."""

    def __init__(self, limits: tuple[int, ...], waits_ns: tuple[int, ...], now_ns: Callable[[], int]) -> None:
        self._limits, self._waits_ns, self._now_ns = limits, waits_ns, now_ns
        self._changed = Condition()
        self._queue: deque[Task] = deque()  # under the condition's lock
        self._closed = False  # under the condition's lock

    def put(self, task: Task) -> None:
        """Queue a slice; a worker that waits for a batch to fill looks again."""
        with self._changed:
            self._queue.append(task)
            self._changed.notify()

    def take(self) -> tuple[Task, ...]:
        """Wait until the batch at the head may leave, and take it."""
        with self._changed:
            while not self._closed:
                if not self._queue:
                    self._changed.wait()
                    continue
                count, leave_ns = self._head()
                left_ns = leave_ns - self._now_ns()
                if left_ns <= 0:
                    batch = tuple(self._queue.popleft() for _ in range(count))
                    if self._queue:
                        self._changed.notify()  # what is left may leave, too
                    return batch
                self._changed.wait(left_ns * 1e-9)
        return ()

    def _head(self) -> tuple[int, int]:
        stage = self._queue[0].stage
        if self._waits_ns[stage] < 0:
            return 1, 0
        waiting = ((task.stage, task.stop - task.first, task.queued_ns) for task in self._queue)
        return gather(waiting, self._limits[stage], self._waits_ns[stage])

    def waiting(self) -> int:
        """Return how many slices wait."""
        return len(self._queue)

    def close(self) -> None:
        """Send workers home at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
