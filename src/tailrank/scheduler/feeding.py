"""Feeding: what goes on to the next stage when a slice is done, in plans whose stages feed early.

What a query becomes is known before it begins (`lay_out`), but for what follows a stage that feeds `exact`: how much
that is depends on scores, and on which slice is done last.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from tailrank.core.plan import Plan
from tailrank.core.query import Slice
from tailrank.scheduler.keep import kept
from tailrank.scheduler.route import route
from tailrank.scheduler.share import share

__all__ = ["Feeding", "Group", "Parts", "lay_out"]


class Parts(NamedTuple):
    """The slices of a query in one stage, its parts; sent to `pool`, `whole`: uncut, whatever their size.

    Part p has `size[p]` candidates from `first[p]` on, in the order in which they come from the stage before, and gives
    its best `gives[p]` to the next stage when it is done (empty where the stage feeds `whole`). What part j of the
    stage before gives is here the parts `group[j]` to `group[j + 1]` and begins at candidate `begin[j]`. `total`
    candidates are to be chosen among; where the stage before feeds `exact`, what it sends last comes after them.
    """

    pool: str
    whole: bool
    total: int
    first: tuple[int, ...]
    size: tuple[int, ...]
    gives: tuple[int, ...]
    group: tuple[int, ...]
    begin: tuple[int, ...]


class Group(NamedTuple):
    """Candidates that go to a stage together, and the slices they become there: parts `part` and following.

    They are the best `size` of part `source` of the stage before; -1: all that it keeps and did not send yet.
    """

    query: int
    stage: int
    source: int
    first: int
    size: int
    part: int
    slices: list[Slice]


def lay_out(plan: Plan, size: int) -> tuple[Parts, ...]:
    """Return the parts of a query of `size` candidates in each stage.

    A stage routes by all candidates it will choose among, so feeding early changes when they come, not where they go.
    """
    found: list[Parts] = []
    total, groups = kept(size, plan.take), [kept(size, plan.take)]
    for stage in plan.stages:
        pool = route(total, stage)
        whole = pool != stage.pool
        cuts = [_sizes(group, group if whole else stage.batch_size) for group in groups]
        sizes = [each for cut in cuts for each in cut]
        keep = kept(total, stage.keep)
        gives = [] if stage.feed == "whole" else share(keep, sizes)
        starts, begin, group = _before(sizes), _before(groups), list(accumulate(map(len, cuts), initial=0))
        found.append(Parts(pool, whole, total, *(tuple(each) for each in (starts, sizes, gives, group, begin))))
        total, groups = keep, gives or [keep]
    return tuple(found)


def _sizes(size: int, step: int) -> list[int]:
    """Return the sizes of slices of at most `step`."""
    return [min(step, size - first) for first in range(0, size, step)] if size else []


def _before(sizes: list[int]) -> list[int]:
    """Return the sum of the sizes before each."""
    return list(accumulate(sizes, initial=0))[:-1]


@dataclass
class _State:
    """Where a query is in a stage: parts still out, whether all that will come are done, parts whose best went on."""

    out: int = 0
    done: bool = False
    sent: list[int] = field(default_factory=list)


class Feeding:
    """Counts what is out of each query and says what goes on. Not aware of clocks, scores or threads: one caller.

    A stage is done when the stage before is and all its parts are; a query when its last stage is.
    `missing(query, stage, sent)` returns how many of the candidates that `stage` keeps are not among the best that its
    parts `sent` gave; asked of stages that feed `exact`, when they are done.
    """

    def __init__(self, plan: Plan, missing: Callable[[int, int, list[int]], int]) -> None:
        self._plan, self._missing = plan, missing
        self._lay_out = lru_cache(maxsize=1 << 12)(lambda size: lay_out(plan, size))
        self._parts: dict[int, tuple[Parts, ...]] = {}
        self._states: dict[int, list[_State]] = {}

    def __contains__(self, query: int) -> bool:
        """Return whether the query has begun and is not done."""
        return query in self._states

    def parts(self, query: int) -> tuple[Parts, ...]:
        """Return the parts of a query that has begun and is not done."""
        return self._parts[query]

    def begin(self, query: int, size: int) -> Group:
        """Return what a query of `size` candidates sends to the first stage."""
        self._parts[query] = self._lay_out(size)
        self._states[query] = [_State() for _ in self._plan.stages]
        parts = self._parts[query][0]
        return self._send(query, 0, -1, 0, parts.total, 0)

    def drop(self, query: int) -> None:
        """Forget a query: it failed."""
        self._states.pop(query, None)
        self._parts.pop(query, None)

    def done(self, query: int, stage: int, part: int) -> Group | None:
        """Take a part back and return what goes on, to whichever stage; of a query that is not there, nothing does."""
        if query not in self._states:
            return None
        self._states[query][stage].out -= 1
        return self._go_on(query, stage, part)

    def _go_on(self, query: int, stage: int, part: int) -> Group | None:
        """Return what goes on from `stage`, one of whose parts is done (-1: the stage before is)."""
        states, parts = self._states[query], self._parts[query]
        state, feed = states[stage], self._plan.stages[stage].feed
        state.done = state.out == 0 and (stage == 0 or states[stage - 1].done)
        if stage + 1 == len(states):
            if state.done:
                self.drop(query)
            return None
        following = parts[stage + 1]
        if state.done and feed == "whole":
            return self._send(query, stage + 1, -1, 0, following.total, 0)
        if state.done and feed == "exact":
            missing = self._missing(query, stage, state.sent)
            first, at = (following.total, len(following.first)) if state.sent else (0, 0)
            if missing:
                return self._send(query, stage + 1, -1, first, missing, at)
        elif part >= 0 and feed != "whole":
            gives = parts[stage].gives[part]
            if gives:
                state.sent.append(part)
                return self._send(query, stage + 1, part, following.begin[part], gives, following.group[part])
        return self._go_on(query, stage + 1, -1) if state.done else None

    def _send(self, query: int, stage: int, source: int, first: int, size: int, part: int) -> Group:
        parts, configured = self._parts[query][stage], self._plan.stages[stage]
        step = size if parts.whole else configured.batch_size
        stop = first + size
        slices = [Slice(query, stage, at, min(at + step, stop), parts.pool) for at in range(first, stop, step)]
        self._states[query][stage].out += len(slices)
        return Group(query, stage, source, first, size, part, slices)
