import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.timing import QUANTILES
from tailrank.tuner.recpipe.logged import components
from tailrank.tuner.recpipe.pipeline import EngineTime, Reading, bound_qps, engine_ms, gpu_fixed_ms, p95s_ms, plan_of

TWO = (("rm-small", 4096), ("rm-large", 128))
STEADY = Reading(name="steady")


@pytest.mark.parametrize(("devices", "workers"), [(("cpu",), [32]), (("cpu",) * 2, [16, 16]), (("cpu",) * 3, [10] * 3)])
def test_cpu_stages_share_the_engines_evenly(devices: tuple[str, ...], workers: list[int]) -> None:
    plan = plan_of(tuple(("rm-small", 4096 >> stage) for stage in range(len(devices))), devices)
    assert [plan.pools[stage.pool].workers for stage in plan.stages[::2]] == workers
    assert all(plan.pools[stage.pool].workers == 1 and stage.model == "sort" for stage in plan.stages[1::2])


def test_beside_a_gpu_engine_the_other_stage_has_all_cpus() -> None:
    plan = plan_of(TWO, ("gpu", "cpu"))
    assert [plan.pools[name].workers for name in ("gpu-0", "cpu-1")] == [1, 32]
    assert [stage.keep for stage in plan.stages] == [None, 128, None, 64]


def test_an_engine_takes_the_sum_of_its_logged_parts() -> None:
    logged = {
        (each.device, each.part): each.ms
        for each in components()
        if each.network == "rm-large" and each.items == 4096 and each.context == "pipeline"
    }
    for device in ("cpu", "gpu"):
        whole = sum(logged[device, part] for part in ("inference", "gather", "fetch"))
        assert engine_ms("rm-large", device, 4096) == pytest.approx(whole)
    assert engine_ms("rm-large", "cpu", 4096, "alone") == pytest.approx(40.1 + 5.4 + 0.04)


@given(st.floats(1.0, 5000.0))
def test_between_its_points_time_is_straight_and_beyond_them_it_goes_on(items: float) -> None:
    time = EngineTime((100.0, 200.0, 400.0), (2.0, 3.0, 5.0))  # one straight line
    assert time.mean_ms(np.array([items]))[0] == pytest.approx(1.0 + items / 100.0)


def test_noise_has_mean_one_and_the_spread_asked_for() -> None:
    table = EngineTime((0.0, 10.0), (0.0, 1.0), spread=0.2).table(10, 3)
    assert table.mean_ns.shape == (3, 11)
    assert table.noise.mean(axis=1) == pytest.approx(np.ones(len(table.noise)))
    assert np.log(table.noise[0]).std() == pytest.approx(0.2, rel=0.02)
    assert table.noise.shape[1] == QUANTILES


def test_alone_a_query_takes_the_sum_of_its_stages() -> None:
    sort = 1.35 / 4096
    whole = engine_ms("rm-small", "cpu", 4096, "alone") + 4096 * sort
    whole += engine_ms("rm-large", "cpu", 128, "alone") + 128 * sort
    assert p95s_ms(TWO, ("cpu", "cpu"), STEADY, 0.1, [1])[0] == pytest.approx(whole, abs=1e-3)


def test_an_overloaded_engine_follows_the_fluid_limit() -> None:
    """Query k of n waits until k services are done: the 95th percentile of latency is 0.95 n (service - gap)."""
    service, gap = engine_ms("rm-large", "gpu", 4096), 4.0
    found = p95s_ms((("rm-large", 4096),), ("gpu",), STEADY, 1e3 / gap, range(8))
    assert np.mean(found) == pytest.approx(0.95 * 2000 * (service - gap), rel=0.03)


def test_a_late_generator_offers_less() -> None:
    asked = Reading(name="asked", arrivals="paper")
    late = Reading(name="late", arrivals="paper", late_ms=1.0)
    stages = (("rm-large", 4096),)
    assert p95s_ms(stages, ("cpu",), late, 1000.0, [3])[0] < 0.5 * p95s_ms(stages, ("cpu",), asked, 1000.0, [3])[0]


def test_whole_milliseconds_hide_the_queue_of_one_engine() -> None:
    stages = (("rm-large", 4096),)
    exact, whole = (
        np.mean(p95s_ms(stages, ("gpu",), Reading(name=kind, arrivals=kind), 67.0, range(6)))
        for kind in ("poisson", "paper")
    )
    assert exact > 2 * whole


def test_bounds_are_workers_over_time_or_the_single_sort() -> None:
    assert bound_qps((("rm-large", 4096),), ("cpu",), "alone") == pytest.approx(32e3 / (40.1 + 5.4 + 0.04))
    assert bound_qps((("rm-small", 4096),), ("cpu",), "alone") == pytest.approx(1e3 / 1.35)
    assert bound_qps((("rm-large", 4096),), ("gpu",), "alone") == pytest.approx(1e3 / (6.2 + 4.4 + 0.24))


def test_part_of_the_gpus_time_does_not_depend_on_items() -> None:
    assert 0.5 < gpu_fixed_ms() < 6.2  # between nothing and the whole of what is logged as inference
    assert engine_ms("rm-large", "gpu", 128) > gpu_fixed_ms()
