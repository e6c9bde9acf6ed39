"""One stage against queueing theory: exact exponential durations are replayed, so no noise table is in the way.

Each reading is an independent replication, warmed up by its first tenth; `agrees` allows four standard
errors, which a right simulator exceeds in 6 of 100,000 draws of the seed, and demands a small standard error.
"""

import math
from typing import Any

import numpy as np
import pytest

from tailrank.core import Plan, Pool, Stage, Trace, single, stream
from tailrank.simulator import Simulator, replay
from tailrank.timing import ConstantTime

QUERIES, RUNS = 200_000, 24
MEAN_NS = 1e6  # so that rounding to a nanosecond is a millionth


def arrivals(run: int, rate: float, queries: int = QUERIES) -> Trace:
    """A Poisson trace of `rate` queries a mean service time."""
    gaps = stream(run, "theory", "arrivals").exponential(MEAN_NS / rate, queries)
    return Trace(np.rint(np.cumsum(gaps)).astype(np.int64), np.ones(queries, np.int64))


def erlang_c(workers: int, erlangs: float) -> float:
    """Probability that a query waits in M/M/c (by the recursion of Erlang's B)."""
    blocked = 1.0
    for servers in range(1, workers + 1):
        blocked = erlangs * blocked / (servers + erlangs * blocked)
    return blocked / (1 - erlangs / workers * (1 - blocked))


@pytest.mark.parametrize(("workers", "rho"), [(1, 0.7), (2, 0.7), (4, 0.8), (16, 0.85)])
def test_waiting_in_a_queue_of_erlang(workers: int, rho: float, lasting: Any, agrees: Any) -> None:
    waits, late, some = [], [], []
    chance = erlang_c(workers, workers * rho)
    spare = workers * (1 - rho)  # departures less arrivals, per mean service time
    high = math.log(chance / 0.05) / spare * MEAN_NS  # the 95th percentile of waiting
    for run in range(RUNS):
        trace = arrivals(run, workers * rho)
        took = np.maximum(1, np.rint(stream(run, "theory", "service").exponential(MEAN_NS, QUERIES)))
        records = replay(trace, single("m", batch_size=1, workers=workers), lasting(trace, took))
        wait = (records.slices.start_ns - trace.arrival_ns)[QUERIES // 10 :]
        waits.append(wait.mean() / MEAN_NS)
        late.append(np.mean(wait > high))
        some.append(np.mean(wait > 0))
    agrees(waits, chance / spare, precision=0.02)
    agrees(late, 0.05, precision=0.04)
    agrees(some, chance, precision=0.01)


@pytest.mark.parametrize("rho", [0.5, 0.8, 0.9])
def test_waiting_for_constant_service(rho: float, agrees: Any) -> None:
    simulator, waits, idle = Simulator({("m", "cpu"): ConstantTime(MEAN_NS)}), [], []
    for run in range(RUNS):
        trace = arrivals(run, rho)
        records = simulator.serve(trace, single("m", batch_size=1, workers=1))
        wait = (records.slices.start_ns - trace.arrival_ns)[QUERIES // 10 :]
        waits.append(wait.mean() / MEAN_NS)
        idle.append(np.mean(wait == 0))
    agrees(waits, rho / (2 * (1 - rho)), precision=0.02)
    agrees(idle, 1 - rho, precision=0.02)


def test_two_pools_are_two_queues(lasting: Any, agrees: Any) -> None:
    """Poisson arrivals parted by chance are two Poisson streams: M/M/1 on the cpu, M/M/2 on the accelerator."""
    stage = Stage(model="m", batch_size=1, offload_at=2, offload_pool="gpu")
    plan = Plan(stages=(stage,), pools={"cpu": Pool(workers=1), "gpu": Pool(workers=2)})
    on_cpu, on_gpu = [], []
    for run in range(RUNS):
        trace = arrivals(run, 2.0)
        trace = Trace(trace.arrival_ns, 1 + (stream(run, "theory", "sizes").random(QUERIES) < 0.7))
        took = np.maximum(1, np.rint(stream(run, "theory", "service").exponential(MEAN_NS, QUERIES)))
        records = replay(trace, plan, lasting(trace, took))
        wait = (records.slices.start_ns - trace.arrival_ns) / MEAN_NS
        kept = np.arange(QUERIES) > QUERIES // 10
        on_cpu.append(wait[kept & (trace.size == 1)].mean())
        on_gpu.append(wait[kept & (trace.size == 2)].mean())
    agrees(on_cpu, 0.6 / 0.4, precision=0.02)
    agrees(on_gpu, erlang_c(2, 1.4) / 0.6, precision=0.02)
