"""Profile the subject and search its plans in the simulator."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tailrank.cli.budget import Budget
from tailrank.cli.calibration import CALIBRATION, calibrate, measure
from tailrank.cli.climbing import Question, climbed, curve, full_qps
from tailrank.cli.progress import Progress
from tailrank.cli.subject import Subject
from tailrank.core import Plan
from tailrank.metrics import SLATarget
from tailrank.timing import Profile
from tailrank.tuner import Candidate, Search, notes
from tailrank.workload import Accesses, Workload

__all__ = ["BREAKDOWN", "Found", "Profiled", "profiled", "search"]

BREAKDOWN = (1, 16, 64, 256, 1024)  # batch sizes of the operator breakdown ...
BREAKDOWN_S = 4.0  # ... as long as the time lasts, the smallest first


class Profiled(NamedTuple):
    """What was measured of a subject before the search."""

    profiles: dict[str, Profile]  # by pool
    operators: list[dict[str, Any]]
    served_by: dict[str, str]


@dataclass(frozen=True, eq=False)
class Found:
    """What profile and search found."""

    measured: Profiled
    asked: Question
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
    profiles = measured.profiles
    asked = Question(
        subject.name, subject.pools, profiles, workload, target, seed=seed, overheads=profiles["cpu"].overheads
    )
    baseline = subject.baseline(workload.sizes.max_size)
    search = climbed(asked, baseline, budget, progress)
    found = search.find(baseline)
    assert found is not None
    said = notes(search, baseline, largest=workload.sizes.max_size)
    return Found(measured, asked, search, found, said, curve(asked, search))


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
