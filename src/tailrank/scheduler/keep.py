"""Keep: the best candidates go on to the next stage."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["keep", "kept"]


def kept(size: int, keep: int | None) -> int:
    """Return how many of `size` candidates a stage passes on."""
    return size if keep is None else min(size, keep)


def keep(scores: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return the positions of the `count` highest scores, best first; ties go to the earlier candidate.

    `scores` has shape (n,); the answer has shape (min(count, n),).
    """
    order: NDArray[np.int64] = np.argsort(-scores, kind="stable")[:count]
    return order
