"""Regret: what a climb loses against trying every plan of a grid.

The grid is every batch size of 1, 2, 3, 4, 6, 8, ..., 1024 with every threshold of 32, 64, ... and with no offload.
Trying a plan need not mean measuring its capacity: see `Contest`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tailrank.core import BadInputError, Config, Plan
from tailrank.metrics import WARMUP, Interval, SLATarget
from tailrank.tuner.capacity import Capacity, Replication, capacity
from tailrank.tuner.climb import Candidate, Search
from tailrank.tuner.compare import speedup
from tailrank.tuner.contest import SLACK, Bound, Contest
from tailrank.tuner.plans import with_batch, with_threshold

__all__ = ["Exhausted", "Regret", "exhaust", "fresh_ratio", "full_batches", "full_thresholds", "plan_grid", "regret"]

LARGEST_BATCH, THRESHOLD_STEP = 1024, 32


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


class Regret(Config, frozen=True, kw_only=True):
    """A climb beside the whole grid. `regret` is 1 - climb / best: negative where the climb left the grid for better.

    `fresh` is the capacity of the climb's plan over the best one's, on queries neither was chosen by: the best of
    hundreds owes something to the queries it was chosen on. None where both are the same plan.
    """

    climb_batch_size: int
    climb_offload_at: int | None
    climb_qps: float
    best_batch_size: int
    best_offload_at: int | None
    best_qps: float
    regret: float
    before_joint: float | None = None  # what the plan lost at which a last, joint walk began
    fresh: Interval | None
    evaluations: int  # plans the climb served at all
    exhaustive: int  # plans of the grid
    probes: int  # runs of a trace that settling the grid took


def exhaust(
    replications: Sequence[Replication],
    plans: Iterable[Plan],
    target: SLATarget,
    *,
    first: Search,
    tolerance: float = 0.005,
    floor_qps: float | None = None,
    slices: int | None = None,
    warmup: float = WARMUP,
    bound: Bound | None = None,
    slack: float = SLACK,
    audit: int = 3,
) -> Exhausted:
    """Return the best of `plans` and of the candidates of `first`; arguments as of `capacity`, and the same ones.

    `bound(plan)` is a load that the plan cannot keep up with; plans whose bound lies `slack` below the best capacity
    are left out, but for the `audit` plans with the highest such bounds, which are tried: raises `ValueError` where
    one of those beats the best, since a bound that is wrong makes the answer worthless.
    """
    contest = Contest(
        replications,
        target,
        first.best,
        tolerance=tolerance,
        floor_qps=floor_qps,
        slices=slices,
        warmup=warmup,
        bound=bound,
        slack=slack,
        phase="exhaustive",
    )
    known = {repr(each.plan) for each in first.candidates}  # pools make a plan unhashable
    counts = dict.fromkeys(("known", "measured", "refused"), 0)
    out: list[Plan] = []
    listed = {repr(plan): plan for plan in plans}
    for name, plan in listed.items():
        if name in known:
            counts["known"] += 1
            continue
        outcome = contest.challenge(plan)
        if outcome == "bounded":
            out.append(plan)
        else:
            counts["refused" if outcome == "refused" else "measured"] += 1
    audited = sorted(out, key=contest.limit_qps, reverse=True)[:audit]
    for plan in audited:
        if contest.may_beat(plan):
            limit = contest.limit_qps(plan)
            raise ValueError(f"{plan.stages} was bounded by {limit:.4g} qps, but meets the target above that")
    return Exhausted(contest.best, len(listed), **counts, bounded=len(out), audited=len(audited), probes=contest.probes)


def regret(
    climbed: Search,
    exhausted: Exhausted,
    *,
    evaluations: int | None = None,
    before_joint: Capacity | None = None,
    fresh: Callable[[Plan], Interval] | None = None,
) -> Regret:
    """Return what `climbed` lost; `fresh(plan)` measures the climb's plan over `plan` on other queries.

    `evaluations` are the plans that the climb served, those of `climbed` where not given; `before_joint` is the
    capacity, on the same repetitions, that it had before it walked over both knobs jointly.
    """
    best, mine = exhausted.best, climbed.best
    if not best.capacity.qps > 0:
        raise BadInputError("no plan of the grid meets the target", hint="regret needs a best plan: loosen the target")
    stage = climbed.stage
    return Regret(
        climb_batch_size=mine.plan.stages[stage].batch_size,
        climb_offload_at=mine.plan.stages[stage].offload_at,
        climb_qps=mine.capacity.qps,
        best_batch_size=best.plan.stages[stage].batch_size,
        best_offload_at=best.plan.stages[stage].offload_at,
        best_qps=best.capacity.qps,
        regret=1 - mine.capacity.qps / best.capacity.qps,
        before_joint=None if before_joint is None else 1 - before_joint.qps / best.capacity.qps,
        fresh=None if fresh is None or best.plan.stages == mine.plan.stages else fresh(best.plan),
        evaluations=len(climbed.candidates) if evaluations is None else evaluations,
        exhaustive=exhausted.plans,
        probes=exhausted.probes,
    )


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
