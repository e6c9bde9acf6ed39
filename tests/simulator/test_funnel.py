"""Funnels against theory (Burke, Jackson, Kelly) and, event for event, against SimPy."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import simpy

from tailrank.core import Plan, Pool, Records, Stage, Trace, stream
from tailrank.scheduler import split
from tailrank.simulator import Simulator, replay
from tailrank.timing import LinearTime

QUERIES, RUNS, MEAN_NS = 100_000, 24, 1e6


def poisson(run: int, rate: float, queries: int = QUERIES) -> Trace:
    gaps = stream(run, "theory", "arrivals").exponential(MEAN_NS / rate, queries)
    return Trace(np.rint(np.cumsum(gaps)).astype(np.int64), np.ones(queries, np.int64))


def exponential(run: int, stage: int, mean_ns: float = MEAN_NS) -> Any:
    return np.maximum(1, np.rint(stream(run, "theory", "service", stage).exponential(mean_ns, QUERIES)))


def test_a_tandem_of_two_queues(lasting: Any, agrees: Any) -> None:
    """Burke: the second queue is M/M/1 as well, and a query's times in the two are independent."""
    plan = Plan(
        stages=(Stage(model="a", batch_size=1, pool="x"), Stage(model="b", batch_size=1, pool="y")),
        pools={"x": Pool(workers=1), "y": Pool(workers=1)},
    )
    means, waits, late = [], [], []
    slow, fast = 1 - 0.7, 1 / 0.8 - 0.7  # what each has to spare, per mean service time of the first
    high = 8.0
    for run in range(RUNS):
        trace = poisson(run, 0.7)
        records = replay(trace, plan, lasting(trace, exponential(run, 0), exponential(run, 1, 0.8 * MEAN_NS)))
        latency = records.latency_ns[QUERIES // 10 :] / MEAN_NS
        second = records.slices.stage == 1
        waiting = (records.slices.start_ns - records.slices.queued_ns)[second][QUERIES // 10 :] / MEAN_NS
        means.append(latency.mean())
        waits.append(waiting.mean())
        late.append(np.mean(latency > high))
    agrees(means, 1 / slow + 1 / fast, precision=0.02)
    agrees(waits, 0.7 * 0.8 / fast, precision=0.02)
    above = (fast * math.exp(-slow * high) - slow * math.exp(-fast * high)) / (fast - slow)
    agrees(late, above, precision=0.05)


def test_two_stages_that_share_one_worker(lasting: Any, agrees: Any) -> None:
    """Kelly: a first-in-first-out queue that everyone visits twice holds as many queries as M/M/1 at that load."""
    plan = Plan(stages=(Stage(model="a", batch_size=1), Stage(model="b", batch_size=1)), pools={"cpu": Pool(workers=1)})
    means = []
    for run in range(RUNS):
        trace = poisson(run, 0.35)
        records = replay(trace, plan, lasting(trace, exponential(run, 0), exponential(run, 1)))
        means.append(records.latency_ns[QUERIES // 10 :].mean() / MEAN_NS)
    agrees(means, 0.7 / 0.3 / 0.35, precision=0.02)


def simulated_by_simpy(trace: Trace, plan: Plan, served: Records) -> list[int]:
    """Return when each query finishes, in SimPy's own engine with its own queues."""
    world = simpy.Environment()
    pools = {name: simpy.Resource(world, pool.workers) for name, pool in plan.pools.items()}
    slices = served.slices
    keys = zip(slices.query.tolist(), slices.stage.tolist(), slices.first.tolist(), strict=True)
    took = dict(zip(keys, slices.service_ns.tolist(), strict=True))
    finish = [0] * len(trace)

    def one_slice(pool: str, time_ns: int) -> Iterator[Any]:
        with pools[pool].request() as turn:
            yield turn
            yield world.timeout(time_ns)

    def one_query(number: int, arrival_ns: int, size: int) -> Iterator[Any]:
        yield world.timeout(arrival_ns)
        for depth, stage in enumerate(plan.stages):
            pieces = split(number, size, stage, depth)
            yield simpy.AllOf(
                world, [world.process(one_slice(piece.pool, took[number, depth, piece.start])) for piece in pieces]
            )
            size = size if stage.keep is None else min(size, stage.keep)
        finish[number] = int(world.now)

    for query in trace:
        world.process(one_query(*query))
    world.run()
    return finish


ONE = Plan(stages=(Stage(model="a", batch_size=16),), pools={"cpu": Pool(workers=3)})
OFFLOAD = Plan(
    stages=(Stage(model="a", batch_size=16, offload_at=90, offload_pool="gpu"),),
    pools={"cpu": Pool(workers=3), "gpu": Pool(workers=1, device="gpu")},
)
FUNNEL = Plan(
    stages=(Stage(model="a", batch_size=32, pool="x", keep=20), Stage(model="b", batch_size=8, pool="y")),
    pools={"x": Pool(workers=4), "y": Pool(workers=2)},
)
SHARED = Plan(
    stages=(
        Stage(model="a", batch_size=32, keep=30, offload_at=120, offload_pool="gpu"),
        Stage(model="b", batch_size=8, offload_at=30, offload_pool="gpu"),
    ),
    pools={"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="gpu")},
)


@pytest.mark.parametrize("plan", [ONE, OFFLOAD, FUNNEL, SHARED], ids=["one", "offload", "funnel", "shared"])
@pytest.mark.parametrize("gap_ns", [2e6, 2e5], ids=["calm", "crowded"])
def test_the_same_as_simpy(plan: Plan, gap_ns: float) -> None:
    """Odd service times in the hundred thousands of nanoseconds, so that no two instants coincide by design."""
    chance = np.random.default_rng(11)
    trace = Trace(np.cumsum(chance.integers(1, int(gap_ns), 800)), chance.integers(1, 200, 800))
    services = {(model, pool): LinearTime(123_457.3, 9_871.7) for model in "ab" for pool in plan.pools}
    records = Simulator(services).serve(trace, plan)
    assert records.finish_ns.tolist() == simulated_by_simpy(trace, plan, records)
