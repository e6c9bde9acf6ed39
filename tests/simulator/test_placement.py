"""The best candidates placed at random: counts that add up, with the moments of the multivariate hypergeometric law."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import stream
from tailrank.simulator import random_placement


@given(
    st.lists(st.tuples(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.floats(0, 1)), max_size=10),
    st.integers(0, 99),
)
def test_every_query_finds_its_best_in_its_slices(queries: list[tuple[list[int], float]], seed: int) -> None:
    size = np.array([each for sizes, _ in queries for each in sizes], np.int64)
    at = np.cumsum([0, *(len(sizes) for sizes, _ in queries)])
    best = np.array([max(1, round(part * sum(sizes))) for sizes, part in queries], np.int64)
    found = random_placement(stream(seed, "test"), size, at, best)
    assert np.all(found >= 0)
    assert np.all(found <= size)
    assert [found[a:b].sum() for a, b in pairwise(at.tolist())] == best.tolist()


def test_moments() -> None:
    sizes, best, n = np.array([40, 10, 50]), 20, 20_000
    found = random_placement(stream(1, "test"), np.tile(sizes, n), np.arange(n + 1) * 3, np.full(n, best)).reshape(n, 3)
    share = sizes / sizes.sum()
    spread = best * (sizes.sum() - best) / (sizes.sum() - 1) * (np.diag(share) - np.outer(share, share))
    error = np.sqrt(np.diag(spread) / n)
    assert np.all(np.abs(found.mean(axis=0) - best * share) < 5 * error)
    np.testing.assert_allclose(np.cov(found.T), spread, rtol=0.1)
