import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tailrank.scheduler import chosen, keep, kept

# Few distinct values, so that ties are common.
scores = arrays(np.float32, st.integers(1, 60), elements=st.sampled_from([-1.5, -0.0, 0.0, 0.25, 1.0, 3e38]))


@given(scores, st.integers(1, 80))
def test_keep_is_sorting_with_ties_to_the_earlier_candidate(scores: np.ndarray, count: int) -> None:
    expected = sorted(range(len(scores)), key=lambda position: (-float(scores[position]), position))[:count]
    assert keep(scores, count).tolist() == expected


@given(scores, st.integers(0, 80))
def test_what_is_chosen_is_what_is_kept_in_ascending_order(scores: np.ndarray, count: int) -> None:
    assert chosen(scores, count).tolist() == sorted(keep(scores, count).tolist())


@given(scores, st.integers(1, 80), st.sets(st.integers(0, 59)))
def test_a_nan_is_lower_than_any_score(scores: np.ndarray, count: int, places: set[int]) -> None:
    scores = scores.copy()
    scores[[place for place in places if place < len(scores)]] = np.nan
    worth = [-np.inf if np.isnan(score) else float(score) for score in scores]
    expected = sorted(range(len(scores)), key=lambda position: (-worth[position], position))[:count]
    assert keep(scores, count).tolist() == expected


@given(scores, st.integers(1, 80))
def test_keep_returns_as_many_as_kept_says(scores: np.ndarray, count: int) -> None:
    assert len(keep(scores, count)) == kept(len(scores), count)


@pytest.mark.parametrize(("size", "count", "answer"), [(10, None, 10), (10, 3, 3), (3, 10, 3)])
def test_kept(size: int, count: int | None, answer: int) -> None:
    assert kept(size, count) == answer
