"""The search over plans in the simulator: service times and pools in, measured candidates out. Needs no torch."""

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.cli.budget import Budget
from tailrank.cli.kernels import prepare_kernels
from tailrank.cli.progress import Progress
from tailrank.core import Plan, Pool, System
from tailrank.metrics import WARMUP, SLATarget, summarise
from tailrank.scheduler import kept, split_all
from tailrank.simulator import Simulator
from tailrank.timing import NO_OVERHEADS, Overheads, ServiceTime, Tabled
from tailrank.tuner import (
    Candidate,
    Capacity,
    Policies,
    Replication,
    Search,
    batch_sizes,
    capacity,
    climb,
    full_batches,
    full_thresholds,
    joint_climb,
    label,
    offload_thresholds,
    try_policies,
    with_threshold,
)
from tailrank.tuner.stable import Stable
from tailrank.workload import Workload

__all__ = ["Question", "climbed", "curve", "effort", "full_qps", "policed", "repetitions", "services_of"]

LONG_RUN, SHORT_RUN = 60, 12  # target latencies a run lasts: usually, and where small batches make it costly
STEPS = 32  # thresholds of the joint climb, evenly up to the largest query
LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 1.0, 1.02, 1.05, 1.1)  # of the capacity


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked: the best plan for `model` on `pools` (one called `cpu`, perhaps one called `gpu`).

    `services` are by pool; measured profiles and rooflines are all the same here.
    """

    model: str
    pools: Mapping[str, Pool]
    services: Mapping[str, ServiceTime]
    workload: Workload
    target: SLATarget
    seed: int
    overheads: Overheads = NO_OVERHEADS

    @cached_property
    def _tabled(self) -> dict[tuple[str, str], ServiceTime]:
        kept = {pool: Tabled(service) for pool, service in self.services.items()}
        return services_of(self.model, kept)

    def simulator(self, seed: int) -> Simulator:
        """Return a simulator of the pools, whose records have no slices."""
        return Simulator(self._tabled, overheads=self.overheads, seed=seed, detail=False)


def services_of(name: str, profiles: Mapping[str, ServiceTime]) -> dict[tuple[str, str], ServiceTime]:
    """Return service times by model and pool, as the simulator wants them."""
    return {(name, pool): service for pool, service in profiles.items()}


def climbed(asked: Question, baseline: Plan, budget: Budget, progress: Progress) -> Search:
    """Climb over batch sizes; where there is a GPU over thresholds, too, and then over both together.

    A plan that needs no GPU names none.
    """
    prepare_kernels(progress)
    largest = asked.workload.sizes.max_size
    thresholds = offload_thresholds(largest) if "gpu" in asked.pools else ()
    start = replace(baseline, pools=dict(asked.pools))
    queries, slices = effort(asked, start, thresholds, budget)
    replications = repetitions(asked, queries, range(budget.replications))
    sizes = batch_sizes(largest, baseline.stages[0].batch_size)
    began = time.monotonic()

    def measured(plan: Plan) -> Capacity:
        progress.step(f"search: {label(plan)} ({time.monotonic() - began:.0f} s)")
        return capacity(replications, plan, asked.target, slices=slices, warmup=WARMUP)

    if not thresholds:
        # All of the grid: near an unreachable target, capacity over batch size has several humps (waves of slices).
        every = (*sizes, *full_batches(largest)) if budget.refine else sizes
        return climb(measured, start, batches=sorted(set(every)), refine=budget.refine)
    first = climb(measured, start, batches=sizes, thresholds=thresholds, offload_pool="gpu", refine=budget.refine)
    found = joint_climb(
        measured,
        start,
        batches=(*sizes, *full_batches(largest)),
        thresholds=full_thresholds(largest, step=max(1, largest // STEPS)),
        offload_pool="gpu",
        first=first,
        budget=budget.plans,
    )
    return _without_idle_pools(found)


def policed(asked: Question, found: Search, budget: Budget, progress: Progress) -> Policies:
    """Try the policies that look at the pools around the best plan of `found`, and judge each on fresh queries."""
    thresholds = offload_thresholds(asked.workload.sizes.max_size) if "gpu" in asked.pools else ()
    plan = found.best.plan
    queries, slices = effort(asked, replace(plan, pools=dict(asked.pools)), thresholds, budget)
    count, near_qps = budget.replications, found.best.capacity.qps

    def measuring(numbers: Iterable[int], words: str) -> Callable[[Plan], Capacity]:
        replications = repetitions(asked, queries, numbers)

        def measured(each: Plan) -> Capacity:
            progress.step(f"{words}: {label(each)}")
            return capacity(replications, each, asked.target, start_qps=near_qps, slices=slices, warmup=WARMUP)

        return measured

    return try_policies(
        measuring(range(count), "policies"),
        measuring(range(count, 2 * count), "policies, fresh queries"),
        plan,
        asked.pools,
        largest=asked.workload.sizes.max_size,
    )


def repetitions(asked: Question, queries: int, numbers: Iterable[int]) -> list[Replication]:
    """Return independent repetitions of `queries` queries, by number: same number, same bits.

    Where there are several pools, a run that offers one more than it can do misses the target, however few queries go
    there (`Stable`).
    """

    def system(number: int) -> System:
        simulator = asked.simulator(asked.seed + number)
        return Stable(simulator) if len(asked.pools) > 1 else simulator

    return [
        Replication(system(number), asked.workload.trace(queries, 100.0, asked.seed, replication=number))
        for number in numbers
    ]


def effort(asked: Question, plan: Plan, thresholds: Sequence[int], budget: Budget) -> tuple[int, int]:
    """Return queries of a trace and slices of a run: the budget's, or more where runs would be too short.

    A run must last many target latencies, or an overload cannot show; batches of one make `size` slices a query.
    """
    services, workload, seed = asked.services, asked.workload, asked.seed
    seconds = asked.target.latency_ms / 1e3
    waiting = full_qps(services, plan, workload, seed) * seconds  # queries in one target latency
    mean_size = float(_sizes(plan, workload, seed).mean())
    offloading = (with_threshold(plan, value, "gpu") for value in thresholds)
    busiest = max((full_qps(services, each, workload, seed) for each in offloading), default=0.0)
    dispatched = 1e9 / max(asked.overheads.query_ns, 1)  # no GPU serves more than are sent to it
    most = max(waiting, min(busiest, dispatched) * seconds)
    queries, slices = round(LONG_RUN * most), round(SHORT_RUN * (waiting * mean_size + (most if thresholds else 0)))
    return max(budget.queries, queries), max(budget.slices, slices)


def curve(asked: Question, search: Search) -> list[dict[str, Any]]:
    """Return the simulator's latency of the best plan against offered load; unstable points have no latency."""
    best, simulator = search.best, asked.simulator(asked.seed)
    rows = []
    for share in LOADS:
        qps = share * best.capacity.qps
        trace = asked.workload.trace(20_000, qps, asked.seed, replication=950)
        summary = summarise(simulator.serve(trace, best.plan), asked.target)
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


def full_qps(services: Mapping[str, ServiceTime], plan: Plan, workload: Workload, seed: int) -> float:
    """Return the load at which a pool of `plan`, of one stage, would be busy all the time, by mean service times."""
    stage, sizes = plan.stages[0], _sizes(plan, workload, seed)
    query, _, size = split_all(sizes, stage)
    away = sizes[query] >= (stage.offload_at or np.inf)
    loads = []
    for pool, items in ((stage.pool, size[~away]), (stage.offload_pool, size[away])):
        if pool is not None and len(items):
            workers = plan.pools[pool].workers
            mean_ns = services[pool].table(int(items.max()), workers).mean_ns[-1]
            loads.append(workers * len(sizes) / (float(mean_ns[items].sum()) / 1e9))
    return min(loads)


def _sizes(plan: Plan, workload: Workload, seed: int) -> NDArray[np.int64]:
    """Return how many candidates `plan` takes of a few queries that stand for all."""
    size = workload.trace(2000, 1.0, seed, replication=900).size
    return np.minimum(size, kept(int(size.max()), plan.take))


def _without_idle_pools(found: Search) -> Search:
    """Return the search with plans that hold only the pools they use."""

    def trimmed(each: Candidate) -> Candidate:
        used = {pool for stage in each.plan.stages for pool in (stage.pool, stage.offload_pool)}
        pools = {name: pool for name, pool in each.plan.pools.items() if name in used}
        return dataclasses.replace(each, plan=replace(each.plan, pools=pools))

    candidates = tuple(trimmed(each) for each in found.candidates)
    best = next(new for new, old in zip(candidates, found.candidates, strict=True) if old is found.best)
    return Search(best, candidates, found.stage)
