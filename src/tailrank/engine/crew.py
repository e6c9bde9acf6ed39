"""A crew: the workers of one pool of the plan, and the little the dispatcher asks of them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tailrank.engine.board import Board
from tailrank.engine.scorer import Scorer

__all__ = ["Assignment", "Crew"]

I64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Assignment:
    """What a crew is to do in a run: its pool's stages, and the arrays it reads and writes.

    `scorers` and `steps` go by stage: None and 0 where the stage does not come to this pool. A step is the most
    candidates in a slice; of what is offloaded, as many as a query may have: it stays whole. Query q has its
    candidates at `base[q]` of `scores` and, in a first stage, at `row[q]` of the prepared rows. Worker i runs on
    `cores[i]` alone; none: anywhere. At most `queue_limit` slices wait. Where slices may share batches, `limits` and
    `waits_ns` say for each stage how many candidates a batch has at most and how long it may wait to fill (-1: none is
    shared). Where `watched`, the crew keeps track of its state for decisions. `bases`, where there are any, stand for
    `base` stage by stage: stages that overlap have scores of their own.
    """

    pool: str
    workers: int
    scorers: tuple[Scorer | None, ...]
    steps: tuple[int, ...]
    board: Board
    base: I64
    row: I64
    scores: NDArray[np.float32]
    cores: tuple[int, ...]
    queue_limit: int
    limits: tuple[int, ...] = ()
    waits_ns: tuple[int, ...] = ()
    watched: bool = False
    bases: tuple[I64, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether slices of several queries may share a batch."""
        return any(wait_ns >= 0 for wait_ns in self.waits_ns)


class Crew(Protocol):
    """Workers that take slices first in, first out, score them and report to the board."""

    def start(self) -> None:
        """Return once every worker is ready to take a slice; raises what a worker's preparation raised."""
        ...

    def submit(self, query: int, stage: int, size: int, rows: I64 | None, deadline_ns: int) -> bool:
        """Queue a query's stage in slices, as `scheduler.split` cuts it; False: refused, too many slices wait.

        `rows` are the prepared rows an earlier stage kept. Slices not started by `deadline_ns` fail the query.
        """
        ...

    def stop(self) -> None:
        """Drop what waits, and join the workers once they have done the slices they are at."""
        ...

    def served(self) -> I64:
        """After `stop`, return a row for each slice served, in any order, shape (m, 8).

        Its columns are query, stage, first, size, worker, queued_ns, start_ns, finish_ns.
        """
        ...

    def cpu_ns(self) -> list[int]:
        """After `stop`, return the processor time of each worker."""
        ...
