import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tailrank.core import BadInputError
from tailrank.metrics import percentile, percentile_interval, t_interval
from tailrank.metrics.percentiles import order

LATENCIES = st.lists(st.integers(0, 10**12), min_size=1, max_size=60).map(lambda values: np.array(values, np.int64))


@given(latency_ns=LATENCIES, q=st.integers(1, 1000).map(lambda tenths: tenths / 10))
def test_the_smallest_observed_value_with_enough_at_or_below_it(latency_ns, q):
    found = percentile(latency_ns, q)
    tenths = round(q * 10)
    assert found in latency_ns
    assert np.count_nonzero(latency_ns <= found) * 1000 >= tenths * len(latency_ns)
    assert np.count_nonzero(latency_ns < found) * 1000 < tenths * len(latency_ns)


@pytest.mark.parametrize(
    ("count", "q", "expected"),
    [(1000, 99.9, 999), (20, 95, 19), (21, 95, 20), (100, 99, 99), (1, 50, 1), (7, 100, 7), (10, 0.001, 1)],
)
def test_order_is_exact_for_decimals(count, q, expected):
    assert order(count, q) == expected


def test_agrees_with_numpys_inverted_cdf():
    values = np.random.default_rng(1).integers(0, 10**9, 997)
    for q in (1, 25, 50, 90, 95, 99):
        assert percentile(values, q) == np.percentile(values, q, method="inverted_cdf")


@pytest.mark.parametrize("q", [0.0, -1.0, 100.1, math.nan])
def test_impossible_percentiles_are_refused(q):
    with pytest.raises(BadInputError):
        percentile(np.arange(5), q)


def test_nothing_has_no_percentile():
    with pytest.raises(BadInputError, match="no query finished"):
        percentile(np.zeros(0, np.int64), 95)


def test_the_input_is_left_alone():
    values = np.array([3, 1, 2])
    percentile(values, 50)
    assert values.tolist() == [3, 1, 2]


@given(latency_ns=LATENCIES.filter(lambda values: len(values) >= 2), q=st.sampled_from([50.0, 95.0, 99.0]))
def test_an_interval_holds_its_value(latency_ns, q):
    value, low, high = percentile_interval(latency_ns, q, batches=2)
    assert low <= value <= high
    assert value == percentile(latency_ns, q)


def test_too_short_a_sample_bounds_nothing():
    assert percentile_interval(np.arange(39), 50)[1:] == (0.0, math.inf)
    assert percentile_interval(np.arange(100), 99.9).high == math.inf  # the worst of 100 does not bound p99.9
    shuffled = np.random.default_rng(1).permutation(10_000)
    assert percentile_interval(shuffled, 95).high < 9800
    assert percentile_interval(np.arange(10_000), 95).high == math.inf  # a trend: one batch is as good as one value


def test_higher_confidence_is_wider():
    values = np.random.default_rng(1).integers(0, 10**9, 5000)
    narrow, wide = (percentile_interval(values, 95, confidence) for confidence in (0.8, 0.99))
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert wide.low < narrow.low


def test_independent_samples_are_covered_as_often_as_promised():
    truth = stats.expon.ppf(0.95) * 1e6
    hits = 0
    for seed in range(400):
        values = np.rint(np.random.default_rng(seed).exponential(1e6, 2000)).astype(np.int64)
        _, low, high = percentile_interval(values, 95)
        hits += low <= truth <= high
    # Never below nominal by design; 5 sigma of a binomial under 0.95 is 0.054.
    assert hits / 400 > 0.95 - 0.054


def test_waiting_times_are_covered_where_independence_would_mislead():
    """M/M/1 at load 0.7: P(sojourn > t) = exp(-(1 - load) t / mean service)."""
    load, queries, runs = 0.7, 20_000, 200
    truth = -math.log(0.05) / (1 - load)
    rng = np.random.default_rng(5)
    steps = rng.exponential(1, (runs, queries)) - rng.exponential(1 / load, (runs, queries))
    walk = np.cumsum(steps, axis=1)
    waits = walk - np.minimum(np.minimum.accumulate(walk, axis=1), 0)
    naive = batched = 0
    for run in range(runs):
        sojourn = np.concatenate(([0.0], waits[run, :-1])) + rng.exponential(1, queries)
        latency_ns = np.rint(sojourn * 1e6).astype(np.int64)
        _, low, high = percentile_interval(latency_ns, 95)
        batched += low <= truth * 1e6 <= high
        ordered = np.sort(latency_ns)
        half = 1.96 * math.sqrt(0.95 * 0.05 / queries)
        naive += ordered[int(queries * (0.95 - half))] <= truth * 1e6 <= ordered[int(queries * (0.95 + half))]
    assert naive / runs < 0.6
    assert batched / runs > 0.85


def test_t_interval_against_scipy():
    values = np.random.default_rng(1).normal(5, 2, 12)
    mean, low, high = t_interval(values, 0.9)
    expected = stats.t.interval(0.9, 11, loc=values.mean(), scale=stats.sem(values))
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx(expected)


def test_t_interval_of_one_value_is_open_and_of_none_is_refused():
    assert t_interval([3.0]) == (3.0, -math.inf, math.inf)
    with pytest.raises(BadInputError):
        t_interval([])
    with pytest.raises(BadInputError):
        t_interval([1.0, 2.0], confidence=1.0)
