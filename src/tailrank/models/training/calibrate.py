"""Sums to log-odds: a logistic regression on one number."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["fitted"]

_STEPS = 50
_RIDGE = 1e-3  # keeps the fit finite where clicks and others can be told apart without error


def fitted(logits: NDArray[np.float64], clicked: NDArray[np.bool_]) -> tuple[float, float]:
    """Return (scale > 0, shift) that make `scale * logits + shift` the log-odds of `clicked`, by Newton's method.

    (1, 0) where there is nothing to fit: clicks only, none at all, or sums that say the contrary.
    """
    if clicked.all() or not clicked.any():
        return 1.0, 0.0
    spread = float(logits.std()) or 1.0
    columns = np.stack([(logits - logits.mean()) / spread, np.ones(len(logits))], axis=1)
    weights = np.zeros(2)
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (clicked - chance) - _RIDGE * weights
        curve = (columns * (chance * (1 - chance))[:, None]).T @ columns + _RIDGE * np.eye(2)
        step = np.linalg.solve(curve, slope)
        weights += np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-9:
            break
    scale = float(weights[0]) / spread
    if scale <= 0:
        return 1.0, 0.0
    return scale, float(weights[1] - scale * logits.mean())
