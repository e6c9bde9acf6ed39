"""Placement: how many of a query's best candidates lie in each slice, which a simulator without scores must assume."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["Placement", "random_placement"]

I64 = NDArray[np.int64]
Placement = Callable[[Generator, I64, I64, I64], I64]  # as `random_placement`


def random_placement(chance: Generator, size: I64, at: I64, best: I64) -> I64:
    """Return how many of each query's best lie in each of its slices, any placement being as likely as any other.

    `size` (m,) are the slices' candidates, query after query; those of query q are `at[q]` to `at[q + 1]`, and
    `best[q]` of its candidates are to be found in them. The answer, shape (m,), is multivariate hypergeometric: drawn
    slice by slice, all queries at once.
    """
    found = np.zeros(len(size), np.int64)
    rest, after = best.copy(), np.add.reduceat(size, at[:-1]) if len(best) else np.zeros(0, np.int64)
    open_queries = np.arange(len(best))
    for part in range(int(np.diff(at).max(initial=0))):
        open_queries = open_queries[at[open_queries] + part < at[open_queries + 1]]
        row = at[open_queries] + part
        after[open_queries] -= size[row]
        drawn = chance.hypergeometric(size[row], after[open_queries], rest[open_queries])
        found[row] = drawn
        rest[open_queries] -= drawn
    return found
