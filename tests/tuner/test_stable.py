import numpy as np
import pytest

from tailrank.core import Plan, Pool, Stage, Trace, stream
from tailrank.metrics import SLATarget, meets
from tailrank.simulator import Simulator
from tailrank.timing import ConstantTime
from tailrank.tuner.stable import Stable

TARGET = SLATarget(latency_ms=10)
SERVICES = {("m", "cpu"): ConstantTime(1e6), ("m", "gpu"): ConstantTime(5e9)}  # 1 ms, and five seconds


@pytest.fixture
def plan() -> Plan:
    stage = Stage(model="m", batch_size=1000, offload_at=500, offload_pool="gpu")
    return Plan(stages=(stage,), pools={"cpu": Pool(workers=1), "gpu": Pool(workers=1, device="cuda")})


def trace(queries: int, large: int, qps: float) -> Trace:
    """Every `large`-th query has 600 candidates, the others ten."""
    arrival_ns = np.cumsum(stream(1, "stable").exponential(1e9 / qps, queries)).astype(np.int64)
    return Trace(arrival_ns, np.where(np.arange(queries) % large == 0, 600, 10))


def test_a_few_queries_dumped_on_a_hopeless_pool_meet_a_percentile_but_not_here(plan):
    offered = trace(5000, 25, 100.0)  # four in a hundred go to a GPU that does one every five seconds
    simulator = Simulator(SERVICES, detail=False)
    assert meets(simulator.serve(offered, plan), TARGET)
    assert not Stable(simulator).serve(offered, plan).ok.any()


def test_a_stable_run_passes_unchanged(plan):
    offered = trace(2000, 2001, 100.0)
    simulator = Simulator(SERVICES, detail=False)
    plain, guarded = simulator.serve(offered, plan), Stable(simulator).serve(offered, plan)
    assert np.array_equal(plain.finish_ns, guarded.finish_ns)


def test_records_without_loads_pass(records_of, make_trace):
    class Silent:
        def serve(self, trace, plan):
            return records_of(trace, np.full(len(trace), 10))

    found = Stable(Silent()).serve(make_trace(0, 50), None)  # type: ignore[arg-type]
    assert found.ok.all()
