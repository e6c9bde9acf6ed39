"""What the policies beyond the paper win over the best static plan: `python benchmarks/policies.py [--out FILE.json]`.

Simulated (`--engine` adds a look at the engine): for each network, host and target the best plan of a grid of batch
sizes and thresholds, then the best of a grid of each policy's own knobs, on one trace; then both again, paired, on
fresh traces (which grid point is best on the first trace is partly its luck; the gain is measured without that).
The table it prints is that of docs/reproductions/policies.md.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from tailrank.core import Plan, Pool, Stage, Trace
from tailrank.metrics import SLATarget, meets
from tailrank.simulator import Simulator, saturated
from tailrank.timing import MODERN, LinearTime, ServiceTable, ServiceTime, Switches, parse_host, services
from tailrank.tuner import Replication, capacity, speedup
from tailrank.workload import Workload
from tailrank.zoo import get

BATCHES = (8, 16, 32, 64, 128, 256, 512, 1024)
STATIC_BATCHES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
THRESHOLDS = (None, *range(32, 1000, 32))
FLOORS = (1, 64, 128, 256, 384, 512, 640, 768)
LEASTS = (1, 16, 64)
NETWORKS = ("ncf", "wnd", "mtwnd", "rmc1", "rmc2", "rmc3", "din", "dien")
TARGETS = {"low": 0.5, "medium": 1.0, "high": 1.5}
STEP = 1.02  # of the race on one trace
LOAD = 0.85  # of the static plan's capacity, offered to the engine
LASTING = 30  # targets that a run lasts at least
Options = dict[str, Any]


class Kept:
    """A service time whose table is made once."""

    def __init__(self, service: ServiceTime) -> None:
        self.service, self.tables = service, dict[int, ServiceTable]()

    def table(self, max_items: int, workers: int) -> ServiceTable:
        if workers not in self.tables:
            self.tables[workers] = self.service.table(max(max_items, 2048), workers)
        return self.tables[workers]


class Cell(NamedTuple):
    """A network (or a stand-in) on a host, and its target."""

    name: str
    host: str
    target: str
    sla: SLATarget
    services: dict[tuple[str, str], ServiceTime]
    pools: dict[str, Pool]

    def plan(self, **options: Any) -> Plan:
        return Plan(stages=(Stage(model="m", **options),), pools=self.pools)


def cells(names: Iterable[str], hosts: Iterable[str], targets: Iterable[str]) -> Iterable[Cell]:
    """Networks on hosts of the catalogue, and stand-ins whose times anyone can check."""
    for host_name in hosts:
        switches = MODERN if host_name.startswith("modern:") else Switches()
        host = parse_host(host_name.removeprefix("modern:"))
        for name in names:
            network = get(name)
            found = services(network, host, switches=switches)
            kept: dict[tuple[str, str], ServiceTime] = {("m", pool): Kept(each) for (_, pool), each in found.items()}
            for target in targets:
                sla = SLATarget(latency_ms=network.sla_ms * TARGETS[target])
                yield Cell(name, host_name, target, sla, kept, host.pools())


def stand_ins() -> Iterable[Cell]:
    for name, gpu_us, gpu_item_us in (("gpu 4 cores", 2000.0, 5.0), ("gpu 20 cores", 1000.0, 1.0)):
        times: dict[tuple[str, str], ServiceTime] = {
            ("m", "cpu"): LinearTime(200e3, 20e3),
            ("m", "gpu"): LinearTime(gpu_us * 1e3, gpu_item_us * 1e3),
        }
        pools = {"cpu": Pool(workers=8), "gpu": Pool(workers=1, device="cuda")}
        for target, ms in (("low", 10.0), ("medium", 20.0), ("high", 40.0)):
            yield Cell(name, "8 workers, " + name, target, SLATarget(latency_ms=ms), times, pools)


def best(cell: Cell, plans: Iterable[Plan], trace: Trace, start_qps: float) -> tuple[Plan | None, float]:
    """Return the plan with the highest load that meets the target on `trace`, to within `STEP`, and that load.

    A plan that does not beat the leader costs one run: served just above the leader's load, it misses.
    """
    simulator = Simulator(cell.services, detail=False)

    def ok(plan: Plan, qps: float) -> bool:
        records = simulator.serve(trace.at_rate(qps), plan)
        return meets(records, cell.sla) and not saturated(records)

    leader, qps = None, start_qps
    for plan in plans:
        if leader is None and not ok(plan, qps):
            if not ok(plan, start_qps / 50):
                continue
            qps = start_qps / 50
        elif leader is not None:
            if not ok(plan, qps * STEP):
                continue
            qps *= STEP
        leader, factor = plan, 1.3
        while factor > STEP / 1.001:
            while ok(plan, qps * factor):
                qps *= factor
            factor = factor**0.5 if factor > STEP**2 else 1.0
    return leader, qps


def grid(cell: Cell, batches: Sequence[int], thresholds: Sequence[int | None], **options: Any) -> list[Plan]:
    return [
        cell.plan(batch_size=size, offload_at=at, offload_pool=None if at is None else "gpu", **options)
        for size in batches
        for at in thresholds
    ]


def near(values: Sequence[int], value: int) -> list[int]:
    """Return the values at most a factor of four away."""
    return [each for each in values if value / 4 <= each <= value * 4]


def policies(cell: Cell, static: Plan) -> dict[str, list[Plan]]:
    """Return the plans to try of each policy, around the best static one where a full grid would take too long."""
    stage = static.stages[0]
    where: Options = {"offload_at": stage.offload_at, "offload_pool": stage.offload_pool}
    sizes = near(BATCHES, stage.batch_size)
    aware = grid(cell, sizes, FLOORS, offload="queue-aware")
    larger = sorted({*sizes, 256, 512, 1024})
    adapt = [
        cell.plan(batch_size=size, adapt=True, least_batch=least, **where)
        for size in larger
        for least in LEASTS
        if least <= size
    ]
    combine = [
        cell.plan(batch_size=size, combine_wait_us=wait, offload_batch=limit, **where)
        for size in sizes
        for wait in (0, 500)
        for limit in ((512, 2048) if stage.offload_pool else (None,))
    ]
    return {"queue-aware": aware, "adapt": adapt, "combine": combine}


def together(cell: Cell, winners: dict[str, Plan]) -> list[Plan]:
    """Return plans with several policies at once, around what won alone."""
    aware, adapt, combine = (winners[name].stages[0] for name in ("queue-aware", "adapt", "combine"))
    shared = {"combine_wait_us": 0, "offload_batch": combine.offload_batch or 1024}
    found = []
    for size in sorted({aware.batch_size, adapt.batch_size}):
        for floor in near(FLOORS, aware.offload_at or 1):
            for least in {1, min(size, adapt.least_batch)}:
                both = replace(aware, batch_size=size, offload_at=floor, adapt=True, least_batch=least)
                found += [both, replace(both, **shared)]
    return [Plan(stages=(stage,), pools=cell.pools) for stage in found]


def measured(cell: Cell, plan: Plan, qps: float, queries: int, replications: int) -> Any:
    repeated = [
        Replication(
            Simulator(cell.services, seed=100 + number, detail=False),
            Workload().trace(queries, 100.0, 7, replication=number),
        )
        for number in range(replications)
    ]
    return capacity(repeated, plan, cell.sla, start_qps=qps, tolerance=0.005)


def study(cell: Cell, queries: int, replications: int, told: Callable[[str], None]) -> dict[str, Any] | None:
    """Return what each policy wins in one cell; None where no static plan meets the target."""
    began = time.monotonic()
    trace = Workload().trace(2 * queries, 100.0, 3)
    start_qps = 1e3 / cell.sla.latency_ms
    static, static_qps = best(cell, grid(cell, STATIC_BATCHES, THRESHOLDS), trace, start_qps)
    if static is None:
        return None
    queries = max(queries, round(LASTING * static_qps * cell.sla.latency_ms / 1e3))
    winners, loads = {}, {}
    for name, plans in policies(cell, static).items():
        found, qps = best(cell, [static, *plans], trace, static_qps / STEP)
        winners[name], loads[name] = found or static, qps
    found, qps = best(cell, [*winners.values(), *together(cell, winners)], trace, static_qps / STEP)
    winners["all"], loads["all"] = found or static, qps
    base = measured(cell, static, static_qps, queries, replications)
    row: dict[str, Any] = {"network": cell.name, "host": cell.host, "target": cell.target}
    row |= {"sla_ms": cell.sla.latency_ms, "static": describe(static), "static_qps": base.qps, "policies": {}}
    row["at_half"] = at_half(cell, static, base.qps, 4 * queries)
    for name, plan in winners.items():
        if plan == static:
            row["policies"][name] = {"plan": describe(plan), "gain": 1.0, "low": 1.0, "high": 1.0}
            continue
        reading = measured(cell, plan, loads[name], queries, replications)
        gain = speedup(reading, base)
        row["policies"][name] = {"plan": describe(plan), "qps": reading.qps}
        row["policies"][name] |= {"gain": gain.value, "low": gain.low, "high": gain.high}
    gains = ", ".join(f"{name} {each['gain']:.3f}" for name, each in row["policies"].items())
    told(f"{cell.name} {cell.host} {cell.target}: {gains} ({time.monotonic() - began:.0f} s)")
    return row


def at_half(cell: Cell, static: Plan, qps: float, queries: int) -> dict[str, list[float]]:
    """Return p50, p95 and p99 in ms at half the load `qps` of the static plan, and with slices that adapt."""
    offered = Workload().trace(queries, qps / 2, 5)
    found = {}
    for name, options in (
        ("static", {}),
        ("adapt", {"adapt": True}),
        ("adapt from 16", {"adapt": True, "least_batch": 16}),
    ):
        plan = Plan(stages=(replace(static.stages[0], **options),), pools=cell.pools)
        latency_ms = Simulator(cell.services).serve(offered, plan).latency_ns / 1e6
        found[name] = [float(each) for each in np.percentile(latency_ms, (50, 95, 99))]
    return found


def describe(plan: Plan) -> Options:
    stage = plan.stages[0]
    keys = ("batch_size", "offload_at", "offload", "adapt", "least_batch", "combine_wait_us", "offload_batch")
    return {key: getattr(stage, key) for key in keys}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the gains as Markdown: a row for each network, host and target; then geometric means."""
    names = list(rows[0]["policies"])
    head = ["network", "host", "target", "static qps", *names]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        gains = [f"{p['gain']:.3f} ({p['low']:.3f}-{p['high']:.3f})" for p in row["policies"].values()]
        lines.append(
            f"| {row['network']} | {row['host']} | {row['target']} | {row['static_qps']:.0f} | {' | '.join(gains)} |"
        )
    for host in dict.fromkeys(row["host"] for row in rows):
        mine = [row for row in rows if row["host"] == host]
        means = [f"{statistics.geometric_mean([r['policies'][n]['gain'] for r in mine]):.3f}" for n in names]
        lines.append(f"| geometric mean | {host} | | | {' | '.join(means)} |")
    return "\n".join(lines)


def on_engine(seconds: float) -> list[dict[str, Any]]:
    """Serve a stand-in whose workers sleep: the best static plan and the best queue-aware one, simulated and served.

    Batches take tens of milliseconds, so that what else the host does hardly matters.
    """
    from tailrank.engine import Engine, TimedScorer

    times: dict[tuple[str, str], ServiceTime] = {
        ("m", "cpu"): LinearTime(10e6, 1e6),
        ("m", "gpu"): LinearTime(40e6, 100e3),
    }
    pools = {"cpu": Pool(workers=6), "gpu": Pool(workers=1, device="pretend")}
    cell = Cell("sleeping", "6 workers + card", "", SLATarget(latency_ms=400.0), times, pools)
    trace = Workload().trace(4000, 100.0, 3)
    static, static_qps = best(cell, grid(cell, STATIC_BATCHES, THRESHOLDS), trace, 2.0)
    assert static is not None
    plans = grid(cell, BATCHES, FLOORS, offload="queue-aware", adapt=True, least_batch=16)
    plans += grid(cell, BATCHES, FLOORS, offload="queue-aware")
    aware, aware_qps = best(cell, plans, trace, static_qps / STEP)
    scorers = {"m": TimedScorer(10_000_000, 1_000_000), ("m", "pretend"): TimedScorer(40_000_000, 100_000)}
    offered = Workload().trace(round(LOAD * static_qps * seconds), LOAD * static_qps, 11)
    rows = []
    for name, plan, qps in (("static", static, static_qps), ("queue-aware", aware or static, aware_qps)):
        row: dict[str, Any] = {"plan": name, "simulated_capacity_qps": qps, "offered_qps": offered.offered_qps}
        row |= describe(plan)
        for system, served in (
            ("simulated", Simulator(times)),
            ("engine", Engine(scorers, crew="threads", services=times)),
            ("engine, learning", Engine(scorers, crew="threads")),
        ):
            latency_ms = served.serve(offered, plan).latency_ns / 1e6
            row[f"{system}: p50, p95, p99 ms"] = [
                round(float(each), 1) for each in np.percentile(latency_ms, (50, 95, 99))
            ]
        rows.append(row)
    return rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, help="write everything as JSON here")
    arguments.add_argument("--hosts", default="skylake-40c+gtx-1080ti,modern:skylake-40c+t4")
    arguments.add_argument("--networks", default=",".join(NETWORKS))
    arguments.add_argument("--targets", default="low,medium,high")
    arguments.add_argument("--queries", type=int, default=6000)
    arguments.add_argument("--replications", type=int, default=4)
    arguments.add_argument("--of", choices=("all", "stand-ins", "catalogue"), default="all")
    arguments.add_argument("--engine", type=float, metavar="SECONDS", help="serve a stand-in on the engine, too")
    given = arguments.parse_args()

    def told(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    todo = [] if given.of == "catalogue" else list(stand_ins())
    if given.of != "stand-ins":
        todo += cells(given.networks.split(","), given.hosts.split(","), given.targets.split(","))
    rows = []
    for cell in todo:
        row = study(cell, given.queries, given.replications, told)
        if row is not None:
            rows.append(row)
    print(table(rows))
    found = {"rows": rows, "engine": on_engine(given.engine) if given.engine else []}
    if given.out:
        given.out.write_text(json.dumps(found, indent=1))
    for row in found["engine"]:
        print(row)


if __name__ == "__main__":
    main()
