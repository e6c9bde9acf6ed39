"""Small examples worked by hand, in both kernels; seeds; readings; what importing costs."""

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tailrank.core import BadInputError, Plan, Pool, Records, Stage, Trace, single
from tailrank.simulator import Kernel, Simulator, saturated
from tailrank.timing import (
    BUCKETS,
    NO_OVERHEADS,
    QUANTILES,
    ConstantTime,
    LinearTime,
    Overheads,
    ServiceTable,
    ServiceTime,
)


@dataclass(frozen=True)
class Crowded:
    """100 ns alone, 150 ns beside another busy worker."""

    def table(self, max_items: int, workers: int) -> ServiceTable:
        level = np.where(np.arange(workers) == 0, 100.0, 150.0)
        return ServiceTable(np.tile(level[:, None], (1, max_items + 1)), np.ones((BUCKETS, QUANTILES)))


@dataclass(frozen=True)
class Chancy:
    """A mean of 100 microseconds, and noise that grows with the bucket."""

    def table(self, max_items: int, workers: int) -> ServiceTable:
        noise = 1 + np.outer(np.arange(1, BUCKETS + 1), np.linspace(-0.05, 0.05, QUANTILES))
        return ServiceTable(np.full((workers, max_items + 1), 1e5), noise)


@pytest.fixture(params=["compiled", "reference"])
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return "compiled" if request.param == "compiled" else "reference"


def trace_of(*queries: tuple[int, int]) -> Trace:
    arrival, size = np.array(queries, np.int64).reshape(-1, 2).T
    return Trace(arrival, size)


def serve(
    kernel: Kernel, service: ServiceTime, trace: Trace, plan: Plan, overheads: Overheads = NO_OVERHEADS
) -> Records:
    services = {(stage.model, pool): service for stage in plan.stages for pool in plan.pools}
    return Simulator(services, overheads=overheads, kernel=kernel).serve(trace, plan)


def test_contention_counts_the_others_at_the_start(kernel: Kernel) -> None:
    trace = trace_of((0, 1), (10, 1), (200, 1))
    records = serve(kernel, Crowded(), trace, single("m", batch_size=1, workers=2))
    # Query 0 starts alone; query 1 beside it (to 160); query 2 alone again.
    assert records.finish_ns.tolist() == [100, 160, 300]
    assert records.slices.worker.tolist() == [0, 1, 0]


def test_a_worker_that_finishes_at_that_instant_is_not_busy(kernel: Kernel) -> None:
    trace = trace_of((0, 1), (100, 1))
    records = serve(kernel, Crowded(), trace, single("m", batch_size=1, workers=2))
    assert records.finish_ns.tolist() == [100, 200]


def test_every_overhead_in_its_place(kernel: Kernel) -> None:
    costs = Overheads(timer_ns=5, query_ns=10, slice_ns=3, wakeup_ns=7, handoff_ns=2, merge_ns=4)
    trace = trace_of((0, 3), (6, 1))
    records = serve(kernel, ConstantTime(100.0), trace, single("m", batch_size=2, workers=1), costs)
    # Query 0 is taken up at 0 + 5; its slices are queued at 5 + 10 + 3 and 3 later. Query 1 is due at 6 + 5,
    # but the dispatcher is free only at 21.
    assert records.dispatch_ns.tolist() == [5, 21]
    assert records.slices.queued_ns.tolist() == [18, 21, 34]
    # The first waits for a wake-up, without hand-off: the worker was never used. The others wait for the worker.
    assert records.slices.start_ns.tolist() == [25, 127, 229]
    assert records.finish_ns.tolist() == [227 + 4, 329 + 4]


def test_a_free_worker_is_still_handing_over(kernel: Kernel) -> None:
    costs = Overheads(handoff_ns=30)
    records = serve(
        kernel, ConstantTime(100.0), trace_of((0, 1), (110, 1)), single("m", batch_size=1, workers=1), costs
    )
    assert records.slices.start_ns.tolist() == [0, 130]


def test_an_idle_worker_is_cold(kernel: Kernel) -> None:
    costs = Overheads(cold_ns=9, wakeup_ns=5)
    trace = trace_of((0, 1), (50, 1), (300, 1))
    records = serve(kernel, ConstantTime(100.0), trace, single("m", batch_size=1, workers=1), costs)
    # The first and the last find the worker idle; the second waits for it.
    assert records.slices.service_ns.tolist() == [109, 100, 109]


def test_arrivals_interrupt_a_full_machine(kernel: Kernel) -> None:
    costs = Overheads(interrupt_ns=10, cores=2)
    trace = trace_of((0, 4), (50, 1), (90, 1), (115, 1))
    records = serve(kernel, ConstantTime(100.0), trace, single("m", batch_size=2, workers=2), costs)
    # Slice 0 starts alone: it is never interrupted. Slice 1 fills the machine: query 1 (1 + 1 = 2) interrupts it, query
    # 2 does not, and query 3 arrives too late. Slice 2 starts at 100 beside it: query 3 does not interrupt it (3 + 2).
    assert records.slices.start_ns.tolist() == [0, 0, 100, 110, 200]
    assert records.slices.service_ns.tolist() == [100, 110, 100, 110, 100]


def test_an_interruption_can_bring_the_next(kernel: Kernel) -> None:
    costs = Overheads(interrupt_ns=60, cores=1)
    trace = trace_of((0, 1), (90, 1), (140, 1), (200, 1))
    records = serve(kernel, ConstantTime(100.0), trace, single("m", batch_size=1, workers=1), costs)
    # 100, then 160 for the second query, 220 for the third that came meanwhile, 280 for the fourth.
    assert records.finish_ns.tolist() == [280, 380, 480, 580]


def test_the_worker_free_longest_goes_first_and_ties_go_to_the_lowest(kernel: Kernel) -> None:
    trace = trace_of((0, 30), (0, 10), (0, 30), (100, 1), (100, 1), (100, 1))
    records = serve(kernel, LinearTime(0.0, 1.0), trace, single("m", batch_size=64, workers=3))
    assert records.slices.worker.tolist() == [0, 1, 2, 1, 0, 2]


def test_new_workers_go_before_used_ones(kernel: Kernel) -> None:
    trace = trace_of((0, 1), (50, 1), (100, 1), (150, 1))
    records = serve(kernel, ConstantTime(1.0), trace, single("m", batch_size=1, workers=3))
    assert records.slices.worker.tolist() == [0, 1, 2, 0]


def test_a_large_query_goes_whole_to_the_accelerator(kernel: Kernel) -> None:
    plan = Plan(
        stages=(Stage(model="m", batch_size=4, pool="cpu", offload_at=10, offload_pool="gpu"),),
        pools={"gpu": Pool(workers=1, device="gpu"), "cpu": Pool(workers=2)},
    )
    records = serve(kernel, LinearTime(10.0, 1.0), trace_of((0, 9), (0, 10), (1, 11)), plan)
    slices = records.slices
    assert [slices.pools[pool] for pool in slices.pool] == ["cpu", "cpu", "cpu", "gpu", "gpu"]
    assert slices.size.tolist() == [4, 4, 1, 10, 11]
    assert records.finish_ns.tolist() == [14 + 11, 20, 20 + 21]


def test_one_dispatcher_for_arrivals_and_later_stages(kernel: Kernel) -> None:
    plan = Plan(
        stages=(Stage(model="a", batch_size=8, pool="x", keep=2), Stage(model="b", batch_size=8, pool="y")),
        pools={"x": Pool(workers=1), "y": Pool(workers=1)},
    )
    costs = Overheads(query_ns=10)
    records = serve(kernel, LinearTime(0.0, 5.0), trace_of((0, 4), (29, 1), (30, 1)), plan, costs)
    # Query 0: dispatched 0-10, x until 30. Query 1 takes the dispatcher 29-39, then query 0's second stage
    # (ready at 30, the older query) 39-49, then query 2 49-59.
    assert records.dispatch_ns.tolist() == [0, 29, 49]
    of_b = records.slices.stage == 1
    assert records.slices.query[of_b].tolist() == [0, 1, 2]
    assert records.slices.size[of_b].tolist() == [2, 1, 1]
    # Query 1: x 39-44, ready 44, dispatched 49-59 or later? Query 2 was ready at 30, so it goes first: 59-69.
    assert records.slices.queued_ns[of_b].tolist() == [49, 69, 79]
    assert records.finish_ns.tolist() == [59, 74, 84]


def test_the_older_query_goes_first_in_a_shared_pool(kernel: Kernel) -> None:
    plan = Plan(
        stages=(Stage(model="a", batch_size=8, keep=1), Stage(model="b", batch_size=8)),
        pools={"cpu": Pool(workers=1)},
    )
    records = serve(kernel, ConstantTime(10.0), trace_of((0, 1), (10, 1)), plan)
    assert records.slices.query.tolist() == [0, 0, 1, 1]  # at 10 both are ready
    assert records.finish_ns.tolist() == [20, 40]


def test_a_batch_takes_at_least_a_nanosecond_and_rounds_half_to_even(kernel: Kernel) -> None:
    plan = single("m", batch_size=9, workers=1)
    for mean, took in ((0.2, 1), (2.5, 2), (3.5, 4)):
        assert serve(kernel, ConstantTime(mean), trace_of((0, 1)), plan).finish_ns.tolist() == [took]


def test_an_empty_trace_gives_empty_records(kernel: Kernel) -> None:
    plan = Plan(stages=(Stage(model="m", batch_size=1),) * 2, pools={"cpu": Pool(workers=1)})
    for each in (plan, single("m", batch_size=1, workers=1)):
        records = serve(kernel, ConstantTime(1.0), trace_of(), each)
        assert len(records) == len(records.slices) == 0
        assert saturated(records) == ()


def many(seed: int = 0) -> Trace:
    chance = np.random.default_rng(seed)
    return Trace(np.cumsum(chance.integers(1, 100_000, 2000)), chance.integers(1, 200, 2000))


def test_same_seed_same_bits_whatever_was_served_before(kernel: Kernel, assert_same: Any) -> None:
    plan, other = single("m", batch_size=64, workers=4), single("m", batch_size=8, workers=2)
    fresh, used = (Simulator({("m", "cpu"): Chancy()}, kernel=kernel, seed=7) for _ in range(2))
    used.serve(many().at_rate(9e3), plan)  # fewer, equally many and more slices than before
    used.serve(many(), other)
    assert_same(used.serve(many(), plan), fresh.serve(many(), plan))


def test_another_seed_is_another_run(kernel: Kernel) -> None:
    plan = single("m", batch_size=64, workers=4)
    one, two = (Simulator({("m", "cpu"): Chancy()}, kernel=kernel, seed=seed).serve(many(), plan) for seed in (1, 2))
    assert np.any(one.finish_ns != two.finish_ns)


def test_noise_stays_with_its_slice_when_the_rate_changes() -> None:
    plan, simulator = single("m", batch_size=64, workers=4), Simulator({("m", "cpu"): Chancy()})
    slow, fast = (simulator.serve(many().at_rate(qps), plan) for qps in (1e3, 1e5))
    np.testing.assert_array_equal(slow.slices.service_ns, fast.slices.service_ns)


def test_noise_has_the_quantiles_of_its_bucket() -> None:
    plan = single("m", batch_size=64, workers=4)
    slices = Simulator({("m", "cpu"): Chancy()}).serve(many(), plan).slices
    allowed = np.rint(1e5 * Chancy().table(64, 4).noise).astype(np.int64)
    level = np.ceil(np.log2(slices.size)).astype(int)
    for bucket in np.unique(level):
        assert np.isin(slices.service_ns[level == bucket], allowed[bucket]).all()
    full = slices.service_ns[slices.size == 64]
    # The mean of m draws has a standard error of the table's deviation over sqrt(m).
    assert abs(full.mean() - 1e5) < 5 * allowed[6].std() / np.sqrt(len(full))


def test_utilisation_and_load_of_every_pool(kernel: Kernel) -> None:
    plan = Plan(
        stages=(Stage(model="m", batch_size=1, pool="x"), Stage(model="m", batch_size=1, pool="y")),
        pools={"x": Pool(workers=1), "y": Pool(workers=2), "idle": Pool(workers=1)},
    )
    trace = trace_of(*((100 * number, 1) for number in range(11)))
    records = serve(kernel, ConstantTime(80.0), trace, plan, Overheads(handoff_ns=20, query_ns=5))
    # 11 slices of 80 ns each over the 1000 ns of arrivals; the last query ends at 1000 + 5 + 80 + 5 + 80.
    assert records.meta["load.x"] == pytest.approx(11 * 100 / 1000)
    assert records.meta["load.y"] == pytest.approx(11 * 100 / 2000)
    assert records.meta["utilisation.x"] == pytest.approx(11 * 80 / (records.finish_ns.max()))
    assert records.meta["load.idle"] == records.meta["utilisation.idle"] == 0
    assert records.meta["load.dispatcher"] == pytest.approx(22 * 5 / 1000)
    assert saturated(records) == ("x",)


def test_a_missing_service_time_is_named() -> None:
    with pytest.raises(BadInputError, match="model `m` on pool `cpu`") as caught:
        Simulator({("n", "cpu"): ConstantTime(1.0)}).serve(many(), single("m", batch_size=1, workers=1))
    assert "n on cpu" in caught.value.hint


def test_an_offload_pool_that_no_query_reaches_needs_no_service_time(kernel: Kernel) -> None:
    stage = Stage(model="m", batch_size=4, offload_at=10_000, offload_pool="gpu")
    plan = Plan(stages=(stage,), pools={"cpu": Pool(workers=1), "gpu": Pool(workers=1, device="gpu")})
    records = Simulator({("m", "cpu"): ConstantTime(1.0)}, kernel=kernel).serve(many(), plan)
    assert records.ok.all()


def test_importing_brings_neither_torch_nor_numba_and_serving_no_torch() -> None:
    code = """
import sys, numpy as np
from tailrank.core import Trace, single
from tailrank.simulator import Simulator
from tailrank.timing import ConstantTime
assert not {"torch", "numba", "scipy"} & set(sys.modules), "at import"
trace, plan = Trace(np.zeros(1), np.ones(1)), single("m", batch_size=1, workers=1)
Simulator({("m", "cpu"): ConstantTime(1.0)}, kernel="reference").serve(trace, plan)
assert "numba" not in sys.modules, "the reference kernel"
Simulator({("m", "cpu"): ConstantTime(1.0)}).serve(trace, plan)
assert "numba" in sys.modules
assert "torch" not in sys.modules, "the compiled kernel"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
