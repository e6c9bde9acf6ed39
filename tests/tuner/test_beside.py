import msgspec
import pytest

from tailrank.core import Pool
from tailrank.timing import LinearTime
from tailrank.tuner.column import run_column
from tailrank.tuner.grid import BATCHES, THRESHOLDS
from tailrank.tuner.readings import QUICK
from tailrank.tuner.study import Column, ColumnResult, Hardware


def hardware(column: Column) -> Hardware:
    services = {"cpu": LinearTime(300_000, 20_000), "gpu": LinearTime(1_000_000, 2_000)}
    pools = {"cpu": Pool(workers=8), "gpu": Pool(workers=1, device="cuda")}
    return Hardware(services, pools, lambda cpu, gpu: 100.0, lambda cpu, gpu: 150.0, 40.0)


@pytest.fixture(scope="module")
def result() -> ColumnResult:
    extras = ("curves", "lognormal", "arrivals", "regret")
    return run_column(Column(network="rmc1", host="fake", gpu="fake", effort=QUICK, extras=extras), hardware)


def tuned(result: ColumnResult, target: str, scheduler: str):
    return next(cell for cell in result.cells if (cell.target, cell.scheduler) == (target, scheduler))


def test_curves_move_one_knob_at_a_time(result):
    best = tuned(result, "medium", "gpu")
    sizes = [point for point in result.curves if point.knob == "batch_size"]
    ats = [point for point in result.curves if point.knob == "offload_at"]
    assert all(point.offload_at is None for point in sizes)
    assert len({point.batch_size for point in sizes}) == len(sizes)
    assert {point.batch_size for point in ats} == {best.batch_size}
    assert len({point.offload_at for point in ats}) == len(ats)
    assert {point.target for point in result.curves} == {"medium"}


def test_no_point_of_a_curve_is_far_above_what_the_search_found(result):
    for knob, scheduler in (("batch_size", "cpu"), ("offload_at", "gpu")):
        best = max(point.capacity_qps for point in result.curves if point.knob == knob)
        assert best <= 1.1 * tuned(result, "medium", scheduler).capacity_qps


def test_no_point_is_above_its_bound(result):
    assert all(0 <= point.capacity_qps <= 1.05 * point.bound_qps for point in result.curves)


def test_a_plan_tuned_on_the_wrong_sizes_is_no_better(result):
    assert [row.target for row in result.penalty] == ["low", "medium", "high"]
    for row in result.penalty:
        cell = tuned(result, row.target, "cpu")
        assert (row.capacity_qps, row.production_batch_size) == (cell.capacity_qps, cell.batch_size)
        assert row.penalty is not None
        assert row.penalty > 0.95


def test_arrivals_are_compared_on_the_tuned_plan(result):
    (row,) = result.poisson
    assert row.exact_qps == tuned(result, "medium", "cpu").capacity_qps
    assert row.ratio == pytest.approx(row.integer_qps / row.exact_qps)


def test_regret_is_of_the_climb_against_every_pair(result):
    grids = {"cpu": len(BATCHES), "gpu": len(BATCHES) * (1 + len(THRESHOLDS))}
    for cell in result.cells:
        row = cell.regret
        if cell.scheduler == "static":
            assert row is None
            continue
        assert row is not None
        assert 0 <= row.regret < 0.2
        assert row.regret == 1 - row.climb_qps / row.best_qps
        assert (row.climb_batch_size, row.climb_offload_at) == (cell.batch_size, cell.offload_at)
        assert row.evaluations > 0
        assert row.before_joint is not None
        assert row.before_joint >= row.regret - 0.02 * QUICK.tolerance
        assert row.exhaustive == grids[cell.scheduler]


def test_the_answer_is_plain_data(result):
    assert msgspec.json.decode(msgspec.json.encode(result), type=ColumnResult) == result
