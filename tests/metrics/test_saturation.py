import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import SliceRecords
from tailrank.metrics import saturated
from tailrank.metrics.saturation import busy_ns

SEEDS = range(60)


def share(queue, load, queries, **kwargs):
    return np.mean([bool(saturated(queue(load, queries, seed, **kwargs))) for seed in SEEDS])


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize("slices", [True, False])
def test_stable_runs_are_rarely_called_unstable(queue, workers, slices):
    # 60 runs with a true rate of 2 % (measured on 400): six or more has a chance of 0.1 %.
    assert share(queue, 0.9, 2000, workers=workers, slices=slices) < 0.1
    assert share(queue, 0.7, 2000, workers=workers, slices=slices) == 0


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize(("slices", "least"), [(True, 0.85), (False, 0.75)])
def test_overload_by_a_twentieth_is_mostly_seen_in_2000_queries(queue, workers, slices, least):
    # True rates 0.97 and 0.89, measured on 400. A twentieth is 1.6 standard errors of the load of such a run.
    assert share(queue, 1.05, 2000, workers=workers, slices=slices) >= least


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("slices", [True, False])
def test_clear_overload_is_always_seen(queue, workers, slices):
    assert share(queue, 1.2, 2000, workers=workers, slices=slices) == 1
    assert share(queue, 3.0, 200, workers=workers, slices=slices) == 1


@pytest.mark.parametrize("slices", [True, False])
def test_longer_runs_decide_closer_loads(queue, slices):
    for seed in range(6):
        assert not saturated(queue(0.93, 20_000, seed, slices=slices))
        assert saturated(queue(1.06, 20_000, seed, slices=slices))


def test_bursty_but_stable_arrivals_are_not_called_unstable(queue):
    gap = lambda rng, n: rng.gamma(1 / 9, 9.0, n)  # noqa: E731
    assert share(queue, 0.7, 3000, gap=gap, slices=False) < 0.1


def test_lasting_bursts_that_stay_stable_are_not_called_unstable(queue):
    def gap(rng, n):  # stays of about 50 queries at 1.6 and at 0.4 times the mean rate
        return rng.exponential(1, n) / np.repeat(rng.permutation(np.tile([1.6, 0.4], n // 100)), 50)

    assert share(queue, 0.6, 6000, gap=gap, slices=False) < 0.1
    assert share(queue, 0.6, 6000, gap=gap) < 0.1
    assert share(queue, 2.0, 6000, gap=gap) == 1


def test_regular_arrivals_and_service(queue):
    gap = lambda rng, n: np.ones(n)  # noqa: E731
    for load, verdict in ((0.99, False), (1.06, True)):
        found = saturated(queue(load, 2000, 1, workers=4, gap=gap, service=lambda rng, n: np.ones(n)))
        assert bool(found) == verdict


def test_a_long_pipeline_is_not_a_backlog(records_of):
    # 100 ms latency at a gap of 1 ms: 100 queries under way at any time, and still stable.
    assert not saturated(records_of(np.arange(500) * 1_000_000, np.full(500, 100_000_000)))


def test_one_late_stall_is_not_a_backlog(records_of):
    latency = np.full(2000, 1_000_000)
    latency[-50:] = 500_000_000
    assert not saturated(records_of(np.arange(2000) * 1_000_000, latency))


def test_a_slow_start_is_not_a_backlog(records_of):
    latency = np.linspace(500, 1, 2000) * 1_000_000
    assert not saturated(records_of(np.arange(2000) * 1_000_000, latency))


def test_overload_outside_the_pools_is_seen_too(queue, no_slices):
    """A dispatcher can be the bottleneck: pools half idle, latency growing all the same."""
    slow = queue(1.3, 2000, 1)
    s = slow.slices
    idle = SliceRecords(
        s.query, s.stage, s.first, s.size, s.pool, s.worker, s.start_ns, s.finish_ns - 1000, s.finish_ns
    )
    found = saturated(type(slow)(slow.arrival_ns, slow.size, slow.dispatch_ns, slow.finish_ns, idle))
    assert found
    assert "waiting grew" in found.reason


def test_failed_queries_are_left_out(queue):
    run = queue(0.5, 2000, 1, slices=False)
    run.finish_ns[1500:] = -1
    assert not saturated(run)


def test_nothing_can_be_said_of_few_queries(records_of):
    for records in (records_of([], []), records_of([5], [1]), records_of(np.zeros(100), np.arange(100))):
        found = saturated(records)
        assert not found
        assert "too few" in found.reason


@st.composite
def lanes(draw):
    rows = draw(
        st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(0, 60), st.integers(0, 20)), max_size=25)
    )
    return np.array(rows, np.int64).reshape(-1, 4)


@given(rows=lanes())
def test_busy_time_is_the_union_of_each_workers_intervals(rows):
    pool, worker, start, length = rows.T
    zero = np.zeros(len(rows), np.int64)
    slices = SliceRecords(zero, zero, zero, zero, pool, worker, start, start, start + length, pools=("cpu", "gpu"))
    expected = []
    for each in (0, 1):
        ticks = {(w, t) for p, w, s, n in rows.tolist() if p == each for t in range(s, s + n)}
        workers = max((w + 1 for p, w, _, _ in rows.tolist() if p == each), default=1)
        expected.append((len(ticks), workers))
    assert busy_ns(slices) == expected
