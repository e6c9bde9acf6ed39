"""Simulator and tuner together: what DeepRecSys reports about tuning must hold on the simplest honest device."""

from itertools import pairwise

import numpy as np
import pytest

from tailrank.core import InfeasibleError, Plan, Pool, Trace, stream
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime, ServiceTime
from tailrank.tuner import (
    Replication,
    Search,
    affordable,
    batch_sizes,
    capacity,
    climb,
    notes,
    paired_difference,
    prefix,
    speedup,
    static_baseline,
)

WORKERS, LARGEST = 4, 1000
QUERIES, SLICES = 4000, 200_000  # of a run
BASELINE = static_baseline("m", LARGEST, WORKERS)
SIZES = batch_sizes(LARGEST, BASELINE.stages[0].batch_size)
BATCHED = LinearTime(1e6, 2e4)  # a pass costs as much as 50 candidates: batching pays
PLAIN = LinearTime(0, 2e4)  # a pass costs nothing beside its candidates: batching cannot pay
GOAL = SLATarget(latency_ms=20)


def poisson(seed: int, queries: int) -> Trace:
    gaps = stream(seed, "arrivals").exponential(1e6, queries)
    sizes = np.clip(np.rint(stream(seed, "sizes").lognormal(5.1, 0.9, queries)), 1, LARGEST)
    return Trace(np.cumsum(gaps).astype(np.int64), sizes.astype(np.int64))


def repetitions(service: ServiceTime, seed: int, count: int, queries: int, gpu: ServiceTime) -> list[Replication]:
    services = {("m", "cpu"): service, ("m", "gpu"): gpu}
    return [
        Replication(Simulator(services, seed=100 * seed + each, detail=False), poisson(100 * seed + each, queries))
        for each in range(count)
    ]


def tune(service: ServiceTime, *, seed: int = 0, gpu: ServiceTime | None = None, target: SLATarget = GOAL) -> Search:
    replications = repetitions(service, seed, 4, QUERIES, gpu or service)
    pools = BASELINE.pools | ({"gpu": Pool(workers=1, device="gpu")} if gpu else {})
    return climb(
        lambda plan: capacity(replications, plan, target, slices=SLICES),
        Plan(stages=BASELINE.stages, pools=pools),
        batches=SIZES,
        thresholds=(1, 64, 256, 512) if gpu else (),
        offload_pool="gpu" if gpu else None,
        refine=False,
    )


@pytest.fixture(scope="module")
def tuned() -> Search:
    return tune(BATCHED)


def test_tuned_is_at_least_the_baseline(tuned):
    baseline = tuned.find(BASELINE)
    assert baseline is not None
    assert speedup(tuned.best.capacity, baseline.capacity).high >= 1
    assert tuned.best.capacity.percentile_ms <= GOAL.latency_ms


def test_capacity_against_batch_size_is_unimodal_up_to_noise(tuned):
    order = sorted(tuned.candidates, key=lambda each: each.plan.stages[0].batch_size)
    top = order.index(tuned.best)
    for left, right in pairwise(order):
        lower, higher = (left, right) if order.index(right) <= top else (right, left)
        assert paired_difference(higher.capacity, lower.capacity).high >= 0


def test_another_seed_lands_on_a_tie_or_one_step_away(tuned):
    best = SIZES.index(tuned.best.plan.stages[0].batch_size)
    tied = {SIZES.index(each.plan.stages[0].batch_size) for each in tuned.ties}
    near = {at + step for at in {best, *tied} for step in (-1, 0, 1)}
    for seed in (1, 2):
        assert SIZES.index(tune(BATCHED, seed=seed).best.plan.stages[0].batch_size) in near


def test_capacity_never_exceeds_what_the_workers_can_do(tuned):
    # Workers over mean work bounds any plan. The target lets 5 % of a finite run wait beyond its end; 1 % to spare.
    for each in tuned.candidates:
        batch = each.plan.stages[0].batch_size
        for number, qps in enumerate(each.capacity.per_replication):
            trace = poisson(number, QUERIES)
            sizes = prefix(trace, affordable(trace, each.plan, SLICES)).size
            work_ns = np.ceil(sizes / batch) * BATCHED.fixed_ns + sizes * BATCHED.item_ns
            assert qps <= 1.06 * WORKERS / work_ns.mean() * 1e9


def test_a_model_that_cannot_gain_is_told_so():
    search = tune(PLAIN, target=SLATarget(latency_ms=60))
    assert any("batching cannot help this model" in each for each in notes(search, BASELINE))


def test_a_fast_accelerator_helps_and_a_slow_one_is_left_alone(tuned):
    fast = tune(BATCHED, gpu=LinearTime(5e5, 2e3))
    assert fast.best.plan.stages[0].offload_at is not None
    assert speedup(fast.best.capacity, tuned.best.capacity).low > 1
    slow = tune(BATCHED, gpu=LinearTime(1e9, 2e4))
    assert slow.best.plan.stages[0].offload_at is None
    assert slow.best.capacity.per_replication == tuned.best.capacity.per_replication


def test_no_plan_can_beat_physics():
    # The smallest pass takes 1.02 ms on any plan.
    with pytest.raises(InfeasibleError, match=r"no plan can meet p95 <= 1 ms; the fastest .* near-zero load"):
        tune(BATCHED, target=SLATarget(latency_ms=1))


def test_tuning_again_gives_the_same_bits(tuned):
    assert tune(BATCHED) == tuned
