"""Tails of a design under load: the simulator serves its stages, pools of sub-arrays with a queue each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tailrank.cli.output import table

if TYPE_CHECKING:
    from tailrank.accelerator import Design

__all__ = ["ARRIVALS", "tail_text", "tails"]

ARRIVALS = ("poisson", "paper")
QUERIES = 10_000  # as many as the artifact serves


def tails(design: "Design", loads_qps: Sequence[float], *, arrivals: str, seed: int) -> list[dict[str, Any]]:
    """Return percentiles of latency at each offered load; `saturated` names the stages that cannot keep up."""
    import numpy as np

    from tailrank.accelerator import simulated
    from tailrank.simulator import Simulator, saturated
    from tailrank.workload import Fixed, Paper, Poisson, Workload

    plan, services = simulated(design)
    workload = Workload(
        arrivals=Paper() if arrivals == "paper" else Poisson(), sizes=Fixed(size=design.stages[0].items)
    )
    simulator = Simulator(services, detail=False, seed=seed)
    found = []
    for qps in loads_qps:
        records = simulator.serve(workload.trace(QUERIES, qps, seed), plan)
        p50, p95, p99 = np.percentile(records.latency_ns, [50, 95, 99]) / 1e6
        found.append(
            {
                "offered_qps": qps,
                "p50_ms": float(p50),
                "p95_ms": float(p95),
                "p99_ms": float(p99),
                "saturated": list(saturated(records)),
            }
        )
    return found


def tail_text(found: Sequence[dict[str, Any]], arrivals: str) -> str:
    """Return the same as a table."""
    rows = [
        (each["offered_qps"], each["p50_ms"], each["p95_ms"], each["p99_ms"], ", ".join(each["saturated"]) or "none")
        for each in found
    ]
    kind = "Poisson arrivals" if arrivals == "poisson" else "the artifact's whole-millisecond gaps"
    return f"{QUERIES} queries, {kind}\n" + table(("offered qps", "p50 ms", "p95 ms", "p99 ms", "saturated"), rows)
