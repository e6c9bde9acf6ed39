"""Overheads of the engine on this host, measured with a plan at a load it keeps up with."""

from tailrank.cli.subject import Subject, default_workers
from tailrank.core import Plan
from tailrank.engine import measure_overheads, measure_profile
from tailrank.timing import Overheads, Profile, Scaled
from tailrank.workload import Workload

__all__ = ["CALIBRATION", "calibrate"]

CALIBRATION = 0.65  # of the load that would fill the workers


def calibrate(
    subject: Subject, profile: Profile, plan: Plan, workload: Workload, qps: float, *, seconds: float, seed: int
) -> Overheads:
    """Measure the engine's overheads at `qps`, a load it keeps up with; profile rounds on both sides cancel drift."""

    def around(number: int) -> float:
        taken = measure_profile(
            subject.engine,
            subject.name,
            workers=subject.workers,
            budget_s=seconds / 2,
            rounds=1,
            seed=seed + 500 + number,
            like=profile,
        )
        return taken.slower_than(profile)

    count = max(60, int(qps * seconds))
    warm = workload.trace(max(20, count // 10), qps, seed, replication=901)
    subject.engine.serve(warm, plan)
    before = around(0)
    records = subject.engine.serve(workload.trace(count, qps, seed, replication=902), plan)
    expected = Scaled(profile, (before + around(1)) / 2)
    return measure_overheads([records], cores=default_workers(), expected=expected)
