"""How good click probabilities are, over examples rather than queries: AUC and logloss."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.core import BadInputError

__all__ = ["auc", "logloss"]

F64 = NDArray[np.float64]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the chance that a positive of `labels` (n,) has a higher score than a negative; equal ones count half.

    The area under the ROC curve, as Mann and Whitney's statistic. A label above zero is positive. Raises
    `BadInputError` where positives or negatives are missing, or scores are nan.
    """
    label, score = _examples(labels, scores)
    positive = label > 0
    many, few = int(positive.sum()), int((~positive).sum())
    if not (many and few):
        raise BadInputError(f"{many} positives and {few} negatives", hint="the AUC needs at least one of each")
    _, group, count = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count - 1) / 2  # the mean rank, from 1, of those that are equal
    return float((middle[group][positive].sum() - many * (many + 1) / 2) / (many * few))


def logloss(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Return the mean of minus the logarithm of the probability (n,) that was given to what happened, `labels` (n,).

    A label above zero happened. Probabilities are moved away from 0 and 1 by the resolution of their own type, so that
    one wrong certainty is not infinite. Raises `BadInputError` for probabilities outside of 0 to 1.
    """
    label, probability = _examples(labels, probabilities)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise BadInputError("probabilities lie between 0 and 1", hint="give scores through a sigmoid")
    least = np.finfo(probability.dtype).eps
    clipped = np.clip(probability, least, 1 - least).astype(np.float64)
    return float(-np.log(np.where(label > 0, clipped, 1 - clipped)).mean())


def _examples(labels: ArrayLike, scores: ArrayLike) -> tuple[F64, NDArray[np.floating]]:
    label, score = np.asarray(labels, np.float64), np.asarray(scores)
    score = score if score.dtype.kind == "f" else score.astype(np.float64)
    if label.ndim != 1 or label.shape != score.shape or len(label) == 0:
        raise BadInputError(
            f"labels have shape {label.shape} and scores {score.shape}", hint="give one of each an example"
        )
    if np.isnan(score).any() or np.isnan(label).any():
        raise BadInputError("labels or scores hold nan", hint="leave failed examples out")
    return label, score
