import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.tuner.mixture import best_single, later, load_shares


def test_the_share_later_than_a_level() -> None:
    quantiles_ms = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, np.inf]])
    assert later(quantiles_ms, 2.0).tolist() == [0.5, 1.0]
    assert later(quantiles_ms, 5.0).tolist() == [0.0, 0.25]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.05, 0.1, 0.5]))
def test_the_best_single_plan_has_the_lowest_percentile_of_all_queries(
    seed: int, loads: int, plans: int, allowed: float
) -> None:
    """Against the percentile of all queries written out, each load as often as its share says."""
    rng = np.random.default_rng(seed)
    quantiles_ms = np.sort(rng.integers(1, 50, (loads, plans, 20)).astype(float), axis=-1)
    shares = rng.integers(1, 5, loads)
    best, level_ms = best_single(quantiles_ms, shares.tolist(), allowed)
    every = [
        np.sort(np.concatenate([np.repeat(quantiles_ms[load, plan], shares[load]) for load in range(loads)]))
        for plan in range(plans)
    ]
    expected = [values[int(np.ceil((1 - allowed) * len(values) - 1e-6)) - 1] for values in every]
    assert level_ms == min(expected)
    assert expected[best] == min(expected)


def test_a_plan_that_does_not_serve_a_load_of_weight_is_not_the_best() -> None:
    quick, strong = np.full((2, 10), 1.0), np.full((2, 10), 9.0)
    quick[1] = np.inf
    quantiles_ms = np.stack([quick, strong], axis=1)
    assert best_single(quantiles_ms, [0.9, 0.1], 0.05) == (1, 9.0)
    assert best_single(quantiles_ms, [0.96, 0.04], 0.05) == (0, 1.0)


def test_windows_are_shared_out_by_their_queries() -> None:
    windows, loads = [50, 100, 150, 700], [100, 200, 400]
    assert load_shares(windows, loads, unseen=0) == pytest.approx((0.15, 0.15, 0.7))
    assert load_shares(windows, loads, unseen=0.3) == pytest.approx((0.205, 0.205, 0.59))
    with pytest.raises(BadInputError, match="no queries"):
        load_shares([0, 0], [100])
    with pytest.raises(BadInputError, match="0 loads"):
        load_shares([5], [])
    with pytest.raises(BadInputError, match="unseen"):
        load_shares([5], [10], unseen=1.0)
