"""How far batches of equal size differ in time: equally likely factors for each bucket of sizes."""

import numpy as np
from numpy.typing import NDArray

from tailrank.timing.service import BUCKETS, QUANTILES, bucket

__all__ = ["noise_table"]

ENOUGH = 64  # samples a bucket needs before it speaks for itself


def noise_table(items: NDArray[np.int64], factors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return factors of shape (BUCKETS, QUANTILES), each row with mean 1 and increasing.

    `factors` (shape (samples,)) are measured time over mean time of batches of `items`. A bucket with few
    samples borrows from its neighbours, nearest first.
    """
    index = bucket(np.asarray(items))
    rows = np.empty((BUCKETS, QUANTILES))
    middles = (np.arange(QUANTILES) + 0.5) / QUANTILES
    for number in range(BUCKETS):
        chosen = factors[index == number]
        reach = 0
        while len(chosen) < min(ENOUGH, len(factors)):
            reach += 1
            chosen = factors[np.abs(index - number) <= reach]
        quantiles = np.quantile(chosen, middles)
        rows[number] = quantiles / quantiles.mean()
    return rows
