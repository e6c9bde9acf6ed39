"""Overheads of the engine on this host, measured with a plan at a load it keeps up with."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tailrank.cli.subject import Subject, default_workers
from tailrank.core import Plan, Records
from tailrank.engine import measure_overheads, measure_profile
from tailrank.timing import Overheads, Profile, Scaled
from tailrank.workload import Workload

__all__ = ["CALIBRATION", "Calibrated", "calibrate", "measure", "served_by"]

CALIBRATION = 0.65  # of the load that would fill the workers


class Calibrated(NamedTuple):
    """Overheads, and who served each pool while they were measured."""

    overheads: Overheads
    served_by: dict[str, str]


def calibrate(
    subject: Subject, profile: Profile, plan: Plan, workload: Workload, qps: float, *, seconds: float, seed: int
) -> Calibrated:
    """Measure the engine's overheads at `qps`, a load it keeps up with; profile rounds on both sides cancel drift."""

    def around(number: int) -> float:
        seed_here = seed + 500 + number
        return measure(subject, "cpu", seconds / 2, rounds=1, seed=seed_here, like=profile).slower_than(profile)

    count = max(60, int(qps * seconds))
    warm = workload.trace(max(20, count // 10), qps, seed, replication=901)
    subject.engine.serve(warm, plan)
    before = around(0)
    records = subject.engine.serve(workload.trace(count, qps, seed, replication=902), plan)
    expected = Scaled(profile, (before + around(1)) / 2)
    return Calibrated(measure_overheads([records], cores=default_workers(), expected=expected), served_by([records]))


def measure(
    subject: Subject,
    pool: str,
    budget_s: float,
    *,
    rounds: int,
    seed: int,
    like: Profile | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Profile:
    """Profile the subject on one of its pools."""
    return measure_profile(
        subject.engine,
        subject.name,
        workers=subject.pools[pool].workers,
        device=subject.pools[pool].device,
        budget_s=budget_s,
        rounds=rounds,
        seed=seed,
        like=like,
        progress=progress,
    )


def served_by(records: Iterable[Records]) -> dict[str, str]:
    """Return who served each pool, by the engine's own word: native threads, or threads of Python."""
    words = {1.0: "native threads", 0.0: "Python threads"}
    return {
        key.removeprefix("native."): words[value]
        for run in records
        for key, value in run.meta.items()
        if key.startswith("native.")
    }
