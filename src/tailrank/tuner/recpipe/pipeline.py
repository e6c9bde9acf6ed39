"""RecPipe's released pipeline in the simulator: engines that take whole queries, and one sorting process a stage.

Each stage has its engines, one query a time on each, and then a single process that sorts the scores and keeps the
best for the next stage. CPU stages share 32 engines evenly; a GPU stage has one engine, which makes its inputs
itself. Times are those of the artifact's logs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Config, Plan, Pool, Stage, Trace, stream
from tailrank.metrics.percentiles import percentile
from tailrank.simulator import Simulator
from tailrank.timing import BUCKETS, QUANTILES, ServiceTable, ServiceTime, Tabled
from tailrank.tuner.recpipe.logged import Stages, components, tails
from tailrank.workload import Paper, Poisson

__all__ = ["ENGINES", "QUERIES", "SORT", "EngineTime", "Reading", "bound_qps", "engine_ms", "p95s_ms", "plan_of"]

F64 = NDArray[np.float64]

ENGINES = 32
"""CPU engines in all: 32 for one stage, 16 for each of two, 10 for each of three."""
QUERIES = 2000
"""Queries of a run of the artifact."""
SORT = "sort"
NOISE_AT = (np.arange(QUANTILES) + 0.5) / QUANTILES


class Reading(Config, frozen=True, kw_only=True):
    """What the logs are taken to mean.

    `times`: of a single engine on an idle host (`alone`), or as long as in the pipeline at 67 queries a second.
    `arrivals`: exact Poisson, or the artifact's gaps of whole milliseconds. `late_ms`: how much longer than asked each
    gap of its load generator is. `spread`: standard deviation of the logarithm of an engine's time.
    """

    name: str
    times: Literal["alone", "pipeline"] = "alone"
    arrivals: Literal["poisson", "paper"] = "poisson"
    late_ms: float = 0.0
    spread: float = 0.0


@dataclass(frozen=True)
class EngineTime:
    """Whole queries on one engine: `ms_at` [items, milliseconds] by straight lines, beyond its ends continued."""

    items: tuple[float, ...]
    ms: tuple[float, ...]
    spread: float = 0.0

    def mean_ms(self, items: F64) -> F64:
        """Return the mean time of queries of `items`."""
        found: F64 = np.interp(items, self.items, self.ms)
        for edge, inner, beyond in ((0, 1, items < self.items[0]), (-1, -2, items > self.items[-1])):
            slope = (self.ms[edge] - self.ms[inner]) / (self.items[edge] - self.items[inner])
            found = np.where(beyond, self.ms[edge] + slope * (items - self.items[edge]), found)
        return np.maximum(found, 0.0)

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`; factors of noise are lognormal with mean 1."""
        from scipy.special import ndtri

        mean_ns = 1e6 * self.mean_ms(np.arange(max_items + 1, dtype=np.float64))
        noise = np.exp(self.spread * ndtri(NOISE_AT))
        return ServiceTable(np.tile(mean_ns, (workers, 1)), np.tile(noise / noise.mean(), (BUCKETS, 1)))


def engine_ms(network: str, device: str, items: int, times: Literal["alone", "pipeline"] = "pipeline") -> float:
    """Return the mean time of a query of `items` on an engine, sorting not included."""
    return float(_engine(network, device, times).mean_ms(np.array([float(items)]))[0])


def plan_of(stages: Stages, devices: Sequence[str]) -> Plan:
    """Return the artifact's plan of `stages` on `devices` (cpu or gpu each): engines, then one sort, each stage."""
    share = ENGINES // max(1, list(devices).count("cpu"))
    pools, made = {}, []
    for number, ((network, items), device) in enumerate(zip(stages, devices, strict=True)):
        engine, sort = f"{device}-{number}", f"{SORT}-{number}"
        pools[engine] = Pool(workers=share if device == "cpu" else 1, device="cpu" if device == "cpu" else "cuda")
        pools[sort] = Pool(workers=1)
        after = stages[number + 1][1] if number + 1 < len(stages) else min(64, items)
        made += [Stage(model=network, batch_size=items, pool=engine)]
        made += [Stage(model=SORT, batch_size=items, pool=sort, keep=after)]
    return Plan(stages=tuple(made), pools=pools, take=stages[0][1])


def p95s_ms(stages: Stages, devices: Sequence[str], reading: Reading, qps: float, seeds: Sequence[int]) -> list[float]:
    """Return the 95th percentile of `QUERIES` queries at a nominal `qps`, once for each of `seeds`.

    All queries count, as in the artifact: where engines cannot keep up this grows with the length of the run.
    """
    plan, services = plan_of(stages, devices), _services(stages, tuple(devices), reading)
    found = []
    for seed in seeds:
        arrivals = Paper() if reading.arrivals == "paper" else Poisson()
        arrival_ns = arrivals.draw(QUERIES, qps, stream(seed, "recpipe arrivals"))
        arrival_ns = arrival_ns + (1e6 * reading.late_ms * np.arange(1, QUERIES + 1)).astype(np.int64)
        trace = Trace(arrival_ns, np.full(QUERIES, stages[0][1]))
        records = Simulator(services, seed=seed, detail=False).serve(trace, plan)
        found.append(percentile(records.latency_ns, 95) / 1e6)
    return found


def bound_qps(stages: Stages, devices: Sequence[str], times: Literal["alone", "pipeline"]) -> float:
    """Return the queries a second beyond which some pool of the pipeline cannot keep up, by arithmetic alone."""
    plan, at = plan_of(stages, devices), []
    for (network, items), device, engine in zip(stages, devices, plan.stages[::2], strict=True):
        at.append(1e3 * plan.pools[engine.pool].workers / engine_ms(network, device, items, times))
        at.append(1e3 / float(_sort(device).mean_ms(np.array([float(items)]))[0]))
    return min(at)


@lru_cache(maxsize=64)
def _services(stages: Stages, devices: tuple[str, ...], reading: Reading) -> Mapping[tuple[str, str], ServiceTime]:
    found: dict[tuple[str, str], ServiceTime] = {}
    for number, ((network, _), device) in enumerate(zip(stages, devices, strict=True)):
        steady = _engine(network, device, reading.times)
        found[network, f"{device}-{number}"] = Tabled(EngineTime(steady.items, steady.ms, reading.spread))
        found[SORT, f"{SORT}-{number}"] = Tabled(_sort(device))
    return found


@cache
def _engine(network: str, device: str, times: Literal["alone", "pipeline"]) -> EngineTime:
    whole = _pipeline(device, network, "inference")
    gather, fetch = _pipeline(device, network, "gather"), _pipeline(device, network, "fetch")
    if device == "gpu":  # one size is logged; the part that does not shrink with the items follows from others' tails
        full = whole + gather + fetch
        return EngineTime((0.0, 4096.0), (gpu_fixed_ms(), full))
    curve = {
        each.items: each.ms
        for each in components()
        if (each.device, each.network, each.part, each.context) == (device, network, "inference", "alone")
    }
    scale = whole / curve[4096] if times == "pipeline" else 1.0
    sizes = sorted(curve)
    ms = tuple(scale * curve[size] + gather * size / 4096 + fetch for size in sizes)  # inputs in proportion to items
    return EngineTime(tuple(map(float, sizes)), ms)


def _sort(device: str) -> EngineTime:
    return EngineTime((0.0, 4096.0), (0.0, _pipeline(device, "rm-large", SORT)))


@cache
def gpu_fixed_ms() -> float:
    """Return how much of a GPU engine's time for a query does not depend on its items: of tails at low load.

    Tails of one network at 67 queries a second are taken to be in proportion to its mean times.
    """
    low = {each.funnel: each.p95_ms for each in tails() if each.devices == "gpu" and each.nominal_qps == 67}
    found = []
    for network, items in (("rm-small", 1024), ("rm-large", 1024), ("rm-large", 2048)):
        full = sum(_pipeline("gpu", network, part) for part in ("inference", "gather", "fetch"))
        sort = _pipeline("gpu", network, SORT)
        part = low[f"{network}:{items}"] / low[f"{network}:4096"] * (full + sort) - sort * items / 4096
        found.append((part - full * items / 4096) / (1 - items / 4096))
    return fmean(found)


@cache
def _pipeline(device: str, network: str, part: str) -> float:
    return next(
        each.ms
        for each in components()
        if (each.device, each.network, each.part, each.context) == (device, network, part, "pipeline")
    )
