"""Policies that look at the pools (decision 9), tried around the best plan of a search.

A policy is taken only where its gain is no luck: it is chosen on the queries of the search, then measured again
beside the plan without it on fresh ones, and must win there by more than both intervals.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.metrics import Interval
from tailrank.tuner.capacity import Capacity
from tailrank.tuner.climb import Candidate
from tailrank.tuner.compare import speedup

__all__ = ["POLICIES", "Policies", "PolicyTrial", "policy_plans", "try_policies", "without_policies"]

POLICIES = ("queue-aware", "adapt", "combine", "together")
LEAST = (1, 16)  # batches that adapting slices may shrink to
WAIT_US = (0, 500)
LARGER = (1, 2, 4)  # times the offload pool's share of a query: what it may compute at once

Measure = Callable[[Plan], Capacity]


@dataclass(frozen=True)
class PolicyTrial:
    """The best of the plans `tried` of one policy, with its capacity on the queries of the search.

    `judged` is its capacity on fresh ones, `gain` that over the plan's without, `sure` whether their 95 % intervals
    are apart.
    """

    policy: str
    tried: int
    candidate: Candidate
    judged: Capacity
    gain: Interval
    sure: bool


@dataclass(frozen=True)
class Policies:
    """What the policies gave: the plan without them with its capacity on fresh queries, and a trial of each policy."""

    static: Candidate
    trials: tuple[PolicyTrial, ...]

    @property
    def taken(self) -> PolicyTrial | None:
        """The trial with the highest capacity among those that are sure; None where there is none."""
        sure = [each for each in self.trials if each.sure]
        return max(sure, key=lambda each: each.judged.qps, default=None)


def try_policies(
    chosen_by: Measure, judged_by: Measure, plan: Plan, pools: Mapping[str, Pool], *, largest: int, stage: int = 0
) -> Policies:
    """Try each policy around `plan`, on whose stage number `stage` no policy is on.

    `chosen_by` measures the plans to choose from, `judged_by` the chosen ones on other queries. `pools` are those there
    are; with one called `gpu` beside the stage's own, queries may go there. `largest` is the size of the largest query.
    Raises `BadInputError` where a policy is on already.
    """
    if plan.stages[stage].dynamic:
        raise BadInputError(
            "the plan decides by the state of its pools already", hint="start from a plan that does not"
        )
    whole = replace(plan, pools=dict(pools))
    static = Candidate(plan, judged_by(plan), "static")
    chosen: dict[str, Plan] = {}
    trials = []
    for policy in POLICIES:
        plans = policy_plans(policy, whole, largest=largest, stage=stage, chosen=chosen)
        if not plans:
            continue
        measured = [Candidate(_trimmed(each), chosen_by(each), f"policy: {policy}") for each in plans]
        best = max(measured, key=lambda each: each.capacity.qps)
        chosen[policy] = best.plan
        judged = judged_by(best.plan)
        sure = judged.low_qps > static.capacity.high_qps
        trials.append(PolicyTrial(policy, len(plans), best, judged, speedup(judged, static.capacity), sure))
    return Policies(static, tuple(trials))


def policy_plans(
    policy: str, plan: Plan, *, largest: int, stage: int = 0, chosen: Mapping[str, Plan] | None = None
) -> list[Plan]:
    """Return the plans to try of `policy` around `plan`; none where it says nothing (no second pool).

    `together` joins what was `chosen` of the others.
    """
    base = plan.stages[stage]
    accelerator = "gpu" if "gpu" in plan.pools and base.pool != "gpu" else None
    won = {name: each.stages[stage] for name, each in (chosen or {}).items()}
    found: Iterable[Stage]
    if policy == "queue-aware":
        found = _aware(base, accelerator, largest)
    elif policy == "adapt":
        sizes = sorted({base.batch_size, min(2 * base.batch_size, largest), largest})
        found = [
            replace(base, batch_size=size, adapt=True, least_batch=least)
            for size in sizes
            for least in LEAST
            if least <= size
        ]
    elif policy == "combine":
        found = [each for wait in WAIT_US for each in _combined(base, wait, largest)]
    elif policy == "together":
        found = _together(won, largest)
    else:
        raise BadInputError(f"unknown policy `{policy}`", hint=f"known: {', '.join(POLICIES)}")
    return [_with(plan, stage, each) for each in dict.fromkeys(found)]


def without_policies(plan: Plan) -> Plan:
    """Return `plan` with every option off that decides by the state of the pools; its thresholds stay."""
    off = {"offload": "threshold", "adapt": False, "least_batch": 1, "combine_wait_us": None, "offload_batch": None}
    return replace(plan, stages=tuple(replace(stage, **off) for stage in plan.stages))


def _aware(base: Stage, accelerator: str | None, largest: int) -> list[Stage]:
    """Return thresholds from every query up: a query goes only where it should finish earlier."""
    if accelerator is None:
        return []
    at = base.offload_at or largest
    floors = sorted({1, max(1, at // 4), max(1, at // 2), at, *((3 * largest) // 4,)})
    return [replace(base, offload="queue-aware", offload_at=each, offload_pool=accelerator) for each in floors if each]


def _combined(base: Stage, wait_us: int, largest: int) -> list[Stage]:
    """Return batches of several queries: as large as a slice on the CPU, up to a few whole queries on the GPU."""
    if base.offload_pool is None:
        return [replace(base, combine_wait_us=wait_us)]
    return [replace(base, combine_wait_us=wait_us, offload_batch=largest * each // 2) for each in LARGER if largest > 1]


def _together(won: Mapping[str, Stage], largest: int) -> list[Stage]:
    """Return shared batches for queries that choose their pool, with slices that adapt and without."""
    if "queue-aware" not in won or "combine" not in won:
        return []
    aware, combine = won["queue-aware"], won["combine"]
    floors = sorted({1, *(each for each in (aware.offload_at, combine.offload_at) if each is not None)})
    found = []
    for floor in floors:
        lower = replace(aware, offload_at=floor)
        shared = _combined(lower, combine.combine_wait_us or 0, largest)
        least = min(won["adapt"].least_batch, aware.batch_size) if "adapt" in won else 1
        found += [*shared, *(replace(each, adapt=True, least_batch=least) for each in shared)]
    return found


def _with(plan: Plan, number: int, stage: Stage) -> Plan:
    return replace(plan, stages=(*plan.stages[:number], stage, *plan.stages[number + 1 :]))


def _trimmed(plan: Plan) -> Plan:
    """Return the plan with only the pools that it uses."""
    used = {pool for stage in plan.stages for pool in (stage.pool, stage.offload_pool)}
    return replace(plan, pools={name: pool for name, pool in plan.pools.items() if name in used})
