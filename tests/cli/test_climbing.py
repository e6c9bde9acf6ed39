"""The search over plans with a GPU beside the CPU, in the simulator alone."""

import pytest
from msgspec.structs import replace

from tailrank.cli.budget import QUICK
from tailrank.cli.climbing import Question, climbed, curve, effort, full_qps, services_of
from tailrank.cli.hardware import Gpu
from tailrank.cli.progress import Progress
from tailrank.core import Plan, Pool, Stage
from tailrank.metrics import SLATarget
from tailrank.timing import LinearTime, Point, Profile
from tailrank.tuner import Search, static_baseline
from tailrank.workload import Fixed, Production, Workload

TARGET = SLATarget(latency_ms=20.0)
BUDGET = QUICK._replace(queries=1500, slices=20_000, replications=3)
WORKLOAD = Workload(sizes=Production(max_size=200))


def profile(fixed_us: int, item_us: int) -> Profile:
    points = [Point(items=n, busy=1, samples_ns=(1000 * (fixed_us + n * item_us),)) for n in (1, 100, 200)]
    return Profile(network="m", points=tuple(points))


def question(gpu: Profile, workload: Workload = WORKLOAD) -> Question:
    pools = {"cpu": Pool(workers=2), "gpu": Gpu("cuda", 1).pool()}
    return Question("m", pools, {"cpu": profile(20, 20), "gpu": gpu}, workload, TARGET, seed=1)


def searched(gpu: Profile) -> Search:
    return climbed(question(gpu), static_baseline("m", WORKLOAD.sizes.max_size, 2), BUDGET, Progress(quiet=True))


def without(found: Search) -> float:
    return max(each.capacity.qps for each in found.candidates if each.plan.stages[0].offload_at is None)


def test_a_fast_gpu_takes_large_queries_and_its_pool_is_in_the_plan() -> None:
    found = searched(profile(300, 1))
    assert found.best.plan.stages[0].offload_pool == "gpu"
    assert found.best.plan.pools["gpu"] == Pool(workers=1, device="cuda")
    assert found.best.capacity.qps > 1.5 * without(found)


def test_a_gpu_that_only_the_largest_queries_are_worth_gets_those() -> None:
    """Powers of two end at 128; what a slow GPU can take lies above."""
    found = searched(profile(2000, 10))
    at = found.best.plan.stages[0].offload_at
    assert at is not None
    assert found.best.capacity.qps >= without(found)
    tried = {each.plan.stages[0].offload_at for each in found.candidates}
    assert any(each is not None and each > 128 for each in tried)
    assert len(found.candidates) <= BUDGET.plans


@pytest.mark.parametrize("refine", [True, False])
def test_without_a_gpu_every_batch_size_of_the_grid_is_measured_where_time_allows(refine: bool) -> None:
    asked = Question("m", {"cpu": Pool(workers=2)}, {"cpu": LinearTime(20_000, 20_000)}, WORKLOAD, TARGET, seed=1)
    budget = BUDGET._replace(refine=refine)
    found = climbed(asked, static_baseline("m", 200, 2), budget, Progress(quiet=True))
    sizes = {each.plan.stages[0].batch_size for each in found.candidates}
    assert sizes >= {1, 2, 4, 8, 16, 32, 64, 100, 128, 256}
    assert (sizes >= {3, 6, 12, 24, 48, 96, 192}) == refine


def test_plans_without_offload_do_not_name_the_gpu() -> None:
    found = searched(profile(30_000, 20))  # no batch of it meets the target
    assert found.best.plan.stages[0].offload_at is None
    assert set(found.best.plan.pools) == {"cpu"}
    baseline = static_baseline("m", 200, 2)
    assert found.find(baseline) is not None
    assert found.best in found.candidates


def test_a_gpu_many_times_faster_still_has_runs_long_enough() -> None:
    """Traces must last many target latencies at the loads only the GPU can take, or the search refuses."""
    found = searched(profile(25, 0))
    assert found.best.capacity.run_s > 4 * TARGET.latency_ms / 1e3
    assert found.best.capacity.qps == pytest.approx(40_000, rel=0.1)


def test_service_times_are_by_model_and_pool() -> None:
    cpu, gpu = profile(1, 1), profile(2, 2)
    assert services_of("m", {"cpu": cpu, "gpu": gpu}) == {("m", "cpu"): cpu, ("m", "gpu"): gpu}


def test_latency_grows_with_load_until_it_is_not_shown() -> None:
    asked = Question("m", {"cpu": Pool(workers=2)}, {"cpu": LinearTime(20_000, 20_000)}, WORKLOAD, TARGET, seed=1)
    rows = curve(asked, climbed(asked, static_baseline("m", 200, 2), BUDGET, Progress(quiet=True)))
    assert [row["offered_qps"] for row in rows] == sorted(row["offered_qps"] for row in rows)
    assert rows[0]["p95_ms"] < rows[9]["p95_ms"] <= 1.2 * TARGET.latency_ms
    assert all(row["p95_ms"] is None for row in rows if row["saturated"])


SIZE = 100
FIXED = Workload(sizes=Fixed(size=SIZE))
SERVICES = {"cpu": LinearTime(0, 1000), "gpu": LinearTime(0, 10)}
PLAN = Plan(
    stages=(Stage(model="m", batch_size=30),),
    pools={"cpu": Pool(workers=2), "gpu": Pool(workers=3, device="cuda")},
)


def offloading(at: int) -> Plan:
    stage = Stage(model="m", batch_size=30, offload_at=at, offload_pool="gpu")
    return Plan(stages=(stage,), pools=PLAN.pools)


def test_workers_are_full_when_their_time_is_used_up() -> None:
    assert full_qps(SERVICES, PLAN, FIXED, 0) == pytest.approx(2 / (SIZE * 1000e-9))


def test_offloaded_queries_fill_the_other_pool() -> None:
    assert full_qps(SERVICES, offloading(SIZE), FIXED, 0) == pytest.approx(3 / (SIZE * 10e-9))
    assert full_qps(SERVICES, offloading(SIZE + 1), FIXED, 0) == full_qps(SERVICES, PLAN, FIXED, 0)


def test_a_plan_that_takes_a_part_is_full_later_and_needs_fewer_slices() -> None:
    half, whole = replace(PLAN, take=SIZE // 2), Workload(sizes=Fixed(size=SIZE // 2))
    assert full_qps(SERVICES, half, FIXED, 0) == pytest.approx(2 * full_qps(SERVICES, PLAN, FIXED, 0))
    assert full_qps(SERVICES, replace(offloading(SIZE), take=SIZE // 2), FIXED, 0) == full_qps(SERVICES, half, FIXED, 0)
    small = BUDGET._replace(queries=1, slices=1)
    needs = [
        effort(Question("m", PLAN.pools, SERVICES, workload, TARGET, seed=0), plan, (), small)
        for plan, workload in ((half, FIXED), (PLAN, whole))
    ]
    assert needs[0] == needs[1]


def test_the_fuller_pool_decides() -> None:
    mixed = Workload()  # many sizes: both pools have work
    loads = [full_qps(SERVICES, offloading(at), mixed, 0) for at in (1, 50, 200, 100_000)]
    assert loads[0] > 10 * loads[-1]
    assert loads[1] >= loads[2] >= loads[3]  # the slow pool keeps more and more
