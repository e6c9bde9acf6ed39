"""Stages that feed early, served: which candidates go on when a part is done, and who they are at the end."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan
from tailrank.engine.parts_board import PartsBoard
from tailrank.scheduler import Feeding, Group, chosen, keep, kept

__all__ = ["Course", "Sending"]

I64 = NDArray[np.int64]
F32 = NDArray[np.float32]


class Sending(NamedTuple):
    """A group of candidates for a stage: their positions in the query, ascending (None: all from the first on).

    `ticket` is what the board is told when their first slice is done, one more for each that follows.
    """

    query: int
    stage: int
    pool: str
    first: int
    size: int
    step: int
    ticket: int
    candidates: I64 | None


class Course:
    """What becomes of every query of a run whose stages feed early; the dispatcher's alone.

    `size` (n,) are the candidates that each query has. Stages overlap, so each has scores of its own: those of query q
    in a stage begin at `bases[stage][q]`. Where a stage feeds `exact`, the next has room for as many again.
    """

    def __init__(self, plan: Plan, size: I64, board: PartsBoard) -> None:
        self._plan, self._size, self._board = plan, size, board
        self._feeding = Feeding(plan, self._missing)
        self._span = 2 * int(size.max(initial=1)) + 2  # parts of a stage: fewer
        self._room: list[I64] = []
        self.bases: list[I64] = []
        filled, total, guessed = 0, size, False
        for stage in plan.stages:
            room = total * (2 if guessed else 1)
            self._room.append(room)
            self.bases.append(np.concatenate([[0], np.cumsum(room)]) + filled)
            filled, guessed = filled + int(room.sum()), stage.feed == "exact"
            total = total if stage.keep is None else np.minimum(total, stage.keep)
        self.scores = np.zeros(filled, dtype=np.float32)
        # By query and stage after the first: who its candidates are, as they came; -1 where nobody is, or in vain.
        self._who: dict[int, list[I64]] = {}
        self._rest: I64 = np.empty(0, np.int64)

    def begin(self, query: int) -> Sending:
        """Return what a query sends to the first stage."""
        self._who[query] = [np.full(room[query], -1) for room in self._room[1:]]
        return self._sending(self._feeding.begin(query, int(self._size[query])), None)

    def wait(self, timeout_ns: int) -> Iterator[Sending]:
        """Wait until parts are done or the time is up, and yield what goes on."""
        for query, ticket in self._board.wait(timeout_ns):
            if not self._board.live(query):
                self._feeding.drop(query)
                continue
            group = self._feeding.done(query, *divmod(ticket, self._span))
            if group is not None:
                yield self._sending(group, self._fill(group))
            elif query not in self._feeding:
                self._board.finish(query)

    def answer(self, query: int) -> tuple[I64, F32]:
        """Return the candidates of a query that is done, best first, and their scores."""
        last = len(self._plan.stages) - 1
        who, scores = self._standing(query, last)
        best = keep(scores, kept(len(scores), self._plan.stages[last].keep))
        return who[best], scores[best]

    def _sending(self, group: Group, candidates: I64 | None) -> Sending:
        head = group.slices[0]
        ticket = group.stage * self._span + group.part
        return Sending(
            *(group.query, group.stage, head.pool, group.first, group.size, head.size, ticket), candidates=candidates
        )

    def _fill(self, group: Group) -> I64:
        """Return who goes on, and note it."""
        before = group.stage - 1
        if group.source >= 0:
            parts = self._feeding.parts(group.query)[before]
            first, size = parts.first[group.source], parts.size[group.source]
            best = first + chosen(self._scores(group.query, before)[first : first + size], group.size)
            candidates = best if before == 0 else self._who[group.query][before - 1][best]
        elif self._plan.stages[before].feed == "exact":
            candidates = self._rest
        else:
            candidates = self._best(group.query, before)
        self._who[group.query][before][group.first : group.first + group.size] = candidates
        return candidates

    def _missing(self, query: int, stage: int, _: list[int]) -> int:
        """Note who of the best of a stage was not sent; who was sent in vain is nobody from now on."""
        best, sent = self._best(query, stage), self._who[query][stage]
        sent[~np.isin(sent, best)] = -1
        self._rest = np.setdiff1d(best, sent, assume_unique=False)
        return len(self._rest)

    def _best(self, query: int, stage: int) -> I64:
        """Return who is kept by a stage that is done, ascending."""
        who, scores = self._standing(query, stage)
        return who[chosen(scores, kept(len(scores), self._plan.stages[stage].keep))]

    def _standing(self, query: int, stage: int) -> tuple[I64, F32]:
        """Return who is in a stage, ascending, and their scores."""
        scores = self._scores(query, stage)
        if stage == 0:
            return np.arange(len(scores)), scores
        who = self._who[query][stage - 1]
        order = np.argsort(who, kind="stable")[np.count_nonzero(who < 0) :]
        return who[order], scores[order]

    def _scores(self, query: int, stage: int) -> F32:
        base = int(self.bases[stage][query])
        return self.scores[base : base + int(self._room[stage][query])]
