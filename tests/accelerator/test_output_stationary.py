import random

from tailrank.accelerator import Array, Layer, run
from tailrank.accelerator.output_stationary import output_stationary, reading, walked


def test_the_closed_form_equals_a_walk_cycle_by_cycle() -> None:
    chance = random.Random("v1 os")
    compared = 0
    for _ in range(500):
        rows, cols, depth, outputs, items = (round(30 ** chance.random()) for _ in range(5))
        corner = depth * -(-items // rows) < min(rows, items) and items % rows and outputs > 2 * cols
        compared += not corner
        assert reading(rows, cols, depth, outputs, items) == walked(rows, cols, depth, outputs, items)
    assert compared >= 400


def written(rows: int, cols: int, depth: int, outputs: int, items: int) -> int:
    """Write results row by row, fold by fold; the next fold of columns may start while the last drains, not before."""
    cycle, left = depth + min(cols, outputs) - 1, outputs
    while left:
        lanes, waiting = min(cols, left), items
        left -= lanes
        while waiting:
            height = min(rows, waiting)
            waiting -= height
            if waiting:
                cycle += max(depth, height)
        began = cycle
        corner = began - (height + lanes - 1)  # when the first cell had its result
        cycle = corner + (depth + min(cols, left) if left else height + lanes)
        if left and cycle < began:
            cycle = began + 1
    return cycle


def test_cycles_are_the_later_of_reading_and_writing() -> None:
    chance = random.Random("v1 os writes")
    for _ in range(500):
        shape = [round(30 ** chance.random()) for _ in range(5)]
        cycles, read, _ = output_stationary(*shape)
        assert cycles == max(read, written(*shape))


def test_a_layer_that_fits_takes_its_inputs_and_the_skew() -> None:
    """4 x 3 cells, all used once: the last cell starts 5 cycles after the first, and works for 7."""
    cycles, read, busy = output_stationary(4, 3, 7, 3, 4)
    assert read == 7 + 4 - 1  # rows start one after the other; columns, fewer, have begun by then
    assert cycles >= read
    found = run(Array(4, 3), Layer(7, 3), 4, dataflow="os")
    assert (found.cycles, found.over, found.busy) == (cycles, read, busy)


def test_one_cell_reads_all_operands_one_by_one() -> None:
    operands = 5 * 3 * 4
    assert output_stationary(1, 1, 5, 3, 4) == (operands + 1, operands, operands)  # the last result leaves after that
