"""A slow, naive walk of a systolic array, fold by fold: the oracle for its closed forms."""

from collections.abc import Callable

import pytest


def stationary(rows: int, cols: int, inputs: int, mapped: int, streamed: int, early: int = 0) -> tuple[int, float]:
    """Lay vectors of `inputs` down one by one, fold by fold; return cycles and utilisation."""
    cycles, busy, waiting = 0, 0, list(range(mapped))
    while waiting:
        fold: list[list[int]] = []  # blocks of at most `cols` vectors, one below the other
        while waiting and (not fold or (len(fold) + 1) * inputs <= rows):
            fold.append(waiting[:cols])
            del waiting[:cols]
        first = 0
        while first < inputs:  # inputs beyond the rows: another fold for the same vectors
            height = min(rows, inputs - first)
            load = sum(height for _ in fold)
            drain = max(len(block) for block in fold)
            long = load + height + drain + streamed - early
            cycles += long
            busy += long * height * sum(len(block) for block in fold)
            first += height
    return cycles, busy / (cycles * rows * cols)


@pytest.fixture(scope="session")
def walk_stationary() -> Callable[..., tuple[int, float]]:
    return stationary
