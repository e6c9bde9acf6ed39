"""Counting busy workers agrees with looking at every interval."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import SliceRecords
from tailrank.timing import busy_at_start


def slices_of(size: np.ndarray, start_ns: np.ndarray, service_ns: np.ndarray) -> SliceRecords:
    zero = np.zeros(len(size), dtype=np.int64)
    return SliceRecords(zero, zero, zero, size, zero, zero, start_ns, start_ns, start_ns + service_ns)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.integers(0, 10_000), st.integers(1, 50_000)), min_size=1, max_size=60)
)
def test_busy_at_start_counts_intervals(rows: list[tuple[int, int, int]]) -> None:
    start = np.cumsum([gap for _, gap, _ in rows])
    service = np.array([time for _, _, time in rows])
    got = busy_at_start(slices_of(np.array([n for n, _, _ in rows]), start, service))
    finish = start + service
    expected = [int(np.sum((start <= s) & (finish > s))) for s in start]
    assert got.tolist() == expected
