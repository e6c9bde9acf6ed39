"""The search over plans with a GPU beside the CPU, in the simulator alone."""

from types import SimpleNamespace

import pytest

from tailrank.cli import searching
from tailrank.cli.budget import QUICK
from tailrank.cli.hardware import Gpu
from tailrank.cli.progress import Progress
from tailrank.core import Pool
from tailrank.metrics import SLATarget
from tailrank.timing import Point, Profile
from tailrank.tuner import static_baseline
from tailrank.workload import Production, Workload

TARGET = SLATarget(latency_ms=20.0)
BUDGET = QUICK._replace(queries=1500, slices=20_000, replications=3)
WORKLOAD = Workload(sizes=Production(max_size=200))


def profile(fixed_us: int, item_us: int) -> Profile:
    points = [Point(items=n, busy=1, samples_ns=(1000 * (fixed_us + n * item_us),)) for n in (1, 100, 200)]
    return Profile(network="m", points=tuple(points))


def searched(gpu: Profile, workload: Workload = WORKLOAD) -> searching.Search:
    pools = {"cpu": Pool(workers=2), "gpu": Gpu("cuda", 1).pool()}
    subject = SimpleNamespace(name="m", pools=pools)
    baseline = static_baseline("m", workload.sizes.max_size, 2)
    profiles = {"cpu": profile(20, 20), "gpu": gpu}
    return searching._climb(
        subject,
        workload,
        TARGET,
        profiles,
        baseline,
        BUDGET,
        1,
        Progress(quiet=True),  # type: ignore[arg-type]
    )


def without(found: searching.Search) -> float:
    return max(each.capacity.qps for each in found.candidates if each.plan.stages[0].offload_at is None)


def test_a_fast_gpu_takes_large_queries_and_its_pool_is_in_the_plan() -> None:
    found = searched(profile(300, 1))
    assert found.best.plan.stages[0].offload_pool == "gpu"
    assert found.best.plan.pools["gpu"] == Pool(workers=1, device="cuda")
    assert found.best.capacity.qps > 1.5 * without(found)


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
    assert searching.services_of("m", {"cpu": cpu, "gpu": gpu}) == {("m", "cpu"): cpu, ("m", "gpu"): gpu}
