"""A design under load: the compiled simulator serves its stages, a pool of sub-arrays with one queue each.

Every stage takes the same time for each query, so a query counts as one item here. All designs meet the same arrivals.
"""

import heapq
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.accelerator import Design, Evaluation, evaluate
from tailrank.core import BadInputError, Plan, Pool, Stage, Trace
from tailrank.simulator import Simulator, saturated
from tailrank.timing import ConstantTime, ServiceTime
from tailrank.workload import Fixed, Paper, Poisson, Workload

__all__ = ["Arrivals", "Loaded", "Tail", "constant_stages", "in_parts"]

Arrivals = Literal["poisson", "paper"]


@dataclass(frozen=True)
class Tail:
    """Latency in ms at one load; `stable` is false where some stage was offered more than it can do."""

    qps: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    stable: bool


def constant_stages(
    each_ns: list[tuple[str, float, int]], *, shared: bool = False
) -> tuple[Plan, dict[tuple[str, str], ServiceTime]]:
    """Return plan and service times of stages (name, nanoseconds a query, servers); `shared`: all on one pool."""
    pools = {"stage-0": Pool(workers=each_ns[0][2], device="rpaccel")}
    services: dict[tuple[str, str], ServiceTime] = {}
    stages = []
    for number, (name, ns, servers) in enumerate(each_ns):
        pool = "stage-0" if shared else f"stage-{number}"
        pools[pool] = Pool(workers=servers, device="rpaccel")
        stages.append(Stage(model=name, batch_size=1, pool=pool))
        services[name, pool] = ConstantTime(ns)
    return Plan(stages=tuple(stages), pools=pools), services


def in_parts(arrival_ns: NDArray[np.int64], found: Evaluation, parts: int, *, each_stage: bool) -> NDArray[np.float64]:
    """Return the latency in ns of queries cut into `parts`, shape (n,).

    A query holds a sub-array of a stage, the one that is free first, from its first part there to its last, and the
    link is paid before its first stage and after its last, or with `each_stage` by every part. As all take the same
    time, they pass from stage to stage in the order in which they came.
    """
    ready = np.repeat(arrival_ns.astype(np.float64)[:, None], parts, axis=1)  # (n, parts)
    last = len(found.stages) - 1
    for number, stage in enumerate(found.stages):
        before = stage.link_ns if number == 0 and not each_stage else 0.0
        after = stage.link_ns if number == last != 0 and not each_stage else 0.0
        work = stage.latency_ns if each_stage else stage.work_ns
        pace = max(work, stage.fetch_ns)
        free = [0.0] * stage.part.count
        for query in range(len(ready)):
            at = max(heapq.heappop(free), ready[query, 0]) + before
            for part in range(parts):
                at = max(at, ready[query, part])
                ready[query, part] = at + work
                at += pace
            heapq.heappush(free, at + after)
        ready[:, -1] += after
    return ready[:, -1] - arrival_ns


class Loaded:
    """Serves designs at loads; `queries` long, the arrivals of `seed`."""

    def __init__(self, *, queries: int = 10_000, seed: int = 1) -> None:
        self.queries, self.seed = queries, seed
        self._traces: dict[tuple[Arrivals, float], Trace] = {}

    def tail(self, design: Design, qps: float, arrivals: Arrivals = "poisson") -> Tail:
        """Return percentiles of latency; queries in parts go through one sub-array a stage, part by part.

        Raises `BadInputError` for parts on the undivided array, in turns.
        """
        if design.sub_batches > 1:
            return self._in_parts(design, qps, arrivals)
        stages = evaluate(design).stages
        rows = [(stage.network, stage.latency_ns, stage.part.count) for stage in stages]
        return self.served(*constant_stages(rows, shared=all(stage.part.shared for stage in stages)), qps, arrivals)

    def served(
        self, plan: Plan, services: dict[tuple[str, str], ServiceTime], qps: float, arrivals: Arrivals = "poisson"
    ) -> Tail:
        """Return the same for stages whose times are constant."""
        records = Simulator(services, detail=False, seed=self.seed).serve(self._trace(arrivals, qps), plan)
        p50, p95, p99 = np.percentile(records.latency_ns, [50, 95, 99]) / 1e6
        return Tail(qps, float(p50), float(p95), float(p99), not saturated(records))

    def _in_parts(self, design: Design, qps: float, arrivals: Arrivals) -> Tail:
        found = evaluate(design)
        if any(stage.part.shared for stage in found.stages):
            raise BadInputError(
                f"sub_batches: {design.sub_batches} on the undivided array, where stages do not overlap", hint="give 1"
            )
        trace = self._trace(arrivals, qps)
        latency = in_parts(trace.arrival_ns, found, design.sub_batches, each_stage=design.bugs.link_every_stage)
        p50, p95, p99 = np.percentile(latency, [50, 95, 99]) / 1e6
        offered = 1e9 * len(trace) / max(1, int(trace.arrival_ns[-1] - trace.arrival_ns[0]))
        return Tail(qps, float(p50), float(p95), float(p99), offered < found.capacity_qps)

    def _trace(self, arrivals: Arrivals, qps: float) -> Trace:
        key = arrivals, qps
        if key not in self._traces:
            kind = Paper() if arrivals == "paper" else Poisson()
            workload = Workload(arrivals=kind, sizes=Fixed(size=1))
            self._traces[key] = workload.trace(self.queries, qps, self.seed)
        return self._traces[key]
