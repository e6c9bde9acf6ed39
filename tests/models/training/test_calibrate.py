import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tailrank.models.training.calibrate import fitted


def test_the_fit_is_that_of_logistic_regression():
    rng = np.random.default_rng(1)
    logits = rng.normal(3, 5, 4000)
    clicked = rng.random(4000) < 1 / (1 + np.exp(-(0.4 * logits - 1.5)))
    scale, shift = fitted(logits, clicked)
    reference = LogisticRegression(C=1e6, tol=1e-10, max_iter=1000).fit(logits[:, None], clicked)
    assert scale == pytest.approx(reference.coef_[0, 0], rel=1e-3)
    assert shift == pytest.approx(reference.intercept_[0], rel=1e-3)


def test_what_can_be_told_apart_without_error_stays_finite():
    logits = np.linspace(-4, 4, 100)
    scale, shift = fitted(logits, logits > 0)
    assert np.isfinite([scale, shift]).all()
    assert scale > 1


@pytest.mark.parametrize("clicked", [np.ones(50, bool), np.zeros(50, bool), np.linspace(-1, 1, 50) < 0])
def test_nothing_to_fit_changes_nothing(clicked):
    assert fitted(np.linspace(-1, 1, 50), clicked) == (1.0, 0.0)
