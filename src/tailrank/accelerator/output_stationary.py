"""The output-stationary dataflow as SCALE-Sim v1 counts it: items along the rows, outputs along the columns.

Unlike the other dataflows it has no folds that end together. Every row takes one item after the other without a gap,
then begins the next fold of columns as soon as the row above has; every column goes on by itself. Written after the
source of SCALE-Sim v1 (`sram_traffic_os.py`), without the traces.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["output_stationary", "reading", "walked"]

I64 = NDArray[np.int64]


def output_stationary(rows: int, cols: int, depth: int, outputs: int, items: int) -> tuple[int, int, int]:
    """Return the cycles of `items` through a layer of `depth` inputs; those of reading; and cells that read, summed."""
    read, busy = reading(rows, cols, depth, outputs, items)
    return max(read, _writing(rows, cols, depth, outputs, items)), read, busy


def reading(rows: int, cols: int, depth: int, outputs: int, items: int) -> tuple[int, int]:
    """Return the cycles until the last operand has entered, and the sum over them of rows times columns that read.

    In closed form, but for one corner, which is walked: items that do not fill the last fold of rows, three folds of
    columns or more, and more rows in use than a row has cycles to work in a fold. There rows wait for each other's
    turn, and SCALE-Sim may stop before all have ended.
    """
    deep, wide = -(-items // rows), -(-outputs // cols)
    if depth * deep < min(rows, items) and items % rows and wide > 2:
        return walked(rows, cols, depth, outputs, items)
    cycles = _reading(rows, cols, depth, outputs, items)
    return cycles, _busy(rows, cols, depth, outputs, items, cycles)


def _reading(rows: int, cols: int, depth: int, outputs: int, items: int) -> int:
    deep, wide = -(-items // rows), -(-outputs // cols)
    fold_row = deep * depth  # cycles until a row of the array has seen all of its items
    last = outputs - (wide - 1) * cols
    columns = max(wide * fold_row + last, (wide - 1) * fold_row + min(cols, outputs)) - 1
    if depth == 1:  # SCALE-Sim v1 then takes the rows for done at once
        return columns
    long = items - (deep - 1) * rows
    ends = max(wide * fold_row + long, wide * fold_row - depth + min(rows, items) if deep > 1 else 0) - 1
    return max(ends, columns)


def _busy(rows: int, cols: int, depth: int, outputs: int, items: int, cycles: int) -> int:
    deep, wide = -(-items // rows), -(-outputs // cols)
    fold_row = deep * depth
    row, fold = np.arange(min(rows, items), dtype=np.int64), np.arange(wide, dtype=np.int64)[:, None]
    short = row >= items - (deep - 1) * rows  # rows with one item less
    early = (fold % 2) * short * (depth == 1)  # SCALE-Sim v1 lets such a row start with its neighbour
    start = fold * fold_row + row - early
    height = _steps(start, start + (deep - short) * depth)
    col = np.arange(min(cols, outputs), dtype=np.int64)
    folds = np.where(col < outputs - (wide - 1) * cols, wide, wide - 1)
    width = _steps(col, col + folds * fold_row)
    times = np.unique(np.concatenate([height[0], width[0], [0, cycles]]))
    times = times[times <= cycles]
    counts = [found[1][np.searchsorted(found[0], times[:-1], side="right") - 1] for found in (height, width)]
    return int(np.sum(counts[0] * counts[1] * np.diff(times)))


def _steps(start: I64, end: I64) -> tuple[I64, I64]:
    """Return the times at which the count of open intervals changes, and the count from each on."""
    times, inverse = np.unique(np.concatenate([start.ravel(), end.ravel()]), return_inverse=True)
    change = np.zeros(len(times), np.int64)
    np.add.at(change, inverse, np.repeat(np.array([1, -1]), [start.size, end.size]))
    return times, np.cumsum(change)


def walked(rows: int, cols: int, depth: int, outputs: int, items: int) -> tuple[int, int]:
    """Return the same as `reading`, walked cycle by cycle; slow, and exact everywhere."""
    deep, wide, active = -(-items // rows), -(-outputs // cols), min(rows, items)
    done: list[int | None] = [-r for r in range(active)]  # operands of the item at hand; None: waits, or has finished
    item, sweep, waits = list(range(active)), [0] * active, [False] * active
    lanes = min(cols, outputs)
    end = [c + deep * depth * len(range(c, outputs, cols)) for c in range(lanes)]
    cycle, busy = 0, 0
    while True:
        taking = sum(c <= cycle < end[c] for c in range(lanes))
        busy += taking * sum(at is not None and at >= 0 for at in done)
        for r, at in enumerate(done):
            if at is None:
                continue
            done[r] = at + 1
            if at + 1 <= 0 or (at + 1) % depth:
                continue
            item[r] += rows
            done[r] = 0
            if item[r] < items:
                continue
            sweep[r], item[r] = sweep[r] + 1, r
            if sweep[r] == wide:
                done[r] = None
            elif r and (sweep[r] > sweep[r - 1] or waits[r - 1]):
                done[r], waits[r] = None, True
        _release(done, sweep, waits)
        cycle += 1
        if cycle >= max(end) and all(at is None or at <= 0 for at in done):
            return cycle, busy


def _release(done: list[int | None], sweep: list[int], waits: list[bool]) -> None:
    """Let the first waiting row go whose neighbour above is in the same fold and goes: one row a cycle."""
    for r in range(1, len(done)):
        if waits[r] and not waits[r - 1] and sweep[r] == sweep[r - 1]:
            above = done[r - 1]
            done[r], waits[r] = None if above is None else above - 1, False
            return


def _writing(rows: int, cols: int, depth: int, outputs: int, items: int) -> int:
    """Return the cycle after the last result leaves, as SCALE-Sim v1 follows it from fold to fold."""
    deep = -(-items // rows)
    left, lanes = outputs, min(cols, outputs)
    height = items - (deep - 1) * rows  # rows of the last fold of a column
    cycle = depth + lanes - 1
    while True:
        cycle += (deep - 1) * max(depth, rows)
        left -= lanes
        if left == 0:
            return cycle + 1
        last = cycle
        cycle -= height + lanes - 1
        lanes = min(left, cols)
        cycle += depth + lanes
        if cycle < last:
            cycle = last + 1
