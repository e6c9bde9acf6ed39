from itertools import pairwise

import msgspec
import pytest
from msgspec.structs import replace

from tailrank.core import BadInputError, InfeasibleError, Pool
from tailrank.timing import LinearTime
from tailrank.tuner.column import CHANCES, catalogue, run_column
from tailrank.tuner.readings import QUICK
from tailrank.tuner.study import Column, ColumnResult, Hardware, StudyTarget

CPU, GPU = LinearTime(300_000, 20_000), LinearTime(1_000_000, 2_000)
COLUMN = Column(network="rmc1", host="fake", gpu="fake", effort=QUICK)


def fake(gpu: LinearTime | None = GPU, cpu: LinearTime = CPU, lacks: str = ""):
    def hardware(column: Column) -> Hardware:
        services = {"cpu": cpu} if gpu is None else {"cpu": cpu, "gpu": gpu}
        pools = {"cpu": Pool(workers=8)} | ({} if gpu is None else {"gpu": Pool(workers=1, device="cuda")})
        return Hardware(
            services,
            pools,
            lambda cpu, gpu: 100 + 100 * cpu,
            lambda cpu, gpu: 150 + 100 * cpu + 200 * gpu,
            40.0,
            lacks,
        )

    return hardware


@pytest.fixture(scope="module")
def result() -> ColumnResult:
    return run_column(COLUMN, fake())


def by_key(result: ColumnResult):
    return {(cell.target, cell.scheduler): cell for cell in result.cells}


def test_every_cell_is_there(result):
    wanted = {(target, scheduler) for target in ("low", "medium", "high") for scheduler in ("static", "cpu", "gpu")}
    assert by_key(result).keys() == wanted
    assert len(result.cells) == len(wanted)


def test_tuned_is_never_below_static_nor_the_gpu_below_the_cpu(result):
    cells = by_key(result)
    for target in ("low", "medium", "high"):
        static, cpu, gpu = (cells[target, scheduler].capacity_qps for scheduler in ("static", "cpu", "gpu"))
        assert 0 < static <= cpu <= gpu


def test_capacity_never_falls_with_the_target(result):
    for scheduler in ("static", "cpu", "gpu"):
        along = [by_key(result)[target, scheduler].capacity_qps for target in ("low", "medium", "high")]
        assert all(b >= a for a, b in pairwise(along))


def test_gains_and_watts_follow_from_the_cells(result):
    cells = by_key(result)
    for (target, scheduler), cell in cells.items():
        assert cell.gain == pytest.approx(cell.capacity_qps / cells[target, "static"].capacity_qps)
        low, high = cell.capacity_ci95_qps
        assert low <= cell.capacity_qps <= high
        idle, gpu_w = (150, 200) if scheduler == "gpu" else (100, 0)
        assert cell.power_w == pytest.approx(idle + 100 * cell.cpu_busy + gpu_w * cell.gpu_busy)
        assert cell.qps_per_watt == pytest.approx(cell.capacity_qps / cell.power_w)
        assert cell.qps_per_tdp_watt == pytest.approx(cell.capacity_qps / (idle + 100 + gpu_w))


def test_the_static_baseline_uses_every_worker_once(result):
    static = [cell for cell in result.cells if cell.scheduler == "static"]
    assert {cell.batch_size for cell in static} == {125}
    assert all(cell.offload_at is None and cell.gain == 1 for cell in static)


def test_shares_are_those_of_the_law_of_sizes(result):
    for cell in result.cells:
        if cell.offload_at is None:
            assert cell.gpu_query_share == cell.gpu_item_share == 0
        else:
            assert cell.gpu_query_share == pytest.approx(float(CHANCES[cell.offload_at :].sum()))
            assert cell.gpu_item_share > cell.gpu_query_share  # large queries go there


def test_a_fast_gpu_is_used(result):
    gpu = by_key(result)["medium", "gpu"]
    assert gpu.offload_at is not None
    assert gpu.gpu_busy > 0.1
    assert gpu.capacity_qps > 1.2 * by_key(result)["medium", "cpu"].capacity_qps


def test_same_column_same_answer(result):
    again = run_column(COLUMN, fake())
    assert again == result


def test_a_gpu_that_is_slow_is_left_alone():
    medium = (StudyTarget(name="medium", factor=1.0),)
    slow = LinearTime(100_000_000, 2_000_000)
    found = run_column(replace(COLUMN, targets=medium), fake(gpu=slow))
    gpu, cpu = by_key(found)["medium", "gpu"], by_key(found)["medium", "cpu"]
    assert gpu.offload_at is None
    assert gpu.capacity_qps == cpu.capacity_qps
    assert gpu.qps_per_watt < cpu.qps_per_watt  # it still draws its idle power


def test_a_gpu_without_room_is_no_gpu():
    medium = (StudyTarget(name="medium", factor=1.0),)
    found = run_column(replace(COLUMN, targets=medium), fake(gpu=None, lacks="tables do not fit"))
    gpu = by_key(found)["medium", "gpu"]
    assert gpu.offload_at is None
    assert gpu.note == "tables do not fit"


def test_a_target_that_nothing_meets_has_no_capacity():
    hopeless = (StudyTarget(name="low", factor=0.001),)
    found = run_column(replace(COLUMN, targets=hopeless), fake(gpu=None))
    assert all(cell.capacity_qps == 0 and cell.gain is None for cell in found.cells)
    assert all(cell.smallest_ms is not None and cell.smallest_ms > 0.04 for cell in found.cells)


def test_an_unloaded_target_is_one_that_the_baseline_meets_hardly():
    tight = (StudyTarget(name="tight", factor=1.2, of="unloaded"),)
    found = by_key(run_column(replace(COLUMN, targets=tight), fake()))
    static = found["tight", "static"]
    assert static.sla_ms < 40
    assert static.smallest_ms == pytest.approx(static.sla_ms / 1.2, rel=0.05)


def test_the_catalogue_makes_hardware():
    found = catalogue(Column(network="wnd", host="skylake-40c", gpu="gtx-1080ti", gpu_slower=2.0))
    plain = catalogue(Column(network="wnd", host="skylake-40c", gpu="gtx-1080ti"))
    assert found.pools["cpu"].workers == 40
    assert found.pools["gpu"].workers == 1
    slow, fast = (each.services["gpu"].table(100, 1).mean_ns[0, 100] for each in (found, plain))
    assert slow == pytest.approx(2 * fast)
    assert found.gpu_power_w(1, 1) > found.cpu_power_w(1, 0)


def test_an_impossible_host_is_refused():
    with pytest.raises(BadInputError, match="no-such-cpu"):
        catalogue(Column(network="wnd", host="no-such-cpu"))
    with pytest.raises((BadInputError, InfeasibleError)):
        catalogue(Column(network="no-such-network", host="skylake-40c"))


def test_the_answer_is_plain_data(result):
    assert msgspec.json.decode(msgspec.json.encode(result), type=ColumnResult) == result
