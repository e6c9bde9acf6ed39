"""Capacity: the highest offered load that still meets the SLA target, over independent repetitions.

Every plan and every load gets the same queries, time-warped, and the same service noise (common random
numbers): what differs between two readings is the plan or the load, not the luck.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tailrank.core import BadInputError, Plan, System, Trace
from tailrank.metrics import WARMUP, SLATarget, t_interval
from tailrank.tuner.budget import affordable, prefix
from tailrank.tuner.ladder import Ladder, highest

__all__ = ["Capacity", "Progress", "Replication", "capacity"]

Progress = Callable[[int, float, bool], None]  # replication number, offered qps, whether the target was met


class Replication(NamedTuple):
    """An independent repetition: a trace, and a system whose service noise has a seed of its own.

    `serve` must give the same records for the same trace and plan; keep one system for each repetition.
    """

    system: System
    trace: Trace


@dataclass(frozen=True)
class Capacity:
    """The capacity of one plan: mean over repetitions with a 95 % t-interval.

    The interval adds the search tolerance above, since the true crossing lies between the load that met the
    target and the next, which missed it. One repetition has no interval: 0 to infinity. `met` is False when
    some repetition missed the target even at near-zero load; `qps` is then 0.
    """

    qps: float
    low_qps: float
    high_qps: float
    per_replication: tuple[float, ...]  # highest load that met the target; 0 where none did
    queries: int  # simulated queries behind the answer: those of one run of every repetition
    probes: int  # how many runs the search took
    percentile_ms: float  # at the capacity, mean over repetitions; `smallest_ms` where not met
    smallest_ms: float  # percentile at near-zero load, worst repetition
    run_s: float  # length of the shortest run at the capacity
    met: bool
    monotone: bool  # no probe met the target above one that missed it
    target: SLATarget
    tolerance: float


def capacity(
    replications: Sequence[Replication],
    plan: Plan,
    target: SLATarget,
    *,
    tolerance: float = 0.005,
    floor_qps: float | None = None,
    start_qps: float | None = None,
    slices: int | None = None,
    warmup: float = WARMUP,
    progress: Progress | None = None,
) -> Capacity:
    """Measure the capacity of `plan`: double the load until the target is missed, then bisect to `tolerance`.

    Near-zero load is `floor_qps`, by default a hundredth of a query per target latency. `start_qps` is a guess, a
    neighbouring plan's capacity say: the search then walks from there in growing steps instead of doubling from
    well below what the unloaded latency allows. The answer does not depend on it.
    `slices` limits the slices of a run: a plan with small batches gets a prefix of each trace. A run counts as
    missed when it is saturated, too. Raises `BadInputError` for unusable arguments or traces that are too short.
    """
    _check(replications, tolerance, floor_qps, start_qps)
    floor = floor_qps if floor_qps is not None else 0.01 / (target.latency_ns / 1e9)
    ladders: list[Ladder] = []
    rungs: list[int | None] = []
    for number, (system, whole) in enumerate(replications):
        trace = whole if slices is None else prefix(whole, affordable(whole, plan, slices))
        ladder = Ladder(
            system,
            trace,
            plan,
            target,
            floor_qps=floor,
            tolerance=tolerance,
            warmup=warmup,
            told=_teller(progress, number),
        )
        ladders.append(ladder)
        rungs.append(_search(ladder, rungs[0] if rungs else None, start_qps))
    return _summary(ladders, rungs)


def _search(ladder: Ladder, first: int | None, start_qps: float | None) -> int | None:
    """Return the highest rung that meets the target; `first` is the answer of the first repetition."""
    if first is not None:
        return highest(ladder, first, ladder.rungs(1.02), growth=2)
    if not ladder.meets(0):
        return None
    if start_qps is not None:
        return highest(ladder, ladder.rung(start_qps), ladder.rungs(1.02), growth=2)
    return highest(ladder, ladder.rung(0.25e9 / max(ladder.unloaded_ns, 1.0)), ladder.rungs(2.0))


def _summary(ladders: Sequence[Ladder], rungs: Sequence[int | None]) -> Capacity:
    found = [(ladder, rung) for ladder, rung in zip(ladders, rungs, strict=True) if rung is not None]
    met = len(found) == len(ladders)
    loads = tuple(0.0 if rung is None else ladder.qps(rung) for ladder, rung in zip(ladders, rungs, strict=True))
    tolerance = ladders[0].tolerance
    qps, low, high = t_interval(loads) if met else (0.0, 0.0, 0.0)
    smallest_ms = max(ladder.tails_ms[0] for ladder in ladders)
    return Capacity(
        qps=qps,
        low_qps=max(low, 0.0),
        high_qps=high * (1 + tolerance),
        per_replication=loads,
        queries=sum(len(ladder.trace) for ladder in ladders),
        probes=sum(ladder.probes for ladder in ladders),
        percentile_ms=_mean([ladder.tails_ms[rung] for ladder, rung in found]) if met else smallest_ms,
        smallest_ms=smallest_ms,
        run_s=min((len(ladder.trace) / ladder.qps(rung) for ladder, rung in found), default=math.inf),
        met=met,
        monotone=all(ladder.monotone for ladder in ladders),
        target=ladders[0].target,
        tolerance=tolerance,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _teller(progress: Progress | None, number: int) -> Callable[[float, bool], None]:
    def told(qps: float, met: bool) -> None:
        if progress is not None:
            progress(number, qps, met)

    return told


def _check(
    replications: Sequence[Replication], tolerance: float, floor_qps: float | None, start_qps: float | None
) -> None:
    if not replications:
        raise BadInputError(
            "no replications given", hint="give one system and trace for each repetition; ten are usual"
        )
    for number, (_, trace) in enumerate(replications):
        if not trace.offered_qps > 0:
            raise BadInputError(
                f"the trace of replication {number} has {len(trace)} queries and lasts {trace.duration_ns} ns",
                hint="a trace needs queries and time between them",
            )
    if not 1e-6 <= tolerance <= 0.5:
        raise BadInputError(
            f"tolerance must be between 1e-6 and 0.5, not {tolerance:g}", hint="0.005 is half a per cent"
        )
    for name, qps in (("floor_qps", floor_qps), ("start_qps", start_qps)):
        if qps is not None and not 0 < qps < math.inf:
            raise BadInputError(f"{name} must be above zero, not {qps:g}", hint="give queries per second")
