import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.timing.switches import MODERN, Switches, popular_share


@given(st.floats(0, 1e7), st.floats(1, 1e6))
def test_uniform_accesses_find_what_is_held(rows: float, of: float) -> None:
    assert popular_share(rows, of, 0.0) == pytest.approx(min(rows / of, 1.0))


@pytest.mark.parametrize("skew", [0.5, 0.9, 1.0, 1.05, 1.5])
@pytest.mark.parametrize("rows", [10, 100, 5000])
def test_skewed_accesses_match_the_sum_of_powers(skew: float, rows: int) -> None:
    weights = np.arange(1, 20_001, dtype=float) ** -skew
    assert popular_share(rows, 20_000, skew) == pytest.approx(weights[:rows].sum() / weights.sum(), rel=0.03)


@given(st.floats(0, 3), st.integers(1, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_more_rows_held_never_find_less(skew: float, of: int, first: float, second: float) -> None:
    low, high = sorted((first * of, second * of))
    assert 0 <= popular_share(low, of, skew) <= popular_share(high, of, skew) + 1e-12 <= 1 + 2e-12


def test_the_label_says_what_differs_from_the_papers_system() -> None:
    assert Switches().label == "as the paper's system"
    assert MODERN.label == "fused lookup, pinned, int32 ids, overlap, shared weights"
    assert Switches(precision="bf16").label == "bf16"
