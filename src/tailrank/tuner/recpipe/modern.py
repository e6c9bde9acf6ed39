"""The same funnels on hosts that are described, not measured: rooflines of Cascade Lake and of GPUs beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np

from tailrank.core import Config, Plan, Pool, Stage, Trace, stream
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator, saturated
from tailrank.timing import MODERN, LinearTime, Roofline, ServiceTime, Switches, Tabled, device
from tailrank.tuner.capacity import Replication, capacity
from tailrank.tuner.reading import tail_ms
from tailrank.tuner.recpipe.logged import Stages, parse_funnel
from tailrank.tuner.recpipe.pipeline import engine_ms
from tailrank.tuner.stable import Stable
from tailrank.workload import Poisson
from tailrank.zoo import get

__all__ = [
    "CORES",
    "CPU",
    "GPUS",
    "LOADS",
    "TARGET",
    "Case",
    "Outcome",
    "beside",
    "cases",
    "collapse",
    "outcome",
    "service_ms",
    "sort_ms",
]

CPU, CORES = "cascade-lake", 32
GPUS = ("t4", "l4", "h100")
LOADS = (67.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
TARGET = SLATarget(percentile=95.0, latency_ms=50.0)
SPLIT = 256
"""Items of a slice where queries are split."""
QUERIES, REPETITIONS = 4000, 3
SORT = "sort"
HOST_SORT_MS = 0.35  # for 4,096 items: the artifact's accelerator model [C]; its Python takes 1.35 ms [L]
FUNNELS = (
    "rm-small:4096",
    "rm-large:4096",
    "rm-med:4096",
    "rm-small:4096>rm-large:128",
    "rm-small:4096>rm-large:512",
    "rm-small:4096>rm-large:2048",
    "rm-med:4096>rm-large:512",
    "rm-small:4096>rm-med:512>rm-large:128",
)


class Case(Config, frozen=True, kw_only=True):
    """A funnel on a host: `gpu` empty means CPU only, else the first stage runs there. `batch` items go together.

    `naive`: inputs are handed over tensor by tensor by the software, as the artifact does; else they are prepared,
    pinned, and travel while the batch before is computed.
    """

    funnel: str
    gpu: str = ""
    batch: int = 4096
    naive: bool = False

    @property
    def devices(self) -> tuple[str, ...]:
        """The device of each stage."""
        later = ("cpu",) * self.funnel.count(">")
        return ("gpu" if self.gpu else "cpu", *later)


@dataclass(frozen=True)
class Outcome:
    """What a case does: p95 in ms by load (None: it cannot keep up), and the capacity at `TARGET`."""

    case: Case
    p95_ms: dict[float, float | None]
    capacity_qps: float
    stage_ms: tuple[float, ...]


def cases() -> tuple[Case, ...]:
    """Return every case of the study."""
    whole = [Case(funnel=funnel) for funnel in FUNNELS]
    naive = [Case(funnel=funnel, naive=True) for funnel in FUNNELS]
    split = [Case(funnel=funnel, batch=SPLIT) for funnel in FUNNELS]
    fronts = ("rm-large:4096", "rm-small:4096>rm-large:128", "rm-small:4096>rm-large:512")
    beside = [Case(funnel=funnel, gpu=gpu, naive=naive) for gpu in GPUS for naive in (True, False) for funnel in fronts]
    return (*naive, *whole, *split, *beside)


def outcome(case: Case, seed: int, loads: Sequence[float] = LOADS) -> Outcome:
    """Simulate `case` at every load, and find its capacity."""
    stages = parse_funnel(case.funnel)
    plan, services = _plan(case, stages), _services(case.naive, case.gpu)
    tails: dict[float, float | None] = {}
    for qps in loads:
        runs = [_run(plan, services, stages, qps, seed, number) for number in range(REPETITIONS)]
        tails[qps] = None if None in runs else fmean(each for each in runs if each is not None)
    replications = [
        Replication(Stable(_simulator(services, number)), _trace(stages, 100.0, seed, number))
        for number in range(REPETITIONS)
    ]
    found = capacity(replications, plan, TARGET, tolerance=0.01)
    alone = tuple(
        service_ms(network, device, items, naive=case.naive, gpu=case.gpu)
        for (network, items), device in zip(stages, case.devices, strict=True)
    )
    return Outcome(case, tails, found.qps, alone)


def service_ms(network: str, kind: str, items: int, *, naive: bool, gpu: str) -> float:
    """Return how long a query of `items` takes on one core (`kind` cpu) or on the GPU, alone."""
    return 1e3 * _roofline(network, kind, naive, gpu).seconds(items)


def sort_ms(items: int) -> float:
    """Return how long a core sorts the scores of `items`."""
    return HOST_SORT_MS * items / 4096


def collapse(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Return for each case with a GPU the most that its front end can do by arithmetic, its capacity, and a tail."""
    return [
        {
            "funnel": each.case.funnel,
            "gpu": each.case.gpu,
            "inputs": "naive" if each.case.naive else "pinned, overlapped",
            "front_ms": each.stage_ms[0],
            "front_bound_qps": 1e3 / each.stage_ms[0],
            "capacity_qps": each.capacity_qps,
            "p95_ms": each.p95_ms[LOADS[0]],
        }
        for each in outcomes
        if each.case.gpu
    ]


def _plan(case: Case, stages: Stages) -> Plan:
    pools = {"cpu": Pool(workers=CORES)}
    if case.gpu:
        pools["gpu"] = Pool(workers=1, device="cuda")
    made = []
    for number, ((network, items), kind) in enumerate(zip(stages, case.devices, strict=True)):
        after = stages[number + 1][1] if number + 1 < len(stages) else 64
        batch = min(items, case.batch) if kind == "cpu" else items
        made += [Stage(model=network, batch_size=batch, pool=kind)]
        made += [Stage(model=SORT, batch_size=items, pool="cpu", keep=after)]
    return Plan(stages=tuple(made), pools=pools, take=stages[0][1])


@lru_cache(maxsize=16)
def _services(naive: bool, gpu: str) -> dict[tuple[str, str], ServiceTime]:
    found: dict[tuple[str, str], ServiceTime] = {(SORT, "cpu"): LinearTime(0.0, 1e6 * HOST_SORT_MS / 4096)}
    for network in ("rm-small", "rm-med", "rm-large"):
        for kind in ("cpu", "gpu") if gpu else ("cpu",):
            found[network, kind] = Tabled(_roofline(network, kind, naive, gpu))
    return found


@lru_cache(maxsize=64)
def _roofline(network: str, kind: str, naive: bool, gpu: str) -> Roofline:
    how = Switches() if naive else MODERN
    if kind == "gpu":
        return Roofline(get(network), device(gpu), switches=how)
    cpu = device(CPU)
    part = cpu.varied(cores=CORES, dram_gbps=cpu.dram_gbps * CORES / cpu.cores)
    return Roofline(get(network), part, switches=how)


def _simulator(services: dict[tuple[str, str], ServiceTime], number: int) -> Simulator:
    return Simulator(services, seed=number, detail=False)


def _trace(stages: Stages, qps: float, seed: int, number: int) -> Trace:
    arrival_ns = Poisson().draw(QUERIES, qps, stream(seed, "recpipe modern arrivals", number))
    return Trace(arrival_ns, np.full(QUERIES, stages[0][1]))


def _run(
    plan: Plan, services: dict[tuple[str, str], ServiceTime], stages: Stages, qps: float, seed: int, number: int
) -> float | None:
    records = _simulator(services, number).serve(_trace(stages, qps, seed, number), plan)
    return None if saturated(records) else tail_ms(records, TARGET)


def beside() -> list[dict[str, object]]:
    """Return what a query of 4,096 items takes on an engine: logged, by the roofline as the artifact does it, and ours.

    Nothing here was fitted to the artifact's times: the rooflines' parameters come from other machines and networks.
    """
    return [
        {
            "network": network,
            "device": gpu or CPU,
            "logged_ms": engine_ms(network, kind, 4096),
            "naive_ms": service_ms(network, kind, 4096, naive=True, gpu=gpu),
            "modern_ms": service_ms(network, kind, 4096, naive=False, gpu=gpu),
        }
        for kind, gpu in (("cpu", ""), ("gpu", "t4"))
        for network in ("rm-small", "rm-med", "rm-large")
    ]
