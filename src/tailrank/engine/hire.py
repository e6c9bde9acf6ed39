"""Who serves the pools of a plan: native crews where every scorer has a native handle, Python threads elsewhere."""

import os
from typing import Literal

from tailrank.core import BadInputError, Plan, SetupError
from tailrank.engine.crew import Assignment, Crew
from tailrank.engine.native_crew import NativeCrew, native_handle, spin_budget_ns
from tailrank.engine.relay import link
from tailrank.engine.run import Run, Scorers
from tailrank.engine.thread_crew import ThreadCrew
from tailrank.native import extension

__all__ = ["CrewKind", "hire", "native_pools"]

CrewKind = Literal["auto", "native", "threads"]


def native_pools(plan: Plan, scorers: Scorers, kind: CrewKind) -> frozenset[str]:
    """Return the pools that native crews serve; a device other than the CPU always has Python threads.

    So have plans that decide by the state of the pools or whose stages feed early. Raises where `kind` is native and it
    cannot be: `SetupError` without the extension, `BadInputError` where a scorer has no native handle, and for such
    plans.
    """
    if kind == "native" and plan.dynamic:
        raise BadInputError(
            "crew: a native crew cannot serve a plan that decides by the state of the pools",
            hint="let the crew be auto or threads, or take queue-aware, adapt and combine_wait_us out of the plan",
        )
    if kind == "native" and plan.feeds_early:
        raise BadInputError(
            "crew: a native crew cannot serve a plan whose stages feed early",
            hint='let the crew be auto or threads, or let every stage feed `"whole"`',
        )
    if kind == "threads" or plan.dynamic or plan.feeds_early:
        return frozenset()
    cpu = [name for name, pool in plan.pools.items() if pool.device == "cpu"]
    if kind == "native":
        _insist(plan, scorers, cpu)
    return frozenset(name for name in cpu if extension.available() and not _without_handle(scorers, name))


def _without_handle(scorers: Scorers, pool: str) -> list[int]:
    """Return the stages whose scorer on `pool` has no native handle."""
    return [stage for (stage, at), scorer in scorers.items() if at == pool and native_handle(scorer) is None]


def _insist(plan: Plan, scorers: Scorers, pools: list[str]) -> None:
    if not extension.available():
        raise SetupError(
            f"crew: no native pool: {extension.why_not()}",
            hint=f"{extension.remedy()}, or let the crew be auto or threads",
        )
    for name in pools:
        for stage in _without_handle(scorers, name):
            raise BadInputError(
                f"crew: the scorer of `{plan.stages[stage].model}` cannot run in a native crew",
                hint="choose a native executor for it, or let the crew be auto or threads",
            )


def hire(run: Run, native: frozenset[str], *, pin: bool, spin_ns: int | None, queue_limit: int) -> dict[str, Crew]:
    """Return the crew of each pool, not started; `spin_ns` None chooses by the host's cores (see `NativeCrew`).

    Where the run has a relay, native crews serve every pool.
    """
    if spin_ns is None:
        spin_ns = spin_budget_ns(pool.workers for pool in run.plan.pools.values())
    cores = _cores(run.plan, pin)
    crews: dict[str, Crew] = {}
    for name in run.plan.pools:
        work = _assignment(run, name, cores[name], queue_limit)
        crews[name] = NativeCrew(work, spin_ns, run.relay) if name in native else ThreadCrew(work)
    if run.relay is not None:
        link(run.relay, run.plan, {name: crew for name, crew in crews.items() if isinstance(crew, NativeCrew)})
    return crews


def _assignment(run: Run, name: str, cores: tuple[int, ...], queue_limit: int) -> Assignment:
    stages, largest = run.plan.stages, int(run.size.max(initial=1))
    whole = {number for number, stage in enumerate(stages) if stage.offload_pool == name}
    steps = [largest if number in whole else stage.batch_size for number, stage in enumerate(stages)]
    return Assignment(
        pool=name,
        workers=run.plan.pools[name].workers,
        scorers=tuple(run.scorers.get((number, name)) for number in range(len(stages))),
        steps=tuple(step if (number, name) in run.scorers else 0 for number, step in enumerate(steps)),
        board=run.board,
        base=run.base,
        row=run.row,
        scores=run.scores,
        cores=cores,
        queue_limit=queue_limit,
        limits=tuple(stage.batch_limit(name) for stage in stages),
        waits_ns=tuple(-1 if (us := stage.combine_wait_us) is None else us * 1000 for stage in stages),
        watched=run.plan.dynamic,
        bases=() if run.course is None else tuple(run.course.bases),
    )


def _cores(plan: Plan, pin: bool) -> dict[str, tuple[int, ...]]:
    """Give each worker of the plan a core of those this process may use, in turn."""
    if not pin or not hasattr(os, "sched_getaffinity"):
        return dict.fromkeys(plan.pools, ())
    free, taken, cores = sorted(os.sched_getaffinity(0)), 0, {}
    for name, pool in plan.pools.items():
        cores[name] = tuple(free[(taken + number) % len(free)] for number in range(pool.workers))
        taken += pool.workers
    return cores
