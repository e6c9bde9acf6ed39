import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, Query, Trace


def trace_of(gaps: list[int], sizes: list[int]) -> Trace:
    n = min(len(gaps), len(sizes))
    return Trace(np.cumsum(np.array(gaps[:n], dtype=np.int64)), np.array(sizes[:n], dtype=np.int64))


gaps = st.lists(st.integers(0, 10**10), min_size=1, max_size=50)
sizes = st.lists(st.integers(1, 1000), min_size=50, max_size=50)


@given(gaps, sizes)
def test_a_trace_yields_its_queries_in_order(gaps: list[int], sizes: list[int]) -> None:
    trace = trace_of(gaps, sizes)
    assert list(trace) == [Query(n, int(sum(gaps[: n + 1])), size) for n, size in enumerate(sizes[: len(gaps)])]
    assert trace.items == sum(sizes[: len(gaps)])
    assert trace.duration_ns == sum(gaps)


@given(gaps, sizes, st.floats(0.01, 1e6))
def test_at_rate_offers_that_rate_and_keeps_order_sizes_and_proportions(
    gaps: list[int], sizes: list[int], qps: float
) -> None:
    trace = trace_of(gaps, sizes)
    if trace.duration_ns == 0:
        return
    warped = trace.at_rate(qps)
    # Arrivals are whole nanoseconds: the last one is off by at most half of one (or 1e-9 of itself, in floats).
    expected_ns = len(trace) / qps * 1e9
    assert abs(warped.duration_ns - expected_ns) <= 0.5 + 1e-9 * expected_ns
    assert np.all(np.diff(warped.arrival_ns) >= 0)
    np.testing.assert_array_equal(warped.size, trace.size)
    np.testing.assert_allclose(
        warped.arrival_ns, trace.arrival_ns * (expected_ns / trace.duration_ns), atol=0.51, rtol=1e-9
    )


@pytest.mark.parametrize("qps", [0.0, -1.0, float("nan")])
def test_at_rate_refuses_no_rate(qps: float) -> None:
    with pytest.raises(BadInputError, match="above zero"):
        trace_of([1, 1], [1] * 50).at_rate(qps)


@pytest.mark.parametrize(
    ("arrivals", "sizes", "message"),
    [
        ([0, 5, 4], [1, 1, 1], "decrease"),
        ([-1, 5, 6], [1, 1, 1], "negative"),
        ([0, 1, 2], [1, 0, 1], "not 0"),
        ([0, 1, 2], [1, -7, 1], "not -7"),
        ([0, 1, 2], [1, 1], "one size per arrival"),
        ([[0, 1]], [[1, 1]], "one size per arrival"),
    ],
)
def test_a_trace_that_cannot_be_is_refused(arrivals: list[int], sizes: list[int], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Trace(np.array(arrivals), np.array(sizes))


def test_an_empty_trace_is_a_trace() -> None:
    trace = Trace(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    assert (len(trace), trace.duration_ns, trace.offered_qps, trace.items, list(trace)) == (0, 0, 0.0, 0, [])


def test_offered_load_is_queries_over_the_last_arrival() -> None:
    assert trace_of([500_000_000] * 4, [1] * 50).offered_qps == pytest.approx(2.0)
