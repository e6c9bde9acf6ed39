import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrank.workload.intensity import invert


@given(
    rates=st.lists(st.floats(0, 10) | st.just(0.0), min_size=1, max_size=8).filter(lambda rates: sum(rates) > 1e-3),
    widths=st.lists(st.floats(0.1, 5), min_size=8, max_size=8),
    shares=st.lists(st.floats(0, 0.999), min_size=1, max_size=20),
)
def test_the_integral_up_to_each_time_is_what_was_asked(rates, widths, shares):
    rates = np.array(rates)
    edges = np.concatenate(([0.0], np.cumsum(widths[: len(rates)])))
    reached = np.concatenate(([0.0], np.cumsum(rates * np.diff(edges))))
    unit = np.sort(shares) * reached[-1]
    times = invert(unit, edges, rates)
    assert np.allclose(np.interp(times, edges, reached), unit, atol=1e-9 * (1 + reached[-1]))
    assert np.all(np.diff(times) >= -1e-12)


def test_no_point_falls_where_the_rate_is_zero():
    times = invert(np.array([0.0, 1.0, 1.5]), np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 0.0, 1.0]))
    assert times.tolist() == [0.0, 2.0, 2.5]
