"""Overheads of the engine on this host, measured with a plan at a load it keeps up with."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from tailrank.cli.subject import Subject, default_workers
from tailrank.core import Plan, Pool, Records, Stage, Trace, stream
from tailrank.engine import measure_keeping, measure_overheads, measure_profile
from tailrank.timing import Overheads, Profile, Scaled
from tailrank.workload import Poisson, Workload

__all__ = ["CALIBRATION", "Calibrated", "calibrate", "calibrate_stages", "measure", "served_by"]

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


def calibrate_stages(subject: Subject, known: Overheads, size: int, qps: float, *, count: int, seed: int) -> Overheads:
    """Return `known` with what sending a query on between two stages costs, measured on the engine at `qps`.

    Both stages are the subject's model; every other query has a quarter of `size` candidates, so that what a candidate
    costs shows beside what a query does. Most are kept no longer: an eighth goes on.
    """
    batch = min(256, size)
    keep = max(1, size // 8)
    stages = (Stage(model=subject.name, batch_size=batch, keep=keep), Stage(model=subject.name, batch_size=batch))
    plan = Plan(stages=stages, pools={"cpu": Pool(workers=subject.workers)})
    sizes = np.where(np.arange(count) % 2 == 0, size, max(1, size // 4))
    trace = Trace(Poisson().draw(count, qps, stream(seed, "between stages")), sizes)
    return measure_keeping([subject.engine.serve(trace, plan)], known)


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
