from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import Pool
from tailrank.metrics import SLATarget
from tailrank.timing import LinearTime, ServiceTable
from tailrank.tuner.explore import Arithmetic, Bench, Crowded, Explorer, Funnel, Space, plan_of

SIZES = np.array([40, 60, 100, 100])
SERVICES = {("a", "cpu"): LinearTime(1000, 100), ("b", "cpu"): LinearTime(2000, 1000)}


def space(**changed: object) -> Space:
    fields: dict[str, object] = {
        "networks": ("a", "b"),
        "stages": (1, 2),
        "take": (100, 50),
        "keep": (30, 20),
        "results": 10,
        "batch_sizes": (8, 16, 64),
        "pools": {"cpu": Pool(workers=4)},
    }
    return Space(**(fields | changed))  # type: ignore[arg-type]


def test_work_is_the_time_of_the_batches_of_the_mean_query() -> None:
    arithmetic = Arithmetic(space(), SERVICES, SIZES, 95.0)
    whole = arithmetic.stage("a", "cpu", 100, 16)
    batches = [-(-size // 16) for size in SIZES]
    assert whole.work_ns == pytest.approx(
        np.mean([1000 * n + 100 * size for n, size in zip(batches, SIZES, strict=True)])
    )
    assert whole.query_ns == 7 * 1000 + 100 * 100  # the query at the percentile has 100 candidates
    assert whole.slice_ns == 1000 + 16 * 100
    cut = arithmetic.stage("a", "cpu", 50, 16)  # at most 50 of each query
    assert cut.work_ns == pytest.approx(np.mean([1000 * -(-min(s, 50) // 16) + 100 * min(s, 50) for s in SIZES]))


def test_a_shared_pool_does_the_work_of_all_stages_and_split_pools_their_own() -> None:
    arithmetic = Arithmetic(space(), SERVICES, SIZES, 95.0)
    funnel = Funnel(("a", "b"), (100, 30))
    work = [arithmetic.stage(n, "cpu", i, 16).work_ns for n, i in zip(*funnel, strict=True)]
    shared = arithmetic.option(funnel, ("cpu", "cpu"), "shared", (4, 4), (16, 16))
    split = arithmetic.option(funnel, ("cpu", "cpu"), "separate", (1, 3), (16, 16))
    assert shared.bound_qps == pytest.approx(4e9 / sum(work))
    assert split.bound_qps == pytest.approx(min(1e9 / work[0], 3e9 / work[1]))
    assert split.bound_qps <= shared.bound_qps


def test_split_pools_give_every_worker_away_and_each_stage_one() -> None:
    arithmetic = Arithmetic(space(), SERVICES, SIZES, 95.0)
    options = [each for each in arithmetic.options(Funnel(("a", "b"), (100, 30))) if each.sharing == "separate"]
    assert options
    assert all(sum(each.workers) == 4 and min(each.workers) >= 1 for each in options)


def test_a_pool_with_fewer_workers_than_stages_cannot_be_split() -> None:
    arithmetic = Arithmetic(space(pools={"cpu": Pool(workers=1)}), SERVICES, SIZES, 95.0)
    assert {each.sharing for each in arithmetic.options(Funnel(("a", "b"), (100, 30)))} == {"shared"}


def test_batch_sizes_left_out_are_beaten_in_work_and_time() -> None:
    arithmetic = Arithmetic(space(), SERVICES, SIZES, 95.0)
    kept = arithmetic.batches("a", "cpu", 100, 4)

    def costs(batch: int) -> tuple[float, float]:
        time = arithmetic.stage("a", "cpu", 100, batch)
        return time.busy_work_ns, max(time.slice_ns, time.query_ns / 4)

    for batch in set(arithmetic.sizes_for(100)) - set(kept):
        assert any(all(x <= y for x, y in zip(costs(each), costs(batch), strict=True)) for each in kept)


def test_whole_queries_are_taken_by_one_batch_size_only() -> None:
    arithmetic = Arithmetic(space(batch_sizes=(8, 64, 128, 256)), SERVICES, SIZES, 95.0)
    assert arithmetic.sizes_for(100) == [8, 64, 128]
    assert arithmetic.sizes_for(4) == [8]


def test_offloaded_queries_load_the_other_pool() -> None:
    pools = {"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="cuda")}
    services = SERVICES | {("a", "gpu"): LinearTime(500, 10), ("b", "gpu"): LinearTime(500, 20)}
    arithmetic = Arithmetic(space(pools=pools, offload_at=(80,)), services, SIZES, 95.0)
    option = arithmetic.option(Funnel(("a",), (100,)), ("cpu",), "shared", (4,), (16,), (80, "gpu"))
    small = np.mean([1000 * -(-s // 16) + 100 * s if s < 80 else 0 for s in SIZES])
    assert option.bound_qps == pytest.approx(min(4e9 / small, 1e9 / (0.5 * 1500)))
    assert option.least_ms == pytest.approx(1500 / 1e6)
    plan = plan_of(arithmetic.space, Funnel(("a",), (100,)), option)
    assert (plan.stages[0].offload_at, plan.stages[0].offload_pool) == (80, "gpu")
    offered = list(arithmetic.options(Funnel(("a",), (100,))))
    assert any(each.offload == (80, "gpu") for each in offered)
    assert any(each.places == ("gpu",) for each in offered)


class Slowing:
    """Batches take as many microseconds as workers are busy."""

    def table(self, max_items: int, workers: int) -> ServiceTable:
        mean_ns = 1000.0 * np.arange(1, workers + 1)[:, None] * np.ones(max_items + 1)
        return ServiceTable(mean_ns, np.ones((12, 256)))


def test_a_part_of_a_pool_counts_the_others_as_busy() -> None:
    assert Crowded(Slowing(), 4).table(8, 1).mean_ns[:, 1].tolist() == [4000.0]
    assert Crowded(Slowing(), 4).table(8, 3).mean_ns[:, 1].tolist() == [2000.0, 3000.0, 4000.0]
    assert Crowded(Slowing(), 4).table(8, 4).mean_ns[:, 1].tolist() == [1000.0, 2000.0, 3000.0, 4000.0]


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_no_run_beats_the_bounds(explorer_of: Callable[..., Explorer], small: Space, data: st.DataObject) -> None:
    bench: Bench = explorer_of(small, latency_ms=8.0).bench
    chain = data.draw(st.sampled_from(list(small.chains())))
    funnel = Funnel(chain, data.draw(st.sampled_from(list(small.depth_first_items(len(chain))))))
    option = data.draw(st.sampled_from(list(bench.arithmetic.options(funnel))))
    plan = plan_of(small, funnel, option)
    found = bench.capacity(plan, option)
    assert found.qps <= option.bound_qps * 1.08  # a run of 2,000 Poisson arrivals is not exactly at its rate
    assert bench.at_load(plan, 0.3 * option.bound_qps).tail_ms >= option.least_ms * 0.999
    assert SLATarget(latency_ms=8.0) == bench.target


@pytest.fixture(scope="module")
def small(request: pytest.FixtureRequest) -> Space:
    found: Space = request.getfixturevalue("space")
    return found
