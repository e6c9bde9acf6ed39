"""Click probabilities against scikit-learn, ties included."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs

from tailrank.core import BadInputError
from tailrank.metrics import auc, logloss


@st.composite
def clicked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """At least one click and one other, and probabilities of which few differ, 0 and 1 among them."""
    count = draw(st.integers(2, 60))
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    clicks = np.concatenate([[0, 1], chance.integers(0, 2, count - 2)])
    levels = draw(st.sampled_from([2, 5, 1000]))
    return chance.permutation(clicks), chance.integers(0, levels, count) / (levels - 1)


@given(clicked())
def test_auc_is_scikit_learns(given_: Any) -> None:
    assert auc(*given_) == pytest.approx(theirs.roc_auc_score(*given_), abs=1e-12)


@given(clicked())
def test_auc_is_a_chance(given_: Any) -> None:
    clicks, scores = given_
    pairs = [np.sign(good - bad) for good in scores[clicks > 0] for bad in scores[clicks == 0]]
    assert auc(clicks, scores) == pytest.approx((np.mean(pairs) + 1) / 2)
    assert auc(clicks, -scores) == pytest.approx(1 - auc(clicks, scores))


@given(clicked(), st.sampled_from([np.float32, np.float64]))
def test_logloss_is_scikit_learns(given_: Any, kind: Any) -> None:
    clicks, chances = given_[0], given_[1].astype(kind)
    assert logloss(clicks, chances) == pytest.approx(theirs.log_loss(clicks, chances, labels=[0, 1]), rel=1e-5)


def test_a_constant_is_worth_its_entropy() -> None:
    clicks = np.array([1, 0, 0, 0])
    assert logloss(clicks, np.full(4, 0.25)) == pytest.approx(-(0.25 * np.log(0.25) + 0.75 * np.log(0.75)))
    assert auc(clicks, np.full(4, 0.25)) == 0.5


@pytest.mark.parametrize(
    ("function", "labels", "scores", "says"),
    [
        (auc, [1, 1], [0.5, 0.6], "0 negatives"),
        (auc, [0, 0], [0.5, 0.6], "0 positives"),
        (auc, [0, 1], [0.5, np.nan], "nan"),
        (auc, [0, 1], [0.5], "shape"),
        (auc, [], [], "shape"),
        (logloss, [0, 1], [0.5, 1.5], "between 0 and 1"),
        (logloss, [[0, 1]], [[0.5, 0.5]], "shape"),
    ],
)
def test_what_cannot_be_judged_is_refused(function: Any, labels: Any, scores: Any, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        function(labels, scores)
