"""The state of one run: what came back, and the arrays the records are made of."""

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Records, SliceRecords, Trace, stream
from tailrank.engine.board import Board, ThreadBoard
from tailrank.engine.clock import WallClock
from tailrank.engine.crew import Crew
from tailrank.engine.early import Course
from tailrank.engine.parts_board import PartsBoard
from tailrank.engine.scorer import Scorer
from tailrank.engine.watch import Watch
from tailrank.native import extension
from tailrank.scheduler import chosen, keep, kept

__all__ = ["Answer", "Run", "Scorers", "taken"]

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
Scorers = dict[tuple[int, str], Scorer]  # by stage and pool


class Answer(NamedTuple):
    """What a query gets: its best candidates (positions in the query), best first, and their scores; shape (k,).

    The scores are the last stage's. A query that failed gets none.
    """

    candidates: I64
    scores: F32


def taken(trace: Trace, plan: Plan) -> Trace:
    """Return `trace` with the candidates that `plan` takes of each query."""
    return trace if plan.take is None else Trace(trace.arrival_ns, np.minimum(trace.size, plan.take))


@dataclass(eq=False)
class Run:
    """Everything the dispatcher and the crews of one run share; `native_board` where a native crew reports to it.

    Where `relayed`, native workers send queries on from stage to stage, and it has a `relay`, which remembers what
    queries kept if they are to be `answered`. Else the dispatcher does, by `send_on`. Query q takes the prepared rows
    from `starts[q]` on; where none are given, rows are drawn by `seed`.
    """

    trace: Trace
    plan: Plan
    scorers: Scorers
    seed: int
    native_board: bool = False
    starts: I64 | None = None
    relayed: bool = False
    answered: bool = True
    clock: WallClock = field(default_factory=WallClock)

    def __post_init__(self) -> None:
        count = len(self.trace)
        self.dispatch_ns = np.full(count, -1, dtype=np.int64)
        self.finish_ns = np.full(count, -1, dtype=np.int64)
        self.taken = taken(self.trace, self.plan)
        self.size = self.taken.size
        self.base = np.concatenate([[0], np.cumsum(self.size)]).astype(np.int64)
        self.row = self._rows() if self.starts is None else self._checked(self.starts)
        self.course: Course | None = None  # for plans whose stages feed early
        if self.plan.feeds_early:
            parts = PartsBoard(self.finish_ns)
            self.board: Board = parts
            self.course = Course(self.plan, self.size, parts)
            self.scores = self.course.scores
        else:
            self.board = extension.core().Board(self.finish_ns) if self.native_board else ThreadBoard(self.finish_ns)
            self.scores = np.zeros(int(self.base[-1]), dtype=np.float32)
        self.relay: Any = self._relay() if self.relayed else None
        self.crews: dict[str, Crew] = {}
        self.watch: Watch | None = None  # for plans that decide by the state of the pools
        self.meta: dict[str, float] = {}
        self.kept: dict[int, I64] = {}  # candidates of a query that an earlier stage kept, ascending

    def _relay(self) -> Any:
        keeps = [-1 if stage.keep is None else stage.keep for stage in self.plan.stages]
        return extension.core().Relay(self.board, self.base, self.row, self.scores, keeps, self.answered)

    def _rows(self) -> I64:
        """Draw where each query's candidates begin among the prepared rows: consecutive queries differ."""
        room = self._prepared() - self.size + 1
        return (stream(self.seed, "rows").random(len(self.trace)) * room).astype(np.int64)

    def _checked(self, starts: I64) -> I64:
        if np.shape(starts) != (len(self.trace),) or not np.issubdtype(np.asarray(starts).dtype, np.integer):
            raise BadInputError(
                f"starts: {np.asarray(starts).dtype} of shape {np.shape(starts)} for {len(self.trace)} queries",
                hint="give the prepared row where each query's candidates begin: integers, one a query",
            )
        row = np.ascontiguousarray(starts, dtype=np.int64)
        bad = np.flatnonzero((row < 0) | (row + self.size > self._prepared()))
        if len(bad):
            first, last = int(row[bad[0]]), int(row[bad[0]] + self.size[bad[0]]) - 1
            raise BadInputError(
                f"starts: query {bad[0]} has its candidates at rows {first} to {last}",
                hint=f"rows run from 0 to {self._prepared() - 1}",
            )
        return row

    def _prepared(self) -> int:
        """Return how many rows every scorer has."""
        return min((scorer.rows for scorer in self.scorers.values()), default=0)

    def begin(self, lead_ns: int) -> None:
        """Let time begin `lead_ns` from now."""
        self.clock.origin_ns = self.board.origin_ns = time.perf_counter_ns() + lead_ns

    def send_on(self, query: int, stage: int) -> I64:
        """Return the candidates of `query` (positions within it, ascending) that `stage` keeps, and remember them.

        They go on in their own order, so that ties in a later stage, too, go to the candidate retrieved earlier.
        """
        before = self.kept.get(query)
        scores = self._scores(query, before)
        best = chosen(scores, kept(len(scores), self.plan.stages[stage].keep))
        self.kept[query] = passed = best if before is None else before[best]
        return passed

    def answer(self, query: int) -> Answer:
        """Return what a query that is through its last stage gets."""
        if self.course is not None:
            return Answer(*self.course.answer(query))
        before = self.kept.get(query) if self.relay is None else self.relay.kept(query)
        scores = self._scores(query, before)
        best = keep(scores, kept(len(scores), self.plan.stages[-1].keep))
        return Answer(best if before is None else before[best], scores[best])

    def answers(self) -> list[Answer]:
        """Return every query's answer; call when the crews have stopped."""
        none = Answer(np.empty(0, np.int64), np.empty(0, np.float32))
        return [self.answer(number) if end >= 0 else none for number, end in enumerate(self.finish_ns.tolist())]

    def _scores(self, query: int, before: I64 | None) -> F32:
        """Return the scores of the query's candidates in the stage it was last in; `before` are those kept for it."""
        base = int(self.base[query])
        return self.scores[base : base + (int(self.size[query]) if before is None else len(before))]

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
