"""Figure 14: CPU, GPU and RPAccel at low, medium and high load, ours modelled beside the logged ones.

CPU and GPU are rooflines of the catalogue's devices, and serve queries as the artifact does: each stage scores all of a
query's items in one batch, CPU stages share the cores evenly, and the GPU works on one batch at a time. `split` lets
cores share a query instead, as DeepRecSys does. `tuned` is software of today: fused lookups, narrow ids, and copies
that are pinned and overlap.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tailrank import zoo
from tailrank.accelerator import Mode
from tailrank.core import Plan, Pool, Stage, Trace
from tailrank.simulator import Simulator, saturated
from tailrank.timing import MODERN, ServiceTime, Switches, parse_host, services
from tailrank.tuner.rpaccel.configurations import FUNNELS, ITEMS, MODES, configurations, funnel
from tailrank.tuner.rpaccel.published import artifact_values
from tailrank.tuner.rpaccel.tails import Arrivals, Loaded
from tailrank.workload import Fixed, Paper, Poisson, Workload

__all__ = ["CRITEO", "GAPS_MS", "HOST", "MOVIELENS", "Tiers", "devices"]

HOST = "cascade-lake:cores=32+t4"
CORES = 32  # of the artifact's engines
GAPS_MS = {"low": 15.0, "medium": 2.5, "high": 0.5}
SPLIT = 256
MOST_QUERIES = 2_000  # of a run on CPU and GPU, as many as the artifact serves there
KINDS: tuple[Arrivals, ...] = ("paper", "poisson")


class Tiers(NamedTuple):
    """Networks, and items into each stage, by number of stages; `logged`: the artifact has values of these."""

    name: str
    networks: Mapping[int, tuple[str, ...]]
    items: Mapping[int, tuple[int, ...]]
    logged: bool = False


CRITEO = Tiers("criteo", FUNNELS, ITEMS, logged=True)
NEUMF = ("neumf-20m-small", "neumf-20m-medium", "neumf-20m-large")
MOVIELENS = Tiers(
    "movielens-20m",
    {1: NEUMF[2:], 2: (NEUMF[0], NEUMF[2]), 3: NEUMF},
    {1: (4000,), 2: (4000, 400), 3: (4000, 400, 250)},
)
"""The artifact's MovieLens-20M funnels, for which it ships neither logs nor trained networks."""


def devices(loaded: Loaded, *, seed: int, tiers: Tiers = CRITEO) -> list[dict[str, Any]]:
    """Return rows {device, stages, arrivals, low, medium, high, artifact}: p95 in ms, None where it cannot keep up.

    RPAccel's is that of the best configuration at each load. `artifact` has the logged values of the same cell, None
    where unachievable, or is None itself.
    """
    queries = min(loaded.queries, MOST_QUERIES)
    rows = [row for kind in KINDS for row in _modelled(tiers, kind, queries, seed)]
    for kind in KINDS:
        for mode in MODES:
            for depth in tiers.networks:
                row: dict[str, Any] = {"device": f"RPAccel, {mode}", "stages": depth, "arrivals": kind}
                rows.append(row | _rpaccel(loaded, tiers, mode, depth, kind))
    return [row | {"artifact": _logged(row["device"], row["stages"]) if tiers.logged else None} for row in rows]


def _rpaccel(loaded: Loaded, tiers: Tiers, mode: Mode, depth: int, kind: Arrivals) -> dict[str, float | None]:
    networks, items = tiers.networks[depth], tiers.items[depth]
    designs = [funnel(slices, mode, networks=networks, items=items) for slices in configurations(depth)]
    found: dict[str, float | None] = {}
    for load, gap_ms in GAPS_MS.items():
        tails = (loaded.tail(design, 1e3 / gap_ms, kind) for design in designs)
        found[load] = min((tail.p95_ms for tail in tails if tail.stable), default=None)
    return found


def _logged(device: str, stages: int) -> dict[str, float | None] | None:
    for each in artifact_values().device:
        same = device in (each.name, f"{each.name}, released", f"{each.name}, corrected")
        if same and stages <= len(each.low):
            values = {"low": each.low, "medium": each.medium, "high": each.high}
            return {load: _finite(by_stages[stages - 1]) for load, by_stages in values.items()}
    return None


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _modelled(tiers: Tiers, kind: Arrivals, queries: int, seed: int) -> list[dict[str, Any]]:
    rows = []
    software = {"": _known(tiers, Switches()), ", tuned": _known(tiers, MODERN)}
    traces = {
        load: Workload(arrivals=Paper() if kind == "paper" else Poisson(), sizes=Fixed(size=tiers.items[1][0])).trace(
            queries, 1e3 / gap, seed
        )
        for load, gap in GAPS_MS.items()
    }
    for device, plan in _plans(tiers):
        known = software[", tuned" if device.endswith(", tuned") else ""]
        kept = {
            (stage.model, stage.pool): known[stage.model, "gpu" if stage.pool == "gpu" else "cpu"]
            for stage in plan.stages
        }
        row: dict[str, Any] = {"device": device, "stages": len(plan.stages), "arrivals": kind}
        simulator = Simulator(kept, detail=False, seed=seed)
        rows.append(row | {load: _p95(simulator, trace, plan) for load, trace in traces.items()})
    return rows


def _known(tiers: Tiers, switches: Switches) -> dict[tuple[str, str], ServiceTime]:
    host = parse_host(HOST)
    found: dict[tuple[str, str], ServiceTime] = {}
    for name in tiers.networks[3]:
        found |= services(zoo.get(name), host, switches=switches)
    return found


def _p95(simulator: Simulator, trace: Trace, plan: Plan) -> float | None:
    records = simulator.serve(trace, plan)
    return None if saturated(records) else float(np.percentile(records.latency_ns, 95)) / 1e6


def _plans(tiers: Tiers) -> list[tuple[str, Plan]]:
    gpu = Pool(workers=1, device="cuda")
    found = [("CPU", _on_cpu(tiers, depth, None)) for depth in (1, 2, 3)]
    found += [("CPU, split", _on_cpu(tiers, depth, SPLIT)) for depth in (1, 2, 3)]
    front, large = tiers.networks[2]
    whole, kept = tiers.items[2]
    alone = Plan(stages=(Stage(model=large, batch_size=whole, pool="gpu"),), pools={"gpu": gpu})
    before = Plan(
        stages=(
            Stage(model=front, batch_size=whole, pool="gpu", keep=kept),
            Stage(model=large, batch_size=kept, pool="cpu-1"),
        ),
        pools={"gpu": gpu, "cpu-1": Pool(workers=CORES)},
    )
    found += [("GPU", alone), ("GPU", before)]
    return found + [(f"{device}, tuned", plan) for device, plan in found]


def _on_cpu(tiers: Tiers, depth: int, split: int | None) -> Plan:
    items = tiers.items[depth]
    keeps = (*items[1:], None)
    stages = tuple(
        Stage(model=name, batch_size=min(split or each, each), pool=f"cpu-{number}", keep=keeps[number])
        for number, (name, each) in enumerate(zip(tiers.networks[depth], items, strict=True))
    )
    return Plan(stages=stages, pools={stage.pool: Pool(workers=CORES // depth) for stage in stages})
