import pytest

from tailrank.cli.offload import compared, comparison, gained, gpu_text, gpu_title
from tailrank.core import Plan, Pool, Stage
from tailrank.metrics import SLATarget
from tailrank.timing import LinearTime, Point, Profile
from tailrank.tuner import Candidate, Capacity, Search
from tailrank.workload import Fixed, Workload

POOLS = {"cpu": Pool(workers=1), "gpu": Pool(workers=1, device="cuda")}


def profile(fixed_ns: int, item_ns: int) -> Profile:
    points = [Point(items=n, busy=1, samples_ns=(fixed_ns + n * item_ns,)) for n in (1, 2, 4, 8, 16)]
    return Profile(network="m", points=tuple(points))


def candidate(at: int | None, batch_size: int, *loads: float) -> Candidate:
    met = all(loads)
    capacity = Capacity(
        qps=sum(loads) / len(loads),
        low_qps=min(loads),
        high_qps=max(loads),
        per_replication=loads,
        queries=10,
        probes=1,
        percentile_ms=1.0,
        smallest_ms=0.1,
        run_s=1.0,
        met=met,
        monotone=True,
        target=SLATarget(latency_ms=1.0),
        tolerance=0.0,
    )
    stage = Stage(model="m", batch_size=batch_size, offload_at=at, offload_pool=None if at is None else "gpu")
    return Candidate(Plan(stages=(stage,), pools=POOLS), capacity, "batch size")


def test_break_even_is_where_the_lines_cross() -> None:
    found = comparison(profile(0, 100), profile(550, 10))  # 100 n > 550 + 10 n from n = 7
    assert found["break_even_items"] == 7
    assert [row["items"] for row in found["ratios"]] == [1, 2, 4, 8, 16]
    assert found["ratios"][0]["ratio"] == pytest.approx(100 / 560)
    assert found["ratios"][-1]["ratio"] == pytest.approx(1600 / 710)


def test_computed_times_compare_as_measured_ones_do() -> None:
    found = compared(LinearTime(0, 100), LinearTime(550, 10), (1, 2, 4, 8, 16))
    measured = comparison(profile(0, 100), profile(550, 10))
    assert found["break_even_items"] == measured["break_even_items"]
    for row, other in zip(found["ratios"], measured["ratios"], strict=True):
        assert row == pytest.approx(other)


def test_break_even_is_one_or_never_at_the_ends() -> None:
    assert comparison(profile(0, 100), profile(0, 10))["break_even_items"] == 1
    assert comparison(profile(0, 10), profile(0, 100))["break_even_items"] is None
    assert comparison(profile(0, 10), profile(0, 10))["break_even_items"] is None


def test_the_gain_is_over_the_best_plan_that_offloads_nothing() -> None:
    plain, better = candidate(None, 4, 50.0, 50.0), candidate(None, 8, 100.0, 100.0)
    best = candidate(40, 8, 150.0, 150.0)
    found = gained(Search(best, (plain, better, best)), Workload(sizes=Fixed(size=40)), 1)
    assert found["gain"] == pytest.approx(1.5)
    assert (found["capacity_qps"], found["capacity_without_qps"], found["batch_size_without"]) == (150.0, 100.0, 8)
    assert (found["offload_at"], found["share_of_queries"], found["share_of_items"]) == (40, 1.0, 1.0)


def test_large_queries_hold_more_of_the_items_than_of_the_queries() -> None:
    best = candidate(400, 8, 150.0, 150.0)
    found = gained(Search(best, (candidate(None, 8, 1.0, 1.0), best)), Workload(), 1)
    assert 0 < found["share_of_queries"] < found["share_of_items"] < 1


def test_nothing_offloaded_and_nothing_met_without() -> None:
    plain = candidate(None, 8, 100.0, 100.0)
    found = gained(Search(plain, (plain,)), Workload(), 1)
    assert (found["offload_at"], found["share_of_queries"], found["gain"]) == (None, 0.0, pytest.approx(1.0))
    only = candidate(1, 8, 10.0, 10.0)
    assert gained(Search(only, (candidate(None, 8, 0.0, 0.0), only)), Workload(), 1)["gain"] is None


@pytest.mark.parametrize("pretend", [True, False])
def test_a_pretence_is_printed_as_one(pretend: bool) -> None:
    gpu = {"device": "host", "precision": "fp32", "workers": 2, "pretend": pretend}
    assert ("PRETENCE" in gpu_title(gpu)) == pretend
    text = gpu_text(gpu | comparison(profile(0, 100), profile(550, 10)) | {"transfers": []})
    assert ("PRETENCE" in text) == pretend
    assert "sooner from batches of 7" in text
