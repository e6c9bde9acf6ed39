"""Fitting service times to slices recovers a known law and keeps the total."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, SliceRecords
from tailrank.timing import busy_at_start, fit


def slices_of(size: np.ndarray, start_ns: np.ndarray, service_ns: np.ndarray) -> SliceRecords:
    zero = np.zeros(len(size), dtype=np.int64)
    return SliceRecords(zero, zero, zero, size, zero, zero, start_ns, start_ns, start_ns + service_ns)


def test_recovers_a_linear_law_with_contention_and_noise() -> None:
    rng = np.random.default_rng(1)
    size = rng.integers(1, 257, 20_000)
    start_ns = np.cumsum(rng.integers(0, 300_000, 20_000))
    alone = 50_000 + 1_000 * size
    busy = busy_at_start(slices_of(size, start_ns, alone))
    service = (alone * np.where(busy > 1, 1.3, 1.0) * rng.normal(1, 0.05, len(size))).astype(np.int64)
    rows = slices_of(size, start_ns, service)
    fitted = fit([rows], workers=2)
    table = fitted.table(256, 2)
    for items in (10, 100, 250):
        known = 50_000 + 1_000 * items
        assert table.mean_ns[0, items] == pytest.approx(known, rel=0.05)  # 5 % noise on >= 30 slices a knot
        assert table.mean_ns[1, items] > table.mean_ns[0, items] * 1.1
    assert np.allclose(table.noise.mean(axis=1), 1.0)


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


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(1_000, 50_000)), min_size=1, max_size=200))
def test_the_total_time_is_kept(rows: list[tuple[int, int]]) -> None:
    size = np.array([n for n, _ in rows])
    service = np.array([t for _, t in rows])
    start = np.arange(len(rows)) * 25_000
    run = slices_of(size, start, service)
    fitted = fit([run], workers=2)
    busy = np.minimum(busy_at_start(run), 2)
    table = fitted.table(int(size.max()), 2)
    assert table.mean_ns[busy - 1, size].sum() == pytest.approx(service.sum(), rel=1e-9)


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(BadInputError, match="no slices"):
        fit([], workers=1)
