import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.workload import Bursty, Fixed, Paper, Poisson, Workload


@given(queries=st.integers(1, 300), qps=st.floats(0.1, 1e5), seed=st.integers(0, 2**63))
@settings(deadline=None)
def test_same_arguments_same_bits(queries, qps, seed):
    first, second = (Workload().trace(queries, qps, seed) for _ in range(2))
    assert len(first) == queries
    assert np.array_equal(first.arrival_ns, second.arrival_ns)
    assert np.array_equal(first.size, second.size)


def test_dimensions_do_not_move_each_other():
    base = Workload().trace(500, 100.0, 7)
    assert np.array_equal(Workload(sizes=Fixed(size=3)).trace(500, 100.0, 7).arrival_ns, base.arrival_ns)
    assert np.array_equal(Workload(arrivals=Bursty()).trace(500, 100.0, 7).size, base.size)
    assert np.array_equal(Workload().trace(500, 333.0, 7).size, base.size)
    longer = Workload().trace(800, 100.0, 7)
    assert np.array_equal(longer.arrival_ns[:500], base.arrival_ns)
    assert np.array_equal(longer.size[:500], base.size)


def test_replications_and_seeds_differ_in_both_dimensions():
    traces = [Workload().trace(500, 100.0, seed, replication=number) for seed in (1, 2) for number in (0, 1)]
    for one in range(4):
        for other in range(one):
            assert not np.array_equal(traces[one].arrival_ns, traces[other].arrival_ns)
            assert not np.array_equal(traces[one].size, traces[other].size)
            match = np.corrcoef(np.diff(traces[one].arrival_ns), np.diff(traces[other].arrival_ns))[0, 1]
            assert abs(match) < 5 / math.sqrt(500)


def test_arrivals_and_sizes_are_independent():
    trace = Workload().trace(20_000, 100.0, 3)
    assert abs(np.corrcoef(np.diff(trace.arrival_ns, prepend=0), trace.size)[0, 1]) < 5 / math.sqrt(20_000)


@pytest.mark.parametrize(("queries", "qps"), [(0, 1.0), (-1, 1.0), (5, 0.0), (5, -1.0), (5, math.nan), (5, math.inf)])
def test_impossible_traces_are_refused(queries, qps):
    with pytest.raises(BadInputError):
        Workload().trace(queries, qps, 1)


def test_descriptions_say_what_is_not_poisson():
    assert "not Poisson" in Workload(arrivals=Paper()).describe()
    assert "Poisson" in Workload(arrivals=Poisson()).describe()
