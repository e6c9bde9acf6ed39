import numpy as np
import pytest
from scipy import stats

from tailrank.core import BadInputError, Trace, stream
from tailrank.workload import Bursty, Poisson, gap_check


def trace_of(arrival_ns):
    return Trace(arrival_ns, np.ones(len(arrival_ns), np.int64))


@pytest.mark.parametrize("queries", [20, 300, 5000])
@pytest.mark.parametrize("rate", [80.0, 100.0])
def test_agrees_with_scipys_exact_test(queries, rate):
    trace = trace_of(Poisson().draw(queries, 100.0, stream(1, "a")))
    gap_s = np.diff(trace.arrival_ns, prepend=0) / 1e9
    exact = stats.kstest(gap_s, stats.expon(scale=1 / rate).cdf)
    check = gap_check(trace, rate)
    assert check.gaps == queries
    assert check.ks_statistic == pytest.approx(exact.statistic, abs=1e-9)
    assert check.ks_p == pytest.approx(exact.pvalue, abs=0.02 if queries < 100 else 0.005)
    assert check.cv == pytest.approx(gap_s.std() / gap_s.mean())


def test_a_wrong_rate_and_a_wrong_shape_are_noticed():
    poisson = trace_of(Poisson().draw(5000, 100.0, stream(1, "a")))
    assert gap_check(poisson, 130.0).ks_p < 1e-6
    assert gap_check(trace_of(Bursty(cv=2.0).draw(5000, 100.0, stream(1, "a"))), 100.0).ks_p < 1e-6
    assert gap_check(trace_of(np.arange(5000) * 10_000_000), 100.0).ks_p < 1e-6


def test_too_little_to_check_is_refused():
    with pytest.raises(BadInputError):
        gap_check(trace_of(np.array([5])), 100.0)
    with pytest.raises(BadInputError):
        gap_check(trace_of(np.array([5, 6])), 0.0)
