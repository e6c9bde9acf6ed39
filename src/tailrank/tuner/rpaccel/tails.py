"""A design under load: the compiled simulator serves its stages, a pool of sub-arrays with one queue each.

Every stage takes the same time for each query, so a query counts as one item here. All designs meet the same arrivals.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tailrank.accelerator import Design, evaluate
from tailrank.core import BadInputError, Plan, Pool, Stage, Trace
from tailrank.simulator import Simulator, saturated
from tailrank.timing import ConstantTime, ServiceTime
from tailrank.workload import Fixed, Paper, Poisson, Workload

__all__ = ["Arrivals", "Loaded", "Tail", "constant_stages"]

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


class Loaded:
    """Serves designs at loads; `queries` long, the arrivals of `seed`."""

    def __init__(self, *, queries: int = 10_000, seed: int = 1) -> None:
        self.queries, self.seed = queries, seed
        self._traces: dict[tuple[Arrivals, float], Trace] = {}

    def tail(self, design: Design, qps: float, arrivals: Arrivals = "poisson") -> Tail:
        """Return percentiles of latency of whole queries; raises `BadInputError` for a design with sub-batches."""
        if design.sub_batches > 1:
            raise BadInputError(
                f"sub_batches: {design.sub_batches}; queries are served whole under load", hint="give 1"
            )
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

    def _trace(self, arrivals: Arrivals, qps: float) -> Trace:
        key = arrivals, qps
        if key not in self._traces:
            kind = Paper() if arrivals == "paper" else Poisson()
            workload = Workload(arrivals=kind, sizes=Fixed(size=1))
            self._traces[key] = workload.trace(self.queries, qps, self.seed)
        return self._traces[key]
