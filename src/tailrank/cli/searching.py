"""Profile the subject and search its plans in the simulator."""

import time
from dataclasses import dataclass
from typing import Any

from tailrank.cli.budget import Budget
from tailrank.cli.calibration import CALIBRATION, calibrate
from tailrank.cli.kernels import prepare_kernels
from tailrank.cli.progress import Progress
from tailrank.cli.subject import Subject
from tailrank.core import Plan
from tailrank.engine import measure_profile
from tailrank.metrics import WARMUP, SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import Profile
from tailrank.tuner import (
    Candidate,
    Capacity,
    Replication,
    Search,
    batch_sizes,
    capacity,
    climb,
    notes,
    static_baseline,
)
from tailrank.workload import Accesses, Workload

__all__ = ["Found", "profiled", "search"]

BREAKDOWN = (1, 16, 64, 256, 1024)  # batch sizes of the operator breakdown ...
BREAKDOWN_S = 4.0  # ... as long as the time lasts, the smallest first
LONG_RUN, SHORT_RUN = 60, 12  # target latencies a run lasts: usually, and where small batches make it costly


@dataclass(frozen=True, eq=False)
class Found:
    """What profile and search found."""

    profile: Profile
    operators: list[dict[str, Any]]
    search: Search
    baseline: Candidate
    notes: list[str]
    curve: list[dict[str, Any]]

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
    profile, breakdown = profiled(
        subject, workload, seconds=budget.profile_s, rounds=budget.rounds, seed=seed, progress=progress
    )
    baseline = static_baseline(subject.name, workload.sizes.max_size, subject.workers)
    climbed = _climb(subject, workload, target, profile, baseline, budget, seed, progress)
    measured = climbed.find(baseline)
    assert measured is not None
    curve = _curve(subject, workload, target, profile, climbed, seed)
    return Found(
        profile, breakdown, climbed, measured, notes(climbed, baseline, largest=workload.sizes.max_size), curve
    )


def profiled(
    subject: Subject, workload: Workload, *, seconds: float, rounds: int, seed: int, progress: Progress
) -> tuple[Profile, list[dict[str, Any]]]:
    """Return the profile of `subject`, overheads included, and its operator breakdown by batch size."""
    profile = measure_profile(
        subject.engine,
        subject.name,
        workers=subject.workers,
        budget_s=seconds,
        rounds=rounds,
        seed=seed,
        progress=progress.step,
    )
    progress.step("profile: overheads of the engine")
    plan = static_baseline(subject.name, workload.sizes.max_size, subject.workers)
    load = CALIBRATION * _full_qps(profile, plan, workload, seed)
    overheads = calibrate(subject, profile, plan, workload, load, seconds=0.15 * seconds + 0.5, seed=seed)
    progress.step("profile: operators")
    return profile.with_overheads(overheads), _operators(subject, workload.accesses, min(BREAKDOWN_S, seconds / 3))


def _full_qps(profile: Profile, plan: Plan, workload: Workload, seed: int) -> float:
    """Return the load at which all workers would be busy all the time, by the profile's means."""
    from tailrank.scheduler import split_all

    stage, workers = plan.stages[0], plan.pools["cpu"].workers
    trace = workload.trace(2000, 1.0, seed, replication=900)
    size = split_all(trace.size, stage)[2]
    mean_ns = profile.table(int(size.max()), workers).mean_ns[-1]
    return workers * len(trace) / (float(mean_ns[size].sum()) / 1e9)


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
    profile: Profile,
    baseline: Plan,
    budget: Budget,
    seed: int,
    progress: Progress,
) -> Search:
    prepare_kernels(progress)
    services = {(subject.name, "cpu"): profile}
    queries, slices = _effort(profile, baseline, workload, target, budget, seed)
    replications = [
        Replication(
            Simulator(services, overheads=profile.overheads, seed=seed + number, detail=False),
            workload.trace(queries, 100.0, seed, replication=number),
        )
        for number in range(budget.replications)
    ]
    sizes = batch_sizes(workload.sizes.max_size, baseline.stages[0].batch_size)
    began = time.monotonic()

    def measured(plan: Plan) -> Capacity:
        progress.step(f"search: batch size {plan.stages[0].batch_size} ({time.monotonic() - began:.0f} s)")
        return capacity(replications, plan, target, slices=slices, warmup=WARMUP)

    return climb(measured, baseline, batches=sizes, refine=budget.refine)


def _effort(
    profile: Profile, baseline: Plan, workload: Workload, target: SLATarget, budget: Budget, seed: int
) -> tuple[int, int]:
    """Return queries of a trace and slices of a run: the budget's, or more where runs would be too short.

    A run must last many target latencies, or an overload cannot show; batches of one make `size` slices a query.
    """
    waiting = _full_qps(profile, baseline, workload, seed) * target.latency_ms / 1e3  # queries in one target latency
    mean_size = float(workload.trace(2000, 1.0, seed, replication=900).size.mean())
    queries = max(budget.queries, round(LONG_RUN * waiting))
    return queries, max(budget.slices, round(SHORT_RUN * waiting * mean_size))


def _curve(
    subject: Subject, workload: Workload, target: SLATarget, profile: Profile, climbed: Search, seed: int
) -> list[dict[str, Any]]:
    """Return the simulator's latency of the best plan against offered load; unstable points have no latency."""
    from tailrank.metrics import summarise

    best = climbed.best
    simulator = Simulator({(subject.name, "cpu"): profile}, overheads=profile.overheads, seed=seed, detail=False)
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
