"""Regret: what a climb loses against trying every plan of a grid.

The grid is every batch size of 1, 2, 3, 4, 6, 8, ..., 1024 with every threshold of 32, 64, ... and with no offload.
Trying a plan need not mean measuring its capacity: a plan that misses the target at the next load above the
best plan's capacity is no better, as far as more load is never easier, which every capacity search here assumes. One
probe a repetition settles that. A plan that cannot even do the work that arrives at that load needs none.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tailrank.core import BadInputError, Plan
from tailrank.metrics import WARMUP, Interval, SLATarget
from tailrank.tuner.budget import affordable, prefix
from tailrank.tuner.capacity import Replication, capacity
from tailrank.tuner.climb import Candidate, Search
from tailrank.tuner.compare import speedup
from tailrank.tuner.ladder import Ladder
from tailrank.tuner.plans import with_batch, with_threshold

__all__ = ["Exhausted", "Regret", "exhaust", "fresh_ratio", "full_batches", "full_thresholds", "plan_grid", "regret"]

LARGEST_BATCH, THRESHOLD_STEP = 1024, 32
SLACK = 0.05  # a finite run can be a little overloaded and still meet the target: bounds count only beyond this
Bound = Callable[[Plan], float]


def full_batches(most: int = LARGEST_BATCH) -> tuple[int, ...]:
    """Return every power of two and every 3 * 2^n from 1 to `most`."""
    doubling = [1 << power for power in range(most.bit_length())]
    return tuple(sorted(size for size in {*doubling, *(3 * each for each in doubling)} if size <= most))


def full_thresholds(max_items: int, step: int = THRESHOLD_STEP) -> tuple[int, ...]:
    """Return `step`, 2 * `step`, ... up to the largest query, which has `max_items` candidates."""
    return tuple(range(step, max_items + 1, step))


def plan_grid(
    plan: Plan, batches: Sequence[int], thresholds: Sequence[int] = (), *, pool: str | None = None, stage: int = 0
) -> list[Plan]:
    """Return `plan` with every batch size, each without offload and with every threshold to `pool`."""
    return [
        with_threshold(with_batch(plan, size, stage=stage), at, None if at is None else pool, stage=stage)
        for at in (None, *thresholds)
        for size in batches
    ]


@dataclass(frozen=True)
class Exhausted:
    """The best of all plans tried, and how each was settled: `plans` is the sum of the four counts below it."""

    best: Candidate
    plans: int
    known: int  # measured by the search before
    measured: int  # a capacity of their own
    refused: int  # missed the target just above the best capacity in every repetition
    bounded: int  # cannot do the work that arrives at the best capacity
    audited: int  # of those bounded, tried at the best capacity all the same; all of them missed
    probes: int  # runs of a trace that it took


@dataclass(frozen=True)
class Regret:
    """A climb beside the whole grid. `value` is 1 - climb / best: negative where the climb left the grid for better.

    `fresh` is the capacity of the climb's plan over the best one's, on queries neither was chosen by: the best of
    hundreds owes something to the queries it was chosen on.
    """

    climb: Candidate
    best: Candidate
    value: float
    fresh: Interval | None  # None where both are the same plan
    evaluations: int  # capacities the climb measured
    grid: int  # plans of the grid


def exhaust(
    replications: Sequence[Replication],
    plans: Iterable[Plan],
    target: SLATarget,
    *,
    first: Search,
    tolerance: float = 0.005,
    slices: int | None = None,
    warmup: float = WARMUP,
    bound: Bound | None = None,
    audit: int = 3,
) -> Exhausted:
    """Return the best of `plans` and of the candidates of `first`; arguments as of `capacity`, and the same ones.

    `bound(plan)` is a load that the plan cannot keep up with; plans whose bound lies `SLACK` below the best capacity
    are left out, but for the `audit` plans with the highest such bounds, which are tried: raises `ValueError` where
    one of those beats the best, since a bound that is wrong makes the answer worthless.
    """
    trial = _Trial(replications, target, tolerance, slices, warmup)
    found = first.best
    known = {repr(each.plan) for each in first.candidates}  # pools make a plan unhashable
    counts = dict.fromkeys(("known", "measured", "refused"), 0)
    out: list[tuple[float, Plan]] = []
    listed = {repr(plan): plan for plan in plans}
    for name, plan in listed.items():
        limit = math.inf if bound is None else bound(plan) * (1 + SLACK)
        if name in known:
            counts["known"] += 1
        elif limit < found.capacity.qps:
            out.append((limit, plan))
        elif not trial.beats(plan, found):
            counts["refused"] += 1
        else:
            counts["measured"] += 1
            one = trial.measure(plan)
            found = one if one.capacity.qps > found.capacity.qps else found
    audited = sorted(out, key=lambda each: each[0], reverse=True)[:audit]
    for limit, plan in audited:
        if trial.beats(plan, found):
            raise ValueError(f"{plan.stages} was bounded by {limit:.4g} qps, but meets the target above that")
    return Exhausted(found, len(listed), **counts, bounded=len(out), audited=len(audited), probes=trial.probes)


def regret(climbed: Search, exhausted: Exhausted, *, fresh: Callable[[Plan], Interval] | None = None) -> Regret:
    """Return what `climbed` lost; `fresh(plan)` measures the climb's plan over `plan` on other queries."""
    best, mine = exhausted.best, climbed.best
    if not best.capacity.qps > 0:
        raise BadInputError("no plan of the grid meets the target", hint="regret needs a best plan: loosen the target")
    again = None if fresh is None or best.plan == mine.plan else fresh(best.plan)
    value = 1 - mine.capacity.qps / best.capacity.qps
    return Regret(mine, best, value, again, len(climbed.candidates), exhausted.plans)


def fresh_ratio(
    replications: Sequence[Replication],
    mine: Plan,
    best: Plan,
    target: SLATarget,
    *,
    tolerance: float = 0.005,
    slices: int | None = None,
) -> Interval:
    """Return the capacity of `mine` over that of `best` on `replications` that chose neither."""
    one, other = (capacity(replications, plan, target, tolerance=tolerance, slices=slices) for plan in (mine, best))
    return speedup(one, other)


class _Trial:
    """Tries plans against the best one so far, and counts the runs."""

    def __init__(
        self,
        replications: Sequence[Replication],
        target: SLATarget,
        tolerance: float,
        slices: int | None,
        warmup: float,
    ) -> None:
        self.replications, self.target, self.tolerance = replications, target, tolerance
        self.slices, self.warmup, self.probes = slices, warmup, 0

    def beats(self, plan: Plan, best: Candidate) -> bool:
        """Return whether `plan` meets the target just above the capacity of `best` in some repetition."""
        loads = best.capacity.per_replication
        return any(self._meets(plan, each, qps) for each, qps in zip(self.replications, loads, strict=True))

    def measure(self, plan: Plan) -> Candidate:
        found = capacity(
            self.replications, plan, self.target, tolerance=self.tolerance, slices=self.slices, warmup=self.warmup
        )
        self.probes += found.probes
        return Candidate(plan, found, "exhaustive")

    def _meets(self, plan: Plan, replication: Replication, qps: float) -> bool:
        self.probes += 1
        system, whole = replication
        trace = whole if self.slices is None else prefix(whole, affordable(whole, plan, self.slices))
        ladder = Ladder(
            system,
            trace,
            plan,
            self.target,
            floor_qps=0.01 / (self.target.latency_ns / 1e9),
            tolerance=self.tolerance,
            warmup=self.warmup,
            told=lambda _qps, _met: None,
        )
        return ladder.meets(ladder.rung(qps * (1 + self.tolerance / 2)) + 1)
