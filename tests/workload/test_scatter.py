import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.workload.scatter import scatter


@given(rows=st.integers(1, 5000))
def test_every_row_is_hit_exactly_once(rows):
    assert np.array_equal(np.sort(scatter(np.arange(rows), rows)), np.arange(rows))


def test_neighbouring_ranks_are_not_neighbouring_rows():
    places = scatter(np.arange(10_000), 100_000_000)
    gaps = np.abs(np.diff(places))
    # Two random rows of 1e8 lie a third of the table apart on average.
    assert gaps.mean() == pytest.approx(1e8 / 3, rel=0.1)
    assert np.count_nonzero(gaps < 64) < 5


def test_shape_is_kept_and_large_tables_stay_distinct():
    ranks = np.arange(60_000).reshape(200, 300)
    places = scatter(ranks, 2**33 + 7)
    assert places.shape == (200, 300)
    assert len(np.unique(places)) == 60_000
    assert places.min() >= 0
    assert places.max() < 2**33 + 7
