import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tailrank.metrics import SLATarget, meets
from tailrank.tuner import tail_ms

FIXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_the_tail_by_hand(make_trace, records_of):
    trace = make_trace(0, 20)
    latency_ns = np.arange(1, 21) * 1_000_000
    assert tail_ms(records_of(trace, latency_ns), SLATarget(latency_ms=1), warmup=0) == 19
    assert tail_ms(records_of(trace, latency_ns), SLATarget(latency_ms=1, percentile=50), warmup=0) == 10
    assert tail_ms(records_of(trace, latency_ns[::-1]), SLATarget(latency_ms=1), warmup=0.5) == 10


@pytest.mark.parametrize(("failed", "expected"), [(1, 1.0), (2, math.inf)])
def test_a_failed_query_is_never_done(make_trace, records_of, failed, expected):
    latency_ns = np.full(20, 1_000_000)
    latency_ns[:failed] = -1
    assert tail_ms(records_of(make_trace(0, 20), latency_ns), SLATarget(latency_ms=1), warmup=0) == expected


@FIXED
@given(
    latency_ms=st.lists(st.integers(-1, 30), min_size=1, max_size=19),  # too few to be judged saturated
    goal=st.integers(1, 30),
    q=st.sampled_from([50, 90, 95, 99]),
    warmup=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_the_tail_is_within_the_target_exactly_when_the_target_is_met(
    make_trace, records_of, latency_ms, goal, q, warmup
):
    records = records_of(make_trace(0, len(latency_ms)), np.array(latency_ms) * 1_000_000)
    target = SLATarget(latency_ms=goal, percentile=q)
    assert (tail_ms(records, target, warmup=warmup) <= goal) == meets(records, target, warmup=warmup)
