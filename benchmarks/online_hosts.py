"""What `online.py` serves: simulated hosts, recorded days warped to them, and plan tables made the day before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tailrank import zoo
from tailrank.core import Plan, Pool, Stage, Trace, stream
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import Scaled, ServiceTime, parse_host, services
from tailrank.tuner import (
    PlanTable,
    Replication,
    capacity,
    plan_table,
    static_baseline,
    window_loads,
)
from tailrank.tuner.mixture import load_shares
from tailrank.workload import Production, Replay, Workload

BATCHES = (8, 16, 25, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024)
THRESHOLDS = (128, 200, 300, 400, 600, 800)
LOADS = 24  # rows of a table, at most
RESERVE = 1.25  # a row's plan stands this many times its load: what the controller takes for noise
SEEN_S = 2.0  # windows in which the day before is counted, and in which the account is kept


@dataclass(frozen=True)
class Recording:
    """Days of a recording, and those before, from which the tables are made.

    `share` of its queries are kept, at random, so that the whole fits a short run.
    """

    name: str
    file: str
    before: tuple[int, int]
    days: tuple[int, int]
    day_s: float
    share: float

    def rates(self, folder: Path, day: int) -> tuple[Replay, int]:
        """Return how a day's queries arrive, and how many there are."""
        kind = Replay(path=str(folder / "arrivals" / self.file), day=day, stop_s=self.day_s)
        return kind, int(kind.rates(1).sum())


RECORDINGS = (
    Recording("twitter", "twitter_per_second.tbz2", (2, 3), (3, 4), 84_660.0, 0.4),
    Recording("nasa", "nasa_1995_per_second.tbz2", (0, 3), (3, 24), 86_400.0, 1.0),
)


@dataclass(frozen=True, eq=False)
class Host:
    """One network on one simulated host: its service times, the plans to choose from, and what it draws."""

    name: str
    network: str
    services: Mapping[tuple[str, str], ServiceTime]
    plans: tuple[Plan, ...]
    target: SLATarget
    power: Callable[[Mapping[str, float]], float]

    def simulator(self, seed: int, factor: float = 1.0) -> Simulator:
        slowed = {key: Scaled(service, factor) for key, service in self.services.items()}
        return Simulator(slowed, seed=seed, detail=False)


def host_of(network_name: str, name: str) -> Host:
    network, host = zoo.get(network_name), parse_host(name)
    pools = host.pools(gpu_workers=2)
    static = static_baseline(network_name, Production().max_size, host.cores).stages[0].batch_size
    sizes = sorted({*BATCHES, static})
    plans = [plan_of(network_name, pools, size, None) for size in sizes]
    if "gpu" in pools:
        plans += [plan_of(network_name, pools, size, at) for size in sizes for at in THRESHOLDS]
    return Host(
        name,
        network_name,
        services(network, host),
        tuple(plans),
        SLATarget(latency_ms=network.sla_ms),
        lambda busy: host.power_w(busy.get("cpu", 0.0), busy.get("gpu", 0.0)),
    )


def plan_of(model: str, pools: Mapping[str, Pool], batch_size: int, offload_at: int | None) -> Plan:
    to = None if offload_at is None else "gpu"
    stage = Stage(model=model, batch_size=batch_size, offload_at=offload_at, offload_pool=to)
    return Plan(stages=(stage,), pools=dict(pools))


def replications(host: Host, count: int, queries: int, seed: int) -> list[Replication]:
    return [
        Replication(host.simulator(seed + number), Workload().trace(queries, 100.0, seed, replication=number))
        for number in range(count)
    ]


@dataclass(frozen=True, eq=False)
class Bench:
    """A host, the highest capacity of any of its plans, and what its tables are made from."""

    host: Host
    most_qps: float
    repeated: list[Replication]
    able: tuple[Plan, ...]

    @property
    def loads(self) -> list[float]:
        return [float(self.most_qps * share) for share in np.linspace(0.04, 0.98, LOADS)]

    def frugal(self) -> PlanTable:
        """Return the table for least power."""
        return plan_table(
            self.repeated,
            self.able,
            self.loads,
            self.host.target,
            objective="frugal",
            power=self.host.power,
            reserve=RESERVE,
        )

    def tail(self, seen_qps: list[float]) -> PlanTable:
        """Return the table for the lowest tail, for a day whose windows offered `seen_qps`."""
        shares = load_shares(seen_qps, self.loads)
        return plan_table(self.repeated, self.able, self.loads, self.host.target, reserve=RESERVE, shares=shares)


def bench_of(network: str, name: str, seed: int, *, quick: bool) -> Bench:
    host = host_of(network, name)
    repeated = replications(host, 2, 4_000 if quick else 12_000, seed)
    rough = [capacity(repeated[:1], plan, host.target, tolerance=0.02).qps for plan in host.plans]
    able = tuple(plan for plan, qps in zip(host.plans, rough, strict=True) if qps > 0)
    return Bench(host, max(rough), repeated, able)


def traffic(recording: Recording, folder: Path, peak_qps: float, seed: int) -> Trace:
    """Return the recorded days end to end, thinned, and warped so that their busiest window offers `peak_qps`."""
    rng = stream(seed, "online", recording.name)
    times, at_s = [], 0.0
    for day in range(*recording.days):
        kind, queries = recording.rates(folder, day)
        day_s = kind.draw(queries, queries / recording.day_s, rng) / 1e9
        times.append(at_s + day_s[rng.random(len(day_s)) < recording.share])
        at_s += recording.day_s
    arrival_s = np.concatenate(times)
    sizes = Production().draw(len(arrival_s), rng)
    qps = peak_qps / 2
    for _ in range(12):  # a window is a fixed time of the host: how much of the day falls into it depends on the warp
        trace = Trace((arrival_s / arrival_s[-1] * len(arrival_s) / qps * 1e9).astype(np.int64), sizes)
        qps *= peak_qps / max(window_loads(trace, SEEN_S)[:-1])
    return trace


def recorded_s(recording: Recording, trace: Trace) -> float:
    """Return how many seconds of the recording pass in one of the host."""
    return (recording.days[1] - recording.days[0]) * recording.day_s / (trace.duration_ns / 1e9)


def day_before(recording: Recording, folder: Path, trace: Trace) -> list[float]:
    """Return the loads of the windows of the days before, warped as `trace` is."""
    seconds = max(1, round(SEEN_S * recorded_s(recording, trace)))
    found: list[float] = []
    for day in range(*recording.before):
        rates = recording.rates(folder, day)[0].rates(1) * recording.share
        whole = len(rates) // seconds * seconds
        found += (rates[:whole].reshape(-1, seconds).sum(axis=1) / SEEN_S).tolist()
    return found
