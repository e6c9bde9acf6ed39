import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.metrics import busy_power_w, qps_per_watt

watts = st.floats(0.5, 1e4)
shares = st.floats(0, 1)


def test_power_runs_from_idle_to_tdp() -> None:
    assert [busy_power_w(50.0, 250.0, busy) for busy in (0.0, 0.25, 1.0)] == [50.0, 100.0, 250.0]


@given(idle=watts, more=watts, low=shares, high=shares)
def test_power_grows_with_the_busy_share(idle: float, more: float, low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert busy_power_w(idle, idle + more, low) <= busy_power_w(idle, idle + more, high)


@pytest.mark.parametrize("busy", [-0.1, 1.1, math.nan])
def test_a_share_beyond_the_whole_is_refused(busy: float) -> None:
    with pytest.raises(BadInputError, match="between 0 and 1"):
        busy_power_w(10.0, 20.0, busy)


def test_rounding_above_the_whole_is_not() -> None:
    assert busy_power_w(10.0, 20.0, 1 + 1e-12) == 20.0


@given(qps=st.floats(0.0, 1e6), power=watts)
def test_queries_per_watt_times_watts_are_queries(qps: float, power: float) -> None:
    assert qps_per_watt(qps, power) * power == pytest.approx(qps)


@pytest.mark.parametrize(("qps", "power"), [(-1.0, 10.0), (math.nan, 10.0), (1.0, 0.0), (1.0, -5.0), (1.0, math.nan)])
def test_negative_loads_and_no_power_are_refused(qps: float, power: float) -> None:
    with pytest.raises(BadInputError):
        qps_per_watt(qps, power)
