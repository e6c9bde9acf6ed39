"""The state of one run: what came back, and the arrays the records are made of."""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Records, SliceRecords, Trace, stream
from tailrank.engine.board import Board, ThreadBoard
from tailrank.engine.clock import WallClock
from tailrank.engine.crew import Crew
from tailrank.engine.scorer import Scorer
from tailrank.engine.watch import Watch
from tailrank.native import extension
from tailrank.scheduler import keep, kept

__all__ = ["Run", "Scorers"]

Scorers = dict[tuple[int, str], Scorer]  # by stage and pool


@dataclass(eq=False)
class Run:
    """Everything the dispatcher and the crews of one run share; `native_board` where a native crew reports to it."""

    trace: Trace
    plan: Plan
    scorers: Scorers
    seed: int
    native_board: bool = False
    clock: WallClock = field(default_factory=WallClock)

    def __post_init__(self) -> None:
        count = len(self.trace)
        self.dispatch_ns = np.full(count, -1, dtype=np.int64)
        self.finish_ns = np.full(count, -1, dtype=np.int64)
        self.base = np.concatenate([[0], np.cumsum(self.trace.size)]).astype(np.int64)
        self.scores = np.zeros(self.trace.items, dtype=np.float32)
        self.row = self._rows()
        board_of = extension.core().Board if self.native_board else ThreadBoard
        self.board: Board = board_of(self.finish_ns)
        self.crews: dict[str, Crew] = {}
        self.watch: Watch | None = None  # for plans that decide by the state of the pools
        self.meta: dict[str, float] = {}
        self.kept: dict[int, NDArray[np.int64]] = {}  # candidates of a query that an earlier stage kept

    def _rows(self) -> NDArray[np.int64]:
        """Draw where each query's candidates begin among the prepared rows: consecutive queries differ."""
        room = min(scorer.rows for scorer in self.scorers.values()) - self.trace.size + 1
        return (stream(self.seed, "rows").random(len(self.trace)) * room).astype(np.int64)

    def begin(self, lead_ns: int) -> None:
        """Let time begin `lead_ns` from now."""
        self.clock.origin_ns = self.board.origin_ns = time.perf_counter_ns() + lead_ns

    def best(self, query: int, stage: int) -> NDArray[np.int64]:
        """Return the candidates of `query` (positions within it) that `stage` keeps, best first."""
        before = self.kept.get(query)
        size = int(self.trace.size[query]) if before is None else len(before)
        base = int(self.base[query])
        chosen = keep(self.scores[base : base + size], kept(size, self.plan.stages[stage].keep))
        return chosen if before is None else before[chosen]

    def records(self, unfinished: str) -> Records:
        """Return what happened; call when the crews have stopped. A query still live then failed as `unfinished`."""
        tables = [np.empty((0, 9), dtype=np.int64)]
        for number, (name, crew) in enumerate(self.crews.items()):
            tables.append(np.insert(crew.served(), 4, number, axis=1))
            self.meta |= {f"cpu_ns.{name}.{worker}": float(cpu_ns) for worker, cpu_ns in enumerate(crew.cpu_ns())}
        table = np.concatenate(tables)
        table = table[np.lexsort((table[:, 2], table[:, 0], table[:, 6]))]
        query, stage, first, size, pool, worker, queued, start, finish = map(np.ascontiguousarray, table.T)
        slices = SliceRecords(query, stage, first, size, pool, worker, queued, start, finish, tuple(self.crews))
        errors = self.board.errors()
        for number in np.flatnonzero(self.finish_ns < 0).tolist():
            errors.setdefault(number, unfinished)
        return Records(
            self.trace.arrival_ns, self.trace.size, self.dispatch_ns, self.finish_ns, slices, errors, self.meta
        )
