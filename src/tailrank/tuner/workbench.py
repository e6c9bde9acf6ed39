"""What the study measures with: shared traces, simulators, and capacities as close as asked for."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tailrank.core import Plan, Records, System, Trace, stream
from tailrank.metrics import SLATarget, t_interval
from tailrank.simulator import Simulator
from tailrank.timing import Tabled
from tailrank.tuner.bounds import Bounds
from tailrank.tuner.capacity import Capacity, Replication, capacity
from tailrank.tuner.climb import Candidate
from tailrank.tuner.contest import Contest
from tailrank.tuner.race import Course
from tailrank.tuner.stable import Stable
from tailrank.tuner.study import Effort, Hardware
from tailrank.workload import LogNormal, Paper, Poisson, Production

__all__ = ["SLACK", "Workbench", "of_first", "pooled"]

SLACK = 0.002  # bounds are of the very queries served, and an overloaded pool is a miss (`Stable`): for rounding
EARLY = 0.97  # a percentile without the warm-up may be a little earlier than that of all queries
SIZES = 20_000  # queries whose sizes stand for the law's in bounds


@dataclass(frozen=True)
class IntegerGaps:
    """Serves every trace with the arrivals of the public artifacts: whole milliseconds, not Poisson (`Paper`)."""

    system: System
    seed: int
    replication: int

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """See `System`."""
        rng = stream(self.seed, "integer arrivals", self.replication)
        return self.system.serve(Trace(Paper().draw(len(trace), trace.offered_qps, rng), trace.size), plan)


class Workbench:
    """Measures plans of one network on one host; every plan and target meets the same queries.

    `longest_ms` is the loosest target there will be: runs are long enough for it.
    """

    def __init__(self, network: str, hardware: Hardware, effort: Effort, *, seed: int, longest_ms: float) -> None:
        self.network, self.effort, self.seed = network, effort, seed
        self.services = {pool: Tabled(service) for pool, service in hardware.services.items()}
        self.pools = dict(hardware.pools)
        self.workers = {name: pool.workers for name, pool in self.pools.items()}
        self.bounds = Bounds(trace_of(SIZES, seed, 0).size, self.services, self.workers)
        self.floor_qps = 5.0 / longest_ms  # 0.005 queries at once
        self.longest_s = longest_ms / 1e3
        self.probes = 0
        self._systems: list[System] = []
        self._bounds: dict[int, Bounds] = {}

    def lasting(self, qps: float) -> None:
        """Fix how long runs are, for capacities up to about `qps`."""
        effort, waiting = self.effort, qps * self.longest_s
        short = min(effort.race_targets * waiting, effort.most_queries / 2)
        self.race_queries = math.ceil(max(effort.race_queries, short, 12 * waiting))
        run = min(effort.targets * waiting, effort.most_queries)
        self.queries = math.ceil(max(effort.queries, run, 12 * waiting))

    def course(self, target: SLATarget, *, lognormal: bool = False) -> Course:
        """Return where plans race for `target`."""
        trace = trace_of(self.race_queries, self.seed, 0, lognormal=lognormal)
        bounds = Bounds(trace.size, self.services, self.workers)

        def bound_qps(plan: Plan) -> float:
            return 0.0 if bounds.least_ms(plan, target) > target.latency_ms else bounds.most_qps(plan)

        return Course(self.system(0), trace, target, bound_qps, self.floor_qps)

    def system(self, number: int) -> System:
        """Return the simulator of a replication."""
        while len(self._systems) <= number:
            services = {(self.network, pool): service for pool, service in self.services.items()}
            simulator = Simulator(services, seed=self.seed + len(self._systems), detail=False)
            self._systems.append(Stable(simulator))
        return self._systems[number]

    def measure(
        self, plan: Plan, target: SLATarget, near_qps: float | None, *, integer: bool = False, short: bool = False
    ) -> Capacity:
        """Return the capacity of `plan`, repeated until its interval is as narrow as asked for.

        `integer`: under the artifacts' arrivals. `short`: runs of a race, and no more than the first repetitions.
        """
        effort, count = self.effort, self.effort.replications
        parts = [self._measure(range(count), plan, target, near_qps, integer, short)]
        found = parts[0]
        while found.met and not short and _width(found) > effort.precision and count < effort.most_replications:
            more = range(count, min(count + (count + 1) // 2, effort.most_replications))
            parts.append(self._measure(more, plan, target, found.qps, integer, short))
            found, count = pooled(parts), more.stop
        return found

    def contest(self, plan: Plan, target: SLATarget, found: Capacity) -> Contest:
        """Return where other plans challenge `plan`, whose measured capacity is `found`, on the first repetitions."""
        count = min(self.effort.contest, len(found.per_replication))
        return Contest(
            self.repetitions(range(count)),
            target,
            Candidate(plan, of_first(count, found), "study"),
            tolerance=self.effort.tolerance,
            floor_qps=self.floor_qps,
            bound=self.bound(target, range(count)),
            slack=SLACK,
            margin=self.effort.margin,
        )

    def bound(self, target: SLATarget, numbers: Sequence[int]) -> Callable[[Plan], float]:
        """Return what load a plan cannot exceed in any of these repetitions; 0: never in time."""
        bounds = [self._bounds_of(number) for number in numbers]

        def qps(plan: Plan) -> float:
            late = all(each.least_ms(plan, target) * EARLY > target.latency_ms for each in bounds)
            return 0.0 if late else max(each.most_qps(plan) for each in bounds)

        return qps

    def repetitions(self, numbers: Sequence[int]) -> list[Replication]:
        """Return repetitions by number: same number, same queries."""
        return [Replication(self.system(number), trace_of(self.queries, self.seed, number)) for number in numbers]

    def _bounds_of(self, number: int) -> Bounds:
        if number not in self._bounds:
            size = trace_of(self.queries, self.seed, number).size
            self._bounds[number] = Bounds(size, self.services, self.workers)
        return self._bounds[number]

    def busy(self, plan: Plan, qps: float) -> dict[str, float]:
        """Return the share of time that each pool of `plan` works at `qps`."""
        trace = trace_of(self.queries, self.seed, 0).at_rate(qps)
        meta = self.system(0).serve(trace, plan).meta
        return {pool: meta.get(f"utilisation.{pool}", 0.0) for pool in plan.pools}

    def _measure(
        self,
        numbers: Sequence[int],
        plan: Plan,
        target: SLATarget,
        near_qps: float | None,
        integer: bool,
        short: bool,
    ) -> Capacity:
        queries = self.race_queries if short else self.queries
        replications = []
        for number in numbers:
            system = self.system(number)
            if integer:
                system = IntegerGaps(system, self.seed, number)
            replications.append(Replication(system, trace_of(queries, self.seed, number)))
        found = capacity(
            replications,
            plan,
            target,
            tolerance=self.effort.tolerance,
            floor_qps=self.floor_qps,
            start_qps=near_qps,
        )
        self.probes += found.probes
        return found


def of_first(count: int, found: Capacity) -> Capacity:
    """Return what the first `count` repetitions alone say of a plan's capacity; queries and probes stay as they are."""
    loads = found.per_replication[:count]
    qps, low, high = t_interval(loads) if found.met else (0.0, 0.0, 0.0)
    return replace(found, qps=qps, low_qps=max(low, 0.0), high_qps=high * (1 + found.tolerance), per_replication=loads)


def pooled(parts: Sequence[Capacity]) -> Capacity:
    """Return the capacity that several measurements of one plan say together, their repetitions being independent."""
    loads = tuple(load for part in parts for load in part.per_replication)
    met = all(part.met for part in parts)
    qps, low, high = t_interval(loads) if met else (0.0, 0.0, 0.0)
    weights = [len(part.per_replication) / len(loads) for part in parts]
    return replace(
        parts[0],
        qps=qps,
        low_qps=max(low, 0.0),
        high_qps=high * (1 + parts[0].tolerance),
        per_replication=loads,
        queries=sum(part.queries for part in parts),
        probes=sum(part.probes for part in parts),
        percentile_ms=math.fsum(share * part.percentile_ms for share, part in zip(weights, parts, strict=True)),
        smallest_ms=max(part.smallest_ms for part in parts),
        run_s=min(part.run_s for part in parts),
        met=met,
        monotone=all(part.monotone for part in parts),
    )


@lru_cache(maxsize=80)
def trace_of(queries: int, seed: int, replication: int, *, lognormal: bool = False) -> Trace:
    """Return Poisson arrivals with sizes that are stratified: one out of each of `queries` equal parts of their law.

    Each query's size has the exact law and its place is random, but how many large ones there are is no longer luck:
    with independent sizes, runs ten times as long are needed for the same interval where an accelerator gets only
    the largest queries. (Stratified sampling: any textbook of simulation.)
    """
    law = LogNormal() if lognormal else Production()
    rng = stream(seed, "stratified sizes", replication)
    parts = (rng.permutation(queries) + rng.random(queries)) / queries
    upto = np.cumsum(law.probabilities())
    size = np.minimum(np.searchsorted(upto, parts, side="right"), law.max_size)
    return Trace(Poisson().draw(queries, 100.0, stream(seed, "arrivals", replication)), size.astype(np.int64))


def _width(found: Capacity) -> float:
    return (found.high_qps - found.low_qps) / found.qps if found.qps > 0 else 0.0
