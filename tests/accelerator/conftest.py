"""Slow, naive walks of a systolic array, cycle by cycle or fold by fold: oracles for its closed forms."""

from collections.abc import Callable

import pytest

Walk = Callable[[int, int, int, int, int], tuple[int, float]]


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


def output_reads(rows: int, cols: int, inputs: int, outputs: int, items: int) -> tuple[int, float]:
    """Feed an output-stationary array cycle by cycle: every row and column is a little machine of its own."""
    deep, wide = -(-items // rows), -(-outputs // cols)
    active = min(rows, items)
    done: list[int | None] = [-r for r in range(active)]  # operands of the item at hand; None: waits or has finished
    item, sweep, waits = list(range(active)), [0] * active, [False] * active
    col_left = [sum(1 for n in range(outputs) if n % cols == c) * deep * inputs for c in range(min(cols, outputs))]
    cycle, busy = 0, 0
    while True:
        reading = sum(1 for at in done if at is not None and at >= 0)
        taking = sum(1 for c, left in enumerate(col_left) if cycle >= c and left > 0)
        busy += reading * taking
        for r in range(active):
            at = done[r]
            if at is None:
                continue
            done[r] = at + 1
            if at + 1 < inputs:
                continue
            item[r] += rows
            if item[r] < items:
                done[r] = 0
                continue
            sweep[r] += 1
            item[r] = r
            if sweep[r] == wide:
                done[r] = None
            elif r > 0 and (sweep[r] > sweep[r - 1] or waits[r - 1]):
                done[r], waits[r] = None, True
            else:
                done[r] = 0
        for r in range(1, active):  # one waiting row a cycle may follow its neighbour
            if waits[r] and not waits[r - 1] and sweep[r] == sweep[r - 1]:
                above = done[r - 1]
                done[r], waits[r] = (None if above is None else above - 1), False
                break
        for c in range(len(col_left)):
            if cycle >= c and col_left[c] > 0:
                col_left[c] -= 1
        cycle += 1
        if all(at is None or at <= 0 for at in done) and not any(col_left):
            return cycle, busy / (cycle * rows * cols)


@pytest.fixture(scope="session")
def walk_stationary() -> Callable[..., tuple[int, float]]:
    return stationary


@pytest.fixture(scope="session")
def walk_outputs() -> Walk:
    return output_reads
