import math

import pytest

from tailrank.core import BadInputError
from tailrank.core.config import from_dict
from tailrank.metrics import SLATarget


def test_units_and_words():
    target = SLATarget(percentile=99.9, latency_ms=2.5)
    assert target.latency_ns == 2_500_000
    assert str(target) == "p99.9 <= 2.5 ms"
    assert SLATarget(latency_ms=1.0).percentile == 95


@pytest.mark.parametrize("percentile", [0.0, 100.0, -5.0, 101.0, math.nan])
def test_impossible_percentiles_are_refused(percentile):
    with pytest.raises(BadInputError, match="percentile must lie between 0 and 100"):
        SLATarget(percentile=percentile, latency_ms=1.0)


@pytest.mark.parametrize("latency_ms", [0.0, -1.0, math.nan, math.inf])
def test_impossible_latencies_are_refused(latency_ms):
    with pytest.raises(BadInputError, match="latency_ms must be a finite number above zero"):
        SLATarget(latency_ms=latency_ms)


def test_a_file_must_give_the_latency():
    assert from_dict(SLATarget, {"latency_ms": 100}) == SLATarget(latency_ms=100.0)
    with pytest.raises(BadInputError, match="latency_ms"):
        from_dict(SLATarget, {"percentile": 95})
