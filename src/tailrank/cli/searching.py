"""Profile the subject and search its plans in the simulator."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tailrank.cli.budget import Budget
from tailrank.cli.calibration import CALIBRATION, calibrate, measure
from tailrank.cli.climbing import Question, climbed, curve, full_qps, policed
from tailrank.cli.progress import Progress
from tailrank.cli.searched import with_policy
from tailrank.cli.subject import Subject
from tailrank.core import Plan
from tailrank.metrics import SLATarget
from tailrank.timing import Profile
from tailrank.tuner import Candidate, Policies, Search, notes
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
    """What profile and search found.

    `rival` is served on the engine beside the best plan: the best without policies where one was taken, or that with,
    once it lost there.
    """

    measured: Profiled
    asked: Question
    search: Search
    baseline: Candidate
    notes: list[str]
    curve: list[dict[str, Any]]
    policies: Policies | None = None
    rival: Candidate | None = None

    @property
    def profiles(self) -> dict[str, Profile]:
        """The profile of each pool."""
        return self.measured.profiles

    @property
    def plans(self) -> dict[str, Plan]:
        """The plans to prove, and the rival: `static`, or `policies` where that has them."""
        rival = {} if self.rival is None else {self._rival_name: self.rival.plan}
        return {"tuned": self.search.best.plan, **rival, "baseline": self.baseline.plan}

    @property
    def _rival_name(self) -> str:
        return "policies" if self.rival is not None and self.rival.plan.dynamic else "static"

    @property
    def predicted_qps(self) -> dict[str, float]:
        """Where the engine's search begins; a baseline that misses the target begins at a tenth of the tuned plan."""
        tuned = self.search.best.capacity.qps
        rival = {} if self.rival is None else {self._rival_name: self.rival.capacity.qps}
        return {"tuned": tuned, **rival, "baseline": self.baseline.capacity.qps or 0.1 * tuned}

    def without_policies(self) -> "Found":
        """Return what was found with the rival, which has no policies, as the best plan, and the latter as rival."""
        assert self.rival is not None
        search = Search(self.rival, self.search.candidates, self.search.stage)
        return replace(self, search=search, rival=self.search.best, curve=curve(self.asked, search))


def search(
    subject: Subject,
    workload: Workload,
    target: SLATarget,
    *,
    budget: Budget,
    seed: int,
    progress: Progress,
    policies: bool = False,
) -> Found:
    """Profile, measure overheads and operators, then climb in the simulator; baseline included.

    With `policies`, those that look at the pools are tried around the best plan.
    """
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
    tried = policed(asked, search, budget, progress) if policies else None
    best = with_policy(search, tried)
    rival = search.best if best is not search else None
    return Found(measured, asked, best, found, said, curve(asked, best), tried, rival)


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
