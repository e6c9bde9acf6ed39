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
