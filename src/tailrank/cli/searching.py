"""Profile the subject and search its plans in the simulator."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from tailrank.cli.budget import Budget
from tailrank.cli.calibration import CALIBRATION, calibrate, full_qps, measure
from tailrank.cli.kernels import prepare_kernels
from tailrank.cli.progress import Progress
from tailrank.cli.subject import Subject
from tailrank.core import Plan
from tailrank.metrics import WARMUP, SLATarget, summarise
from tailrank.simulator import Simulator
from tailrank.timing import Profile, ServiceTime
from tailrank.tuner import (
    Candidate,
    Capacity,
    Replication,
    Search,
    batch_sizes,
    capacity,
    climb,
    label,
    notes,
    offload_thresholds,
    with_threshold,
)
from tailrank.workload import Accesses, Workload

__all__ = ["Found", "Profiled", "profiled", "search", "services_of"]

BREAKDOWN = (1, 16, 64, 256, 1024)  # batch sizes of the operator breakdown ...
BREAKDOWN_S = 4.0  # ... as long as the time lasts, the smallest first
LONG_RUN, SHORT_RUN = 60, 12  # target latencies a run lasts: usually, and where small batches make it costly


class Profiled(NamedTuple):
    """What was measured of a subject before the search."""

    profiles: dict[str, Profile]  # by pool
    operators: list[dict[str, Any]]
    served_by: dict[str, str]


@dataclass(frozen=True, eq=False)
class Found:
    """What profile and search found."""

    measured: Profiled
    search: Search
    baseline: Candidate
    notes: list[str]
    curve: list[dict[str, Any]]

    @property
    def profiles(self) -> dict[str, Profile]:
        """The profile of each pool."""
        return self.measured.profiles

    @property
    def plans(self) -> dict[str, Plan]:
        """The plans to prove."""
        return {"tuned": self.search.best.plan, "baseline": self.baseline.plan}

    @property
    def predicted_qps(self) -> dict[str, float]:
        """Where the engine's search begins; a baseline that misses the target begins at a tenth of the tuned plan."""
        tuned = self.search.best.capacity.qps
        return {"tuned": tuned, "baseline": self.baseline.capacity.qps or 0.1 * tuned}


def search(
    subject: Subject, workload: Workload, target: SLATarget, *, budget: Budget, seed: int, progress: Progress
) -> Found:
    """Profile, measure overheads and operators, then climb in the simulator; baseline included."""
    measured = profiled(subject, workload, seconds=budget.profile_s, rounds=budget.rounds, seed=seed, progress=progress)
    baseline = subject.baseline(workload.sizes.max_size)
    climbed = _climb(subject, workload, target, measured.profiles, baseline, budget, seed, progress)
    found = climbed.find(baseline)
    assert found is not None
    curve = _curve(subject, workload, target, measured.profiles, climbed, seed)
    said = notes(climbed, baseline, largest=workload.sizes.max_size)
    return Found(measured, climbed, found, said, curve)


def profiled(
    subject: Subject, workload: Workload, *, seconds: float, rounds: int, seed: int, progress: Progress
) -> Profiled:
    """Return a profile of each pool of `subject`, overheads included, and its operator breakdown by batch size."""

    def told(pool: str) -> Callable[[str], None]:
        return lambda words: progress.step(words if len(subject.pools) == 1 else f"{words}, {pool}")

    profiles = {
        pool: measure(subject, pool, seconds, rounds=rounds, seed=seed, progress=told(pool)) for pool in subject.pools
    }
    progress.step("profile: overheads of the engine")
    plan = subject.baseline(workload.sizes.max_size)
    load = CALIBRATION * full_qps(profiles, plan, workload, seed)
    found = calibrate(subject, profiles["cpu"], plan, workload, load, seconds=0.15 * seconds + 0.5, seed=seed)
    progress.step("profile: operators")
    return Profiled(
        {pool: profile.with_overheads(found.overheads) for pool, profile in profiles.items()},
        _operators(subject, workload.accesses, min(BREAKDOWN_S, seconds / 3)),
        found.served_by,
    )


def services_of(name: str, profiles: Mapping[str, ServiceTime]) -> dict[tuple[str, str], ServiceTime]:
    """Return service times by model and pool, as the simulator wants them."""
    return {(name, pool): service for pool, service in profiles.items()}


def _operators(subject: Subject, accesses: Accesses, seconds: float) -> list[dict[str, Any]]:
    from tailrank.models import operators

    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    for items in BREAKDOWN:
        spent = time.monotonic() - began
        if spent < seconds:
            repeats = 10 if spent < seconds / 4 else 3
            rows.append({"items": items, "shares": operators(subject.model, items, accesses=accesses, repeats=repeats)})
    return rows


def _climb(
    subject: Subject,
    workload: Workload,
    target: SLATarget,
    profiles: Mapping[str, Profile],
    baseline: Plan,
    budget: Budget,
    seed: int,
    progress: Progress,
) -> Search:
    """Climb over batch sizes, then over thresholds where there is a GPU; a plan that needs no GPU names none."""
    prepare_kernels(progress)
    services, overheads = services_of(subject.name, profiles), profiles["cpu"].overheads
    largest = workload.sizes.max_size
    thresholds = offload_thresholds(largest) if "gpu" in profiles else ()
    start = replace(baseline, pools=subject.pools)
    queries, slices = _effort(profiles, start, thresholds, workload, target, budget, seed)
    replications = [
        Replication(
            Simulator(services, overheads=overheads, seed=seed + number, detail=False),
            workload.trace(queries, 100.0, seed, replication=number),
        )
        for number in range(budget.replications)
    ]
    sizes = batch_sizes(largest, baseline.stages[0].batch_size)
    began = time.monotonic()

    def measured(plan: Plan) -> Capacity:
        progress.step(f"search: {label(plan)} ({time.monotonic() - began:.0f} s)")
        return capacity(replications, plan, target, slices=slices, warmup=WARMUP)

    to = "gpu" if thresholds else None
    found = climb(measured, start, batches=sizes, thresholds=thresholds, offload_pool=to, refine=budget.refine)
    return found if not thresholds else _without_idle_pools(found)


def _without_idle_pools(found: Search) -> Search:
    """Return the search with plans that hold only the pools they use."""

    def trimmed(each: Candidate) -> Candidate:
        used = {pool for stage in each.plan.stages for pool in (stage.pool, stage.offload_pool)}
        pools = {name: pool for name, pool in each.plan.pools.items() if name in used}
        return dataclasses.replace(each, plan=replace(each.plan, pools=pools))

    candidates = tuple(trimmed(each) for each in found.candidates)
    best = next(new for new, old in zip(candidates, found.candidates, strict=True) if old is found.best)
    return Search(best, candidates, found.stage)


def _effort(
    profiles: Mapping[str, Profile],
    plan: Plan,
    thresholds: Sequence[int],
    workload: Workload,
    target: SLATarget,
    budget: Budget,
    seed: int,
) -> tuple[int, int]:
    """Return queries of a trace and slices of a run: the budget's, or more where runs would be too short.

    A run must last many target latencies, or an overload cannot show; batches of one make `size` slices a query.
    """
    seconds = target.latency_ms / 1e3
    waiting = full_qps(profiles, plan, workload, seed) * seconds  # queries in one target latency
    mean_size = float(workload.trace(2000, 1.0, seed, replication=900).size.mean())
    offloading = (with_threshold(plan, value, "gpu") for value in thresholds)
    busiest = max((full_qps(profiles, each, workload, seed) for each in offloading), default=0.0)
    dispatched = 1e9 / max(profiles["cpu"].overheads.query_ns, 1)  # no GPU serves more than are sent to it
    most = max(waiting, min(busiest, dispatched) * seconds)
    queries, slices = round(LONG_RUN * most), round(SHORT_RUN * (waiting * mean_size + (most if thresholds else 0)))
    return max(budget.queries, queries), max(budget.slices, slices)


def _curve(
    subject: Subject,
    workload: Workload,
    target: SLATarget,
    profiles: Mapping[str, Profile],
    climbed: Search,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the simulator's latency of the best plan against offered load; unstable points have no latency."""
    best, overheads = climbed.best, profiles["cpu"].overheads
    simulator = Simulator(services_of(subject.name, profiles), overheads=overheads, seed=seed, detail=False)
    rows = []
    for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1):
        qps = share * best.capacity.qps
        summary = summarise(simulator.serve(workload.trace(20_000, qps, seed, replication=950), best.plan), target)
        rows.append(
            {
                "plan": "tuned",
                "offered_qps": qps,
                "p50_ms": summary.p50_ms,
                "p95_ms": summary.p95_ms,
                "p99_ms": summary.p99_ms,
                "saturated": summary.saturated,
            }
        )
    return rows
