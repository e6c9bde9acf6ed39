import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, Pool, Records, SliceRecords, single
from tailrank.core.plan import Plan
from tailrank.metrics import SLATarget, meets, summarise

EMPTY = SliceRecords(*(np.zeros(0, np.int64) for _ in range(9)))


def records_from(latencies):
    arrival_ns = np.arange(1, len(latencies) + 1, dtype=np.int64) * 1_000_000
    latency_ns = np.array(latencies, np.int64)
    finish_ns = np.where(latency_ns < 0, -1, arrival_ns + latency_ns)
    return Records(arrival_ns, np.ones_like(arrival_ns), arrival_ns + 2000, finish_ns, EMPTY)


@given(
    latencies=st.lists(st.integers(-1, 5_000_000), min_size=1, max_size=60),
    percentile=st.sampled_from([50.0, 95.0, 99.9]),
    latency_ms=st.floats(0.001, 6),
    warmup=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_meets_is_the_percentile_within_the_target(latencies, percentile, latency_ms, warmup):
    records, target = records_from(latencies), SLATarget(percentile=percentile, latency_ms=latency_ms)
    summary = summarise(records, target, warmup=warmup)
    assert summary.met == meets(records, target, warmup=warmup)
    if summary.saturated or summary.tail_ms is None:
        assert not summary.met
    else:
        assert summary.met == (round(summary.tail_ms * 1e6) <= target.latency_ns)


def test_numbers_and_units():
    latencies = np.arange(1, 1001) % 100 * 10_000 + 10_000  # 0.01 to 1 ms, no trend
    summary = summarise(records_from(latencies), SLATarget(latency_ms=0.95), warmup=0.0)
    assert (summary.queries, summary.failed) == (1000, 0)
    assert summary.p50_ms == pytest.approx(0.5)
    assert summary.p95_ms == pytest.approx(0.95) == summary.tail_ms
    assert summary.p99_ms == pytest.approx(0.99)
    assert summary.mean_ms == pytest.approx(0.505)
    assert summary.max_ms == pytest.approx(1.0)
    assert summary.tail_low_ms <= summary.tail_ms <= summary.tail_high_ms
    assert summary.offered_qps == pytest.approx(1000)
    assert summary.achieved_qps == pytest.approx(1000, rel=0.01)
    assert (summary.lag_p50_us, summary.lag_p99_us, summary.lag_max_us) == (2.0, 2.0, 2.0)
    assert summary.met
    assert not summarise(records_from(latencies), SLATarget(latency_ms=0.94), warmup=0.0).met


def test_a_failed_query_is_infinitely_late():
    latencies = np.full(100, 1_000_000)
    latencies[90:95] = -1
    target = SLATarget(latency_ms=2.0)
    assert meets(records_from(latencies), target, warmup=0.0)
    latencies[95] = -1
    records = records_from(latencies)
    assert not meets(records, target, warmup=0.0)
    summary = summarise(records, target, warmup=0.0)
    assert summary.failed == 6
    assert summary.p50_ms == 1.0
    assert summary.p95_ms is None
    assert summary.tail_ms is None
    assert summary.max_ms == 1.0
    assert summary.achieved_qps < summary.offered_qps


def test_a_run_in_which_everything_failed():
    summary = summarise(records_from([-1, -1, -1]), SLATarget(latency_ms=1.0))
    assert (summary.failed, summary.met, summary.p50_ms, summary.mean_ms) == (3, False, None, None)
    assert summary.achieved_qps == 0


def test_warmup_leaves_out_the_first_queries():
    latencies = np.full(1000, 1_000_000)
    latencies[:100] = 50_000_000
    target = SLATarget(latency_ms=2.0)
    assert meets(records_from(latencies), target, warmup=0.1)
    assert not meets(records_from(latencies), target, warmup=0.0)
    assert summarise(records_from(latencies), target, warmup=0.1).queries == 900
    assert summarise(records_from([1]), target).queries == 1


@pytest.mark.parametrize("warmup", [-0.1, 1.0, float("nan")])
def test_impossible_warmups_are_refused(warmup):
    with pytest.raises(BadInputError, match="warmup"):
        meets(records_from([1]), SLATarget(latency_ms=1.0), warmup=warmup)


def test_a_run_without_queries_is_refused():
    with pytest.raises(BadInputError, match="no queries"):
        summarise(records_from([]), SLATarget(latency_ms=1.0))


def test_an_unstable_run_reports_no_latency_and_never_meets(queue):
    records = queue(1.3, 3000, 1, workers=4)
    generous = SLATarget(latency_ms=1e6)
    summary = summarise(records, generous)
    assert summary.saturated
    assert "waiting grew" in summary.saturation
    shown = (summary.p50_ms, summary.p95_ms, summary.p99_ms, summary.mean_ms, summary.max_ms)
    assert (*shown, summary.tail_ms, summary.tail_low_ms, summary.tail_high_ms) == (None,) * 8
    assert not summary.met
    assert not meets(records, generous)
    assert summary.achieved_qps < summary.offered_qps


def test_mm1_against_theory(queue):
    """P(sojourn > t) = exp(-(1 - load) t / mean service), load 0.6, service 1 ms."""
    runs = [summarise(queue(0.6, 10_000, seed), SLATarget(latency_ms=20.0)) for seed in range(12)]
    assert np.mean([run.p50_ms for run in runs]) == pytest.approx(np.log(2) / 0.4, rel=0.05)
    assert np.mean([run.p95_ms for run in runs]) == pytest.approx(np.log(20) / 0.4, rel=0.06)
    assert np.mean([run.mean_ms for run in runs]) == pytest.approx(2.5, rel=0.05)
    assert np.mean([run.utilisation["cpu"] for run in runs]) == pytest.approx(0.6, rel=0.02)
    assert all(run.met and not run.saturated for run in runs)


def test_utilisation_counts_idle_workers_when_the_plan_is_known(queue):
    records = queue(0.5, 2000, 1, workers=2)
    seen = summarise(records, SLATarget(latency_ms=1.0)).utilisation["cpu"]
    plan = single("m", batch_size=1, workers=8)
    assert summarise(records, SLATarget(latency_ms=1.0), plan=plan).utilisation["cpu"] == pytest.approx(seen / 4)
    other = Plan(stages=plan.stages, pools={"cpu": Pool(workers=2), "gpu": Pool(workers=1)})
    assert summarise(records, SLATarget(latency_ms=1.0), plan=other).utilisation == pytest.approx({"cpu": seen})
    assert summarise(records_from([1, 2]), SLATarget(latency_ms=1.0)).utilisation == {}
