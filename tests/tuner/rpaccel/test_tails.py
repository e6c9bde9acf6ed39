import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.accelerator import evaluate, simulated
from tailrank.core import BadInputError
from tailrank.simulator import Simulator
from tailrank.tuner.rpaccel.configurations import MODES, configurations, funnel, pipelined
from tailrank.tuner.rpaccel.tails import Loaded, in_parts
from tailrank.workload import Fixed, Poisson, Workload


@given(
    st.sampled_from([(1,), (4,), (4, 16), (1, 1), (16, 4, 16)]),
    st.sampled_from(MODES),
    st.floats(50, 3000),
)
@settings(max_examples=15, deadline=None)
def test_constant_stages_are_the_service_times_of_the_accelerator(
    slices: tuple[int, ...], mode: str, qps: float
) -> None:
    design = funnel(slices, mode)  # type: ignore[arg-type]
    plan, services = simulated(design)
    trace = Workload(arrivals=Poisson(), sizes=Fixed(size=4096)).trace(300, qps, 7)
    records = Simulator(services, detail=False, seed=7).serve(trace, plan)
    tail = Loaded(queries=300, seed=7).tail(design, qps)
    assert tail.p95_ms == pytest.approx(float(np.percentile(records.latency_ns, 95)) / 1e6, rel=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_a_lone_query_takes_its_latency(mode: str) -> None:
    for slices in ((1,), (4, 4), (4, 4, 4)):
        design = funnel(slices, mode)  # type: ignore[arg-type]
        assert Loaded(queries=50).tail(design, 0.01).p99_ms == pytest.approx(evaluate(design).latency_ns / 1e6)


def test_whether_it_keeps_up_is_its_capacity() -> None:
    loaded = Loaded(queries=20_000)
    for slices in configurations(2):
        design = funnel(slices, "corrected")
        capacity = evaluate(design).capacity_qps
        assert loaded.tail(design, 0.9 * capacity).stable
        assert not loaded.tail(design, 1.1 * capacity).stable


def test_parts_on_the_undivided_array_are_refused() -> None:
    with pytest.raises(BadInputError, match="sub_batches"):
        Loaded().tail(pipelined(funnel((1, 1), "corrected"), 2), 100.0)


@given(st.sampled_from([(1,), (4, 4), (4, 16), (16, 4, 16)]), st.sampled_from(MODES), st.floats(100, 4000))
@settings(max_examples=20, deadline=None)
def test_one_part_is_what_the_simulator_serves(slices: tuple[int, ...], mode: str, qps: float) -> None:
    design = funnel(slices, mode)  # type: ignore[arg-type]
    loaded = Loaded(queries=400, seed=3)
    trace = loaded._trace("poisson", qps)
    walked = in_parts(trace.arrival_ns, evaluate(design), 1, each_stage=design.bugs.link_every_stage)
    assert float(np.percentile(walked, 99)) / 1e6 == pytest.approx(loaded.tail(design, qps).p99_ms, rel=1e-4)


@given(st.integers(2, 6), st.sampled_from(MODES))
@settings(max_examples=10, deadline=None)
def test_a_lone_query_in_parts_takes_its_latency_and_capacity_holds(parts: int, mode: str) -> None:
    design = pipelined(funnel((4, 4), mode), parts)  # type: ignore[arg-type]
    loaded = Loaded(queries=2_000)
    found = evaluate(design)
    assert loaded.tail(design, 0.01).p99_ms == pytest.approx(found.latency_ns / 1e6, rel=1e-6)
    assert loaded.tail(design, 0.5 * found.capacity_qps).p95_ms < 4 * found.latency_ns / 1e6
    assert loaded.tail(design, 2 * found.capacity_qps).p95_ms > 20 * found.latency_ns / 1e6
