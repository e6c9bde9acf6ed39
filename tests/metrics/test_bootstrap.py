"""Bootstrap intervals against SciPy's, and how often they hold the truth."""

import numpy as np
import pytest
from scipy import stats

from tailrank.core import BadInputError
from tailrank.metrics import bootstrap, paired

SKEWED = np.random.default_rng(5).exponential(2.0, 150)


def test_the_ends_are_those_of_scipy() -> None:
    """Both draw at random, so they agree within the error of a quantile of 20,000 resamples."""
    ours = bootstrap(SKEWED, seed=1, n=20_000)
    theirs = stats.bootstrap(
        (SKEWED,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    error = SKEWED.std() / np.sqrt(len(SKEWED))
    assert ours.value == pytest.approx(SKEWED.mean())
    assert ours.low == pytest.approx(theirs.low, abs=0.1 * error)
    assert ours.high == pytest.approx(theirs.high, abs=0.1 * error)


def test_it_is_student_for_many_queries() -> None:
    values = np.random.default_rng(3).normal(0.3, 0.1, 4000)
    found, half = bootstrap(values, seed=0), 1.96 * values.std() / np.sqrt(len(values))
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_it_holds_the_truth_about_as_often_as_it_says() -> None:
    chance, held, runs = np.random.default_rng(7), 0, 400
    for run in range(runs):
        found = bootstrap(chance.normal(1.0, 1.0, 60), seed=run, n=400, confidence=0.9)
        held += found.low <= 1.0 <= found.high
    # 0.9 less the little that percentile intervals of 60 values lack, within four standard errors
    assert abs(held / runs - 0.89) < 4 * np.sqrt(0.9 * 0.1 / runs)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    assert bootstrap(SKEWED, seed=4) == bootstrap(SKEWED.copy(), seed=4)
    assert bootstrap(SKEWED, seed=4) != bootstrap(SKEWED, seed=5)


def test_what_makes_queries_hard_for_both_cancels_in_pairs() -> None:
    chance = np.random.default_rng(9)
    hard = chance.normal(0, 1.0, 500)
    one, other = hard + 0.05 + chance.normal(0, 0.1, 500), hard + chance.normal(0, 0.1, 500)
    found = paired(one, other, seed=0)
    assert found.value == pytest.approx(np.mean(one - other))
    assert found.low > 0
    apart = bootstrap(one, seed=0)
    assert found.high - found.low < (apart.high - apart.low) / 4
    assert paired(one, one, seed=0) == (0.0, 0.0, 0.0)


def test_the_same_pair_the_other_way_round_mirrors() -> None:
    one, other = SKEWED, SKEWED[::-1].copy()
    there, back = paired(one, other, seed=3), paired(other, one, seed=3)
    assert there == pytest.approx((-back.value, -back.high, -back.low))


def test_queries_without_a_value_on_either_side_are_left_out() -> None:
    one, other = np.array([1.0, np.nan, 3.0, 4.0]), np.array([0.0, 1.0, np.nan, 2.0])
    assert paired(one, other, seed=0) == bootstrap([1.0, 2.0], seed=0)


@pytest.mark.parametrize(
    ("values", "options", "says"),
    [
        ([], {}, "no query"),
        ([np.nan], {}, "no query"),
        ([[1.0]], {}, "one finite number"),
        ([np.inf], {}, "one finite number"),
        ([1.0], {"n": 0}, "0 resamples"),
        ([1.0], {"confidence": 1.0}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_resampled_is_refused(values: list[float], options: dict[str, float], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        bootstrap(values, seed=0, **options)


def test_pairs_must_be_of_the_same_queries() -> None:
    with pytest.raises(BadInputError, match="cannot be paired"):
        paired([1.0], [1.0, 2.0], seed=0)
