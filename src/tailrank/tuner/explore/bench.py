"""The simulator as an exploration asks it: plans of funnels, their capacity, and their percentile at one load."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Pool, Stage, Trace, stream
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import NO_OVERHEADS, Overheads, ServiceTime, Tabled
from tailrank.tuner.budget import prefix
from tailrank.tuner.capacity import Capacity, Replication, capacity
from tailrank.tuner.explore.arithmetic import Arithmetic, Crowded, Option
from tailrank.tuner.explore.space import MOST_STAGES, Feed, Funnel, Space
from tailrank.tuner.reading import tail_ms
from tailrank.tuner.stable import Stable
from tailrank.workload import Poisson

__all__ = ["AtLoad", "Bench", "plan_of"]

I64 = NDArray[np.int64]
Services = Mapping[tuple[str, str], ServiceTime]
PowerOf = Callable[[Mapping[str, float]], float]

LASTING = 16  # target latencies that a run lasts at the capacity that arithmetic allows
LEAST, MOST = 2000, 40_000  # queries of a run
TOLERANCE = 0.01


@dataclass(frozen=True)
class AtLoad:
    """What a plan does at a given load; `tail_ms` is infinite where it cannot keep up."""

    tail_ms: float
    busy: Mapping[str, float]


def plan_of(space: Space, funnel: Funnel, option: Option, *, feed: Feed = "whole") -> Plan:
    """Return `funnel` as a plan; where stages on one device do not share workers, each has a pool of its own."""
    pools: dict[str, Pool] = {}
    stages = []
    after = (*funnel.items[1:], space.results)
    for number, (network, place, batch) in enumerate(zip(funnel.networks, option.places, option.batches, strict=True)):
        name = place if option.sharing == "shared" else f"{place}-{number + 1}"
        pools[name] = replace(space.pools[place], workers=option.workers[number])
        stage = Stage(model=network, batch_size=batch, pool=name, keep=after[number])
        if number == 0 and len(funnel.networks) > 1 and feed != "whole":
            stage = replace(stage, feed=feed)
        if number == 0 and option.offload is not None:
            at, other = option.offload
            pools[other] = space.pools[other]
            stage = replace(stage, offload_at=at, offload_pool=other)
        stages.append(stage)
    return Plan(stages=tuple(stages), pools=pools, take=funnel.items[0])


class Bench:
    """Simulates plans of `space` under queries whose sizes are drawn from `sizes`, shape (n,): those of the data.

    `services` are by network and pool of the space. All plans meet the same queries and the same service noise
    (common random numbers). `power_w` says what the host draws from the busy share of each pool of the space.
    """

    def __init__(
        self,
        space: Space,
        services: Services,
        sizes: I64,
        target: SLATarget,
        *,
        seed: int = 0,
        overheads: Overheads = NO_OVERHEADS,
        power_w: PowerOf | None = None,
    ) -> None:
        self.space, self.target, self.seed, self.overheads, self.power_w = space, target, seed, overheads, power_w
        kept = {key: Tabled(service) for key, service in services.items()}
        self.arithmetic = Arithmetic(space, kept, sizes, target.percentile)
        self.services: dict[tuple[str, str], ServiceTime] = dict(kept)
        for (network, pool), service in kept.items():
            crowded = Tabled(Crowded(service, space.pools[pool].workers))
            self.services |= {(network, f"{pool}-{stage + 1}"): crowded for stage in range(MOST_STAGES)}
        self.sizes = sizes
        self.runs = 0
        self._systems: dict[int, Stable] = {}
        self._traces: dict[int, Trace] = {}

    def trace(self, queries: int, replication: int = 0) -> Trace:
        """Return `queries` queries of a repetition at 1 qps; a shorter trace begins like a longer one."""
        held = self._traces.get(replication)
        if held is None or len(held) < queries:
            count = max(queries, LEAST if held is None else 2 * len(held))
            number = stream(self.seed, "explored queries", replication).integers(0, len(self.sizes), count)
            arrival_ns = Poisson().draw(count, 1.0, stream(self.seed, "explored arrivals", replication))
            held = self._traces[replication] = Trace(arrival_ns, self.sizes[number])
        return prefix(held, queries)

    def capacity(self, plan: Plan, option: Option, *, repetitions: int = 1, near_qps: float | None = None) -> Capacity:
        """Return the capacity of `plan`, which is `option` of some funnel."""
        likely = max(option.likely_qps, 1e-3)
        queries = int(np.clip(LASTING * likely * self.target.latency_ms / 1e3, LEAST, MOST))
        while True:
            repeated = [Replication(self._system(each), self.trace(queries, each)) for each in range(repetitions)]
            try:
                found = capacity(repeated, plan, self.target, tolerance=TOLERANCE, start_qps=near_qps or 0.8 * likely)
            except BadInputError:
                if queries >= 64 * MOST:
                    raise
                queries *= 4  # too short to tell a stable run from an overloaded one
                continue
            self.runs += found.probes
            return found

    def at_load(self, plan: Plan, qps: float) -> AtLoad:
        """Return the target's percentile of `plan` at `qps`, and the busy share of each pool of the space."""
        queries = int(np.clip(LASTING * qps * self.target.latency_ms / 1e3, LEAST, MOST))
        records = self._system(0).serve(self.trace(queries).at_rate(qps), plan)
        self.runs += 1
        tail = tail_ms(records, self.target) if records.ok.all() else math.inf
        busy = dict.fromkeys(self.space.pools, 0.0)
        for name, pool in plan.pools.items():
            place = name if name in busy else name.rpartition("-")[0]
            share = records.meta.get(f"utilisation.{name}", 0.0)
            busy[place] += share * pool.workers / self.space.pools[place].workers
        return AtLoad(tail, busy)

    def _system(self, number: int) -> Stable:
        if number not in self._systems:
            simulator = Simulator(self.services, overheads=self.overheads, seed=self.seed + number, detail=False)
            self._systems[number] = Stable(simulator)
        return self._systems[number]
