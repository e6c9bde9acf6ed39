"""Systems whose capacity is known, so that what the tuner finds can be compared with the truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from tailrank.core import Plan, Records, SliceRecords, Trace, single, stream
from tailrank.metrics import SLATarget
from tailrank.tuner import Capacity, Replication
from tailrank.tuner.study import CellResult

NO_SLICES = SliceRecords(*(np.zeros(0, dtype=np.int64) for _ in range(9)))


def recorded(trace: Trace, latency_ns: NDArray[np.int64]) -> Records:
    """Records with these latencies; a negative one marks a failed query."""
    finish_ns = np.where(latency_ns < 0, -1, trace.arrival_ns + latency_ns)
    return Records(trace.arrival_ns, trace.size, trace.arrival_ns, finish_ns, NO_SLICES)


@dataclass
class Queue:
    """M/M/1 by Lindley's recursion: exponential service, the same for every plan and load but for its mean."""

    seed: int
    mean_ns: Callable[[Plan], float]

    def serve(self, trace: Trace, plan: Plan) -> Records:
        service = stream(self.seed, "service").exponential(self.mean_ns(plan), len(trace))
        ahead = np.concatenate(([0.0], np.cumsum(service[:-1] - np.diff(trace.arrival_ns))))
        wait = ahead - np.minimum.accumulate(ahead)
        return recorded(trace, np.rint(wait + service).astype(np.int64))


@dataclass
class Cliff:
    """Meets any target above 1 ms up to a known load, and takes a minute beyond it. Keeps what it was asked."""

    capacity_qps: Callable[[Plan], float]
    unloaded_ms: float = 1.0
    asked: list[Trace] = field(default_factory=list)

    def serve(self, trace: Trace, plan: Plan) -> Records:
        self.asked.append(trace)
        above = trace.offered_qps > self.capacity_qps(plan) * (1 + 1e-6)
        latency_ms = 60_000.0 if above else self.unloaded_ms
        return recorded(trace, np.full(len(trace), int(latency_ms * 1e6)))


def poisson(seed: int, queries: int) -> Trace:
    rng = stream(seed, "test arrivals")
    arrival_ns = np.cumsum(rng.exponential(1e6, queries)).astype(np.int64)
    return Trace(arrival_ns, stream(seed, "test sizes").integers(1, 1001, queries))


def known(loads: Sequence[float] | float, *, smallest_ms: float = 1.0, target: SLATarget | None = None) -> Capacity:
    """A capacity as if measured: these loads, one for each repetition."""
    each = tuple(float(load) for load in (loads if isinstance(loads, Sequence) else (loads,) * 3))
    mean = sum(each) / len(each)
    met = all(load > 0 for load in each)
    return Capacity(
        qps=mean if met else 0.0,
        low_qps=min(each),
        high_qps=max(each),
        per_replication=each,
        queries=1000 * len(each),
        probes=10,
        percentile_ms=smallest_ms,
        smallest_ms=smallest_ms,
        run_s=1e6,
        met=met,
        monotone=True,
        target=target or SLATarget(latency_ms=100),
        tolerance=0.005,
    )


def studied(**changes: object) -> CellResult:
    """A cell of the study with these fields and some others."""
    fields: dict[str, object] = {
        "network": "rmc1",
        "target": "low",
        "host": "h",
        "gpu": None,
        "scheduler": "cpu",
        "sla_ms": 50.0,
        "capacity_qps": 100.0,
        "capacity_ci95_qps": (99.0, 101.0),
        "batch_size": 64,
        "offload_at": None,
        "gpu_query_share": 0.0,
        "gpu_item_share": 0.0,
        "qps_per_watt": 1.0,
        "qps_per_tdp_watt": 1.0,
        "power_w": 100.0,
        "gain": 2.0,
        "gain_ci95": (1.9, 2.1),
        "percentile_ms": 49.0,
        "smallest_ms": 5.0,
        "cpu_busy": 0.9,
        "gpu_busy": 0.0,
        "queries": 1000,
        "replications": 4,
        "note": "",
    }
    return CellResult(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def study_cell() -> Callable[..., CellResult]:
    return studied


@pytest.fixture
def target() -> SLATarget:
    return SLATarget(percentile=95, latency_ms=10)


@pytest.fixture
def plan() -> Plan:
    return single("m", batch_size=64, workers=4)


@pytest.fixture
def queue() -> type[Queue]:
    return Queue


@pytest.fixture
def cliff() -> type[Cliff]:
    return Cliff


@pytest.fixture
def make_trace() -> Callable[[int, int], Trace]:
    return poisson


@pytest.fixture
def records_of() -> Callable[[Trace, NDArray[np.int64]], Records]:
    return recorded


@pytest.fixture
def measured() -> Callable[..., Capacity]:
    return known


@pytest.fixture
def cliffs() -> Callable[..., list[Replication]]:
    """Make repetitions with these capacities (the same for every plan)."""

    def make(capacities: Sequence[float], queries: int = 1000, unloaded_ms: float = 1.0) -> list[Replication]:
        return [
            Replication(Cliff(lambda _, each=each: each, unloaded_ms), poisson(number, queries))
            for number, each in enumerate(capacities)
        ]

    return make
