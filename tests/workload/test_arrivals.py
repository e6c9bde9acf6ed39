import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError, Trace, stream
from tailrank.workload import Bursty, Diurnal, Paper, Poisson, gap_check

KINDS = [
    Poisson(),
    Diurnal(),
    Diurnal(peak=2.0, period_s=0.5),
    Bursty(cv=0.5),
    Bursty(cv=4.0),
    Bursty(cv=3.0, model="mmpp", dwell=50.0),
    Bursty(cv=math.sqrt(11) - 1e-9, model="mmpp", dwell=10.0),  # the slow rate is almost zero
    Paper(),
]


def gaps_of(kind, queries=100_000, qps=200.0, seed=1):
    return np.diff(kind.draw(queries, qps, stream(seed, "arrivals")), prepend=0)


def cv_of(gaps):
    return gaps.std() / gaps.mean()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.describe())
@given(queries=st.integers(1, 400), qps=st.floats(0.01, 1e6), seed=st.integers(0, 2**40))
@settings(max_examples=25, deadline=None)
def test_arrivals_never_decrease_and_are_all_there(kind, queries, qps, seed):
    arrival_ns = kind.draw(queries, qps, stream(seed, "a"))
    assert arrival_ns.dtype == np.int64
    assert arrival_ns.shape == (queries,)
    assert arrival_ns[0] >= 0
    assert np.all(np.diff(arrival_ns) >= 0)
    assert np.array_equal(arrival_ns, kind.draw(queries, qps, stream(seed, "a")))


@pytest.mark.parametrize("kind", [Poisson(), Diurnal(), Bursty(cv=4.0), Bursty(cv=3.0, model="mmpp")])
def test_the_same_trace_passes_in_half_the_time_at_twice_the_rate(kind):
    slow, fast = (kind.draw(1000, qps, stream(5, "a")) for qps in (100.0, 200.0))
    assert np.abs(slow - 2 * fast).max() <= 2  # rounding to nanoseconds


@pytest.mark.parametrize("qps", [10.0, 1000.0, 100_000.0])
def test_poisson_gaps_have_cv_1_and_pass_ks_as_often_as_they_should(qps):
    checks = [
        gap_check(Trace(Poisson().draw(5000, qps, stream(seed, "a")), np.ones(5000, np.int64)), qps)
        for seed in range(200)
    ]
    # The cv of n exponential gaps has standard error 1/sqrt(n).
    assert abs(np.mean([check.cv for check in checks]) - 1) < 5 / math.sqrt(5000 * 200)
    p = np.sort([check.ks_p for check in checks])
    uniform = np.abs(p - (np.arange(200) + 0.5) / 200).max()
    assert uniform < 1.95 / math.sqrt(200)  # KS of the p-values against the uniform at 0.1 %


@pytest.mark.parametrize("mean_ms", [2, 5, 10, 20])
def test_the_papers_gaps_are_whole_milliseconds_with_too_small_a_cv(mean_ms):
    gaps = gaps_of(Paper(), qps=1000 / mean_ms)
    assert np.all(gaps % 1_000_000 == 0)
    assert cv_of(gaps) == pytest.approx(1 / math.sqrt(mean_ms), rel=0.02)
    trace = Trace(np.cumsum(gaps), np.ones(len(gaps), np.int64))
    assert gap_check(trace, 1000 / mean_ms).ks_p < 1e-9


@pytest.mark.parametrize("cv", [0.3, 1.0, 2.0, 4.0])
def test_gamma_gaps_have_the_asked_mean_and_cv(cv):
    gaps = gaps_of(Bursty(cv=cv), queries=400_000)
    assert gaps.mean() == pytest.approx(5e6, rel=5 * cv / math.sqrt(400_000))
    assert cv_of(gaps) == pytest.approx(cv, rel=0.05)


@pytest.mark.parametrize(("cv", "dwell"), [(1.0, 100.0), (2.0, 20.0), (3.0, 50.0), (4.0, 100.0)])
def test_mmpp_gaps_have_the_asked_mean_and_cv(cv, dwell):
    kind = Bursty(cv=cv, model="mmpp", dwell=dwell)
    sets = [gaps_of(kind, queries=100_000, seed=seed) for seed in range(10)]
    gaps = np.concatenate(sets)
    assert gaps.mean() == pytest.approx(5e6, rel=0.04)
    assert cv_of(gaps) == pytest.approx(cv, rel=0.05)


def test_mmpp_bursts_last_while_gamma_gaps_are_independent():
    def lag_one(kind):
        gaps = np.sqrt(gaps_of(kind).astype(float))
        return np.corrcoef(gaps[:-1], gaps[1:])[0, 1]

    assert lag_one(Bursty(cv=3.0, model="mmpp")) > 0.05
    assert abs(lag_one(Bursty(cv=3.0))) < 5 / math.sqrt(100_000)


def test_diurnal_counts_follow_the_curve():
    kind, queries = Diurnal(peak=1.8, period_s=10.0), 200_000
    arrival_s = kind.draw(queries, 1000.0, stream(3, "a")) / 1e9
    arrival_s = arrival_s[arrival_s < 190]  # whole periods
    counts, _ = np.histogram(arrival_s % 10, bins=24, range=(0, 10))
    expected = kind.curve().reshape(24, -1).mean(axis=1) / 24 * 190_000
    # Poisson counts: sum of (o - e)^2 / e is chi-square with 24 degrees of freedom, 99.99 % below 60.
    assert ((counts - expected) ** 2 / expected).sum() < 60
    assert kind.curve().max() == pytest.approx(1.8, rel=1e-4)
    assert kind.curve().mean() == pytest.approx(1.0)


def test_diurnal_without_a_period_passes_one_day_in_the_trace():
    arrival_ns = Diurnal(peak=2.0).draw(100_000, 50.0, stream(3, "a"))
    assert arrival_ns[-1] / 1e9 == pytest.approx(2000, rel=5 / math.sqrt(100_000))
    first_half = np.count_nonzero(arrival_ns < 1e12)
    assert first_half == pytest.approx(100_000 * (0.5 + 1 / math.pi), rel=0.02)  # integral of 1 + sin


def test_a_flat_day_is_poisson():
    trace = Trace(Diurnal(peak=1.0, period_s=7.0).draw(20_000, 30.0, stream(3, "a")), np.ones(20_000, np.int64))
    check = gap_check(trace, 30.0)
    assert check.ks_p > 1e-4
    assert check.cv == pytest.approx(1, abs=0.04)


def test_rates_from_a_file_silence_their_zeros(tmp_path):
    path = tmp_path / "rates.txt"
    path.write_text("1\n0\n3\n0\n")
    arrival_s = Diurnal(path=str(path), period_s=4.0).draw(8000, 100.0, stream(1, "a")) / 1e9
    counts, _ = np.histogram(arrival_s % 4, bins=4, range=(0, 4))
    assert counts[1] == counts[3] == 0
    assert counts[2] / counts[0] == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("content", ["", "1\nx\n", "0\n0\n", "1\n-1\n", "1\nnan\n"])
def test_bad_rate_files_are_refused(tmp_path, content):
    path = tmp_path / "rates.txt"
    path.write_text(content)
    with pytest.raises(BadInputError, match=r"rates\.txt"):
        Diurnal(path=str(path)).draw(10, 1.0, stream(1, "a"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Diurnal(peak=2.5),
        lambda: Diurnal(peak=math.nan),
        lambda: Diurnal(period_s=0.0),
        lambda: Bursty(cv=0.0),
        lambda: Bursty(cv=math.inf),
        lambda: Bursty(dwell=-1.0),
        lambda: Bursty(cv=0.9, model="mmpp"),
        lambda: Bursty(cv=4.0, model="mmpp", dwell=14.0),  # needs 15
        lambda: Bursty(model="markov"),
    ],
)
def test_impossible_settings_are_refused_with_a_hint(make):
    with pytest.raises(BadInputError) as caught:
        make()
    assert caught.value.hint


def test_a_trace_longer_than_the_clock_is_refused():
    with pytest.raises(BadInputError, match="more than the clock holds"):
        Poisson().draw(1000, 1e-9, stream(1, "a"))
