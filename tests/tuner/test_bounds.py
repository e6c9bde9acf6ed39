import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tailrank.core import Plan, Pool, Stage, Trace, single, stream
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime
from tailrank.tuner.bounds import Bounds
from tailrank.tuner.reading import tail_ms

SERVICES = {"cpu": LinearTime(100_000, 10_000), "gpu": LinearTime(500_000, 1_000)}


def sizes(queries: int) -> np.ndarray:
    return stream(3, "bounds").integers(1, 1001, queries)


def plan_of(batch: int, at: int | None, workers: int) -> Plan:
    stage = Stage(model="m", batch_size=batch, offload_at=at, offload_pool=None if at is None else "gpu")
    return Plan(stages=(stage,), pools={"cpu": Pool(workers=workers), "gpu": Pool(workers=1, device="cuda")})


def test_one_size_by_hand():
    bounds = Bounds(np.full(100, 250), {"cpu": SERVICES["cpu"]}, {"cpu": 4})
    plan = single("m", batch_size=100, workers=4)
    work_ns = 2 * (100_000 + 100 * 10_000) + (100_000 + 50 * 10_000)
    assert bounds.most_qps(plan) == pytest.approx(4 * 1e9 / work_ns)
    assert bounds.least_ms(plan, SLATarget(latency_ms=1)) == pytest.approx(1.1)  # its longest slice
    assert bounds.least_ms(single("m", batch_size=1, workers=4), SLATarget(latency_ms=1)) == pytest.approx(
        250 * 0.110 / 4
    )


def test_the_slower_pool_bounds_the_plan():
    bounds = Bounds(np.array([10] * 9 + [900]), SERVICES, {"cpu": 2, "gpu": 1})
    found = bounds.most_qps(plan_of(64, 500, 2))
    cpu_s, gpu_s = 0.9 * 200e-6 / 2, 0.1 * 1.4e-3
    assert found == pytest.approx(1 / max(cpu_s, gpu_s))


@pytest.mark.parametrize("at", [None, 1, 50, 101, 300])
@pytest.mark.parametrize("take", [1, 100, 299, 5000])
def test_a_plan_that_takes_less_is_bounded_as_if_queries_were_smaller(at, take):
    size, workers = sizes(200), {"cpu": 2, "gpu": 1}
    plan, target = plan_of(64, at, 2), SLATarget(latency_ms=1)
    all_of_less = Bounds(np.minimum(size, take), SERVICES, workers)
    less_of_all = Bounds(size, SERVICES, workers)
    taking = replace(plan, take=take)
    assert less_of_all.most_qps(taking) == pytest.approx(all_of_less.most_qps(plan))
    assert less_of_all.likely_qps(taking) == pytest.approx(all_of_less.likely_qps(plan))
    assert less_of_all.least_ms(taking, target) == pytest.approx(all_of_less.least_ms(plan, target))


@settings(max_examples=15, deadline=None)
@given(
    batch=st.integers(1, 1000), at=st.none() | st.integers(1, 1000), workers=st.integers(1, 8), load=st.floats(0.2, 1.5)
)
def test_no_run_does_better(batch, at, workers, load):
    size, plan = sizes(400), plan_of(batch, at, workers)
    bounds = Bounds(size, SERVICES, {"cpu": workers, "gpu": 1})
    arrival_ns = np.cumsum(stream(4, "bounds").exponential(1e9 / (load * bounds.most_qps(plan)), 400)).astype(np.int64)
    services = {("m", pool): service for pool, service in SERVICES.items()}
    records = Simulator(services, detail=False).serve(Trace(arrival_ns, size), plan)
    whole_s = int(records.finish_ns.max()) / 1e9
    assert len(size) / whole_s <= bounds.most_qps(plan) * (1 + 1e-9)
    target = SLATarget(latency_ms=1)
    assert tail_ms(records, target, warmup=0.0) >= bounds.least_ms(plan, target) * (1 - 1e-9)
