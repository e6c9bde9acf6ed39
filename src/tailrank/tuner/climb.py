"""DeepRecSched's climb: the batch size first, then the offload threshold.

Two things differ from the published scheduler, on purpose: every listed value is measured, so one noisy
reading (or a dip before the optimum) ends nothing; and "no offload" is always a candidate.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tailrank.core import BadInputError, InfeasibleError, Plan
from tailrank.tuner.capacity import Capacity
from tailrank.tuner.compare import paired_difference
from tailrank.tuner.plans import between, label, with_batch, with_threshold

__all__ = ["Candidate", "Climber", "Search", "climb"]


@dataclass(frozen=True)
class Candidate:
    """A plan, its capacity, and the phase of the climb that asked for it."""

    plan: Plan
    capacity: Capacity
    phase: str


@dataclass(frozen=True)
class Search:
    """Every candidate in the order measured, and the one with the highest mean capacity.

    A plan measured on fewer queries than others (a budget of slices) steps back for a longer measured plan
    that ties with it: the luck of a short trace is no merit.
    """

    best: Candidate
    candidates: tuple[Candidate, ...]
    stage: int = 0

    @property
    def ties(self) -> tuple[Candidate, ...]:
        """Other candidates whose paired difference to the best includes zero: the choice between them is free."""
        return tuple(_ties(self.best, self.candidates))

    def find(self, plan: Plan) -> Candidate | None:
        """Return the candidate with this plan."""
        return next((each for each in self.candidates if each.plan == plan), None)


def climb(
    capacity_of: Callable[[Plan], Capacity],
    plan: Plan,
    *,
    batches: Sequence[int],
    thresholds: Sequence[int] = (),
    offload_pool: str | None = None,
    stage: int = 0,
    refine: bool = True,
) -> Search:
    """Search batch size and offload threshold of stage number `stage` of `plan`; the rest of it stays.

    Phases: every batch size without offload; points between the best and its neighbours (`refine`); every
    threshold at the best batch size, and between; then, if some threshold helped, every batch size again at
    that threshold. A good pair of which neither half is good alone is not found. No plan is measured twice.
    Raises `InfeasibleError` when no candidate meets the target.
    """
    to = offload_pool if offload_pool is not None else plan.stages[stage].offload_pool
    _check(batches, thresholds, to)
    climber = Climber(capacity_of, stage)
    plain = with_threshold(plan, None, stage=stage)

    def sized(base: Plan, sizes: Iterable[int]) -> list[Plan]:
        return [with_batch(base, size, stage=stage) for size in sizes]

    def offloaded(base: Plan, values: Iterable[int]) -> list[Plan]:
        return [with_threshold(base, value, to, stage=stage) for value in values]

    climber.measure("batch size", sized(plain, batches))
    if refine:
        climber.measure("batch size, refined", sized(plain, between(batches, climber.batch_size)))
    if thresholds:
        base = climber.best.plan
        climber.measure("offload threshold", offloaded(base, thresholds))
        at = climber.offload_at
        if refine and at is not None:
            climber.measure("offload threshold, refined", offloaded(base, between(thresholds, at)))
        if climber.offload_at is not None:
            climber.measure("batch size at the threshold", sized(climber.best.plan, batches))
    return climber.search()


class Climber:
    """What a search has measured so far, and the best of it; `measured` are candidates of an earlier search."""

    def __init__(self, capacity_of: Callable[[Plan], Capacity], stage: int, measured: Iterable[Candidate] = ()) -> None:
        self.capacity_of, self.stage = capacity_of, stage
        self.candidates: list[Candidate] = list(measured)

    def measure(self, phase: str, plans: Iterable[Plan]) -> None:
        """Measure every plan that has not been."""
        for plan in plans:
            if all(each.plan != plan for each in self.candidates):
                self.candidates.append(Candidate(plan, self.capacity_of(plan), phase))

    @property
    def best(self) -> Candidate:
        """See `Search`; among plans that miss the target, the fastest; the earliest among equals."""
        top = _highest(self.candidates)
        longer = [each for each in _ties(top, self.candidates) if each.capacity.queries > top.capacity.queries]
        return _highest(longer) if longer and top.capacity.met else top

    @property
    def batch_size(self) -> int:
        """The best plan's."""
        return self.best.plan.stages[self.stage].batch_size

    @property
    def offload_at(self) -> int | None:
        """The best plan's."""
        return self.best.plan.stages[self.stage].offload_at

    def search(self) -> Search:
        """Return the search, or raise `InfeasibleError`."""
        if not any(each.capacity.met for each in self.candidates):
            raise _infeasible(self.best, self.stage)
        return Search(self.best, tuple(self.candidates), self.stage)


def _highest(candidates: Iterable[Candidate]) -> Candidate:
    def merit(each: Candidate) -> tuple[float, float]:
        return each.capacity.qps, 0.0 if each.capacity.met else -each.capacity.smallest_ms

    return max(candidates, key=merit)


def _ties(best: Candidate, candidates: Iterable[Candidate]) -> list[Candidate]:
    others = [each for each in candidates if each is not best and each.capacity.met]
    return [each for each in others if paired_difference(best.capacity, each.capacity).low <= 0]


def _infeasible(fastest: Candidate, stage: int) -> InfeasibleError:
    target, takes_ms = fastest.capacity.target, fastest.capacity.smallest_ms
    if math.isinf(takes_ms):
        return InfeasibleError(
            f"no plan can meet {target}: too many queries fail even at near-zero load",
            hint="look at the errors of a single run of the plan first",
        )
    return InfeasibleError(
        f"no plan can meet {target}; the fastest ({label(fastest.plan, stage=stage)}) takes {takes_ms:.4g} ms "
        "even at near-zero load",
        hint="loosen the target, add workers so that queries split further, or take a smaller model or faster device",
    )


def _check(batches: Sequence[int], thresholds: Sequence[int], pool: str | None) -> None:
    if not batches:
        raise BadInputError("no batch sizes to measure", hint="give at least one, e.g. 1, 2, 4, ..., 1024")
    if thresholds and pool is None:
        raise BadInputError(
            f"{len(thresholds)} offload thresholds, but no pool to offload to",
            hint="name the accelerator pool, or give no thresholds",
        )
    smallest = min((*batches, *thresholds))
    if smallest < 1:
        raise BadInputError(
            f"batch sizes and thresholds count candidates, so {smallest} is too small", hint="start at 1"
        )
