"""A systolic array: how many cycles a fully connected layer takes on it, and how well it is used.

A layer larger than the array is cut into folds. Two conventions say what a fold costs. `v1` is that of the first
SCALE-Sim (Samajdar et al., arXiv 1811.02883), which RecPipe's artifact forks: only the rows and columns that are mapped
fill and drain, and columns of a layer with few inputs are stacked where there are rows for several. `v3` is that of
SCALE-Sim 3: every fold pays for the whole array; a layer's cycles are one less than its folds' together, as the
package's "Total Cycles" is the number of the last cycle, counted from 0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError

__all__ = ["Array", "ArrayRun", "Convention", "Dataflow", "Layer", "chain", "run", "run_all"]

Dataflow = Literal["ws", "os", "is"]
Convention = Literal["v1", "v3"]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Array:
    """`rows` x `cols` multiply-accumulate cells, one multiply a cycle each."""

    rows: int
    cols: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.cols < 1:
            raise BadInputError(f"an array of {self} cells has none", hint="give at least 1x1")

    @property
    def cells(self) -> int:
        """Count of cells."""
        return self.rows * self.cols

    def __str__(self) -> str:
        return f"{self.rows}x{self.cols}"

    @classmethod
    def parse(cls, text: str) -> "Array":
        """Read `RxC`, such as `128x128`; raises `BadInputError` for anything else."""
        found = re.fullmatch(r"(\d{1,7})x(\d{1,7})", text.strip().lower())
        if not found:
            raise BadInputError(f"an array is ROWSxCOLS, not `{text}`", hint="such as 128x128")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Layer:
    """A fully connected layer: `inputs` (K) to `outputs` (N)."""

    inputs: int
    outputs: int

    def __post_init__(self) -> None:
        if self.inputs < 1 or self.outputs < 1:
            raise BadInputError(
                f"a layer of {self.inputs} inputs and {self.outputs} outputs does nothing", hint="both start at 1"
            )

    @property
    def weights(self) -> int:
        """Count of weights; biases are not modelled."""
        return self.inputs * self.outputs

    @classmethod
    def parse(cls, text: str) -> "Layer":
        """Read `K:N`, such as `512:256`; raises `BadInputError` for anything else."""
        found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text.strip())
        if not found:
            raise BadInputError(f"a layer is INPUTS:OUTPUTS, not `{text}`", hint="such as 512:256")
        return cls(int(found[1]), int(found[2]))


def chain(widths: Sequence[int]) -> tuple[Layer, ...]:
    """Return the layers between consecutive widths: (13, 64, 4) is 13 to 64 and 64 to 4."""
    return tuple(Layer(a, b) for a, b in pairwise(widths))


@dataclass(frozen=True)
class ArrayRun:
    """What one layer, or several in a row, cost on an array.

    `busy` is in cell-cycles: under `v1`, a cell is busy in every cycle of a fold it is mapped in, filling and draining
    included (as SCALE-Sim counts); under `v3`, only while it multiplies. `over` is the cycles that `busy` refers to,
    those of reading (they differ from `cycles` only for `os` under `v1`).
    """

    cycles: int
    macs: int
    folds: int
    busy: int
    over: int
    cells: int

    @property
    def utilisation(self) -> float:
        """Share of the array's cells that are busy, 0 to 1."""
        return self.busy / (self.over * self.cells)

    def __add__(self, other: "ArrayRun") -> "ArrayRun":
        if self.cells != other.cells:
            raise ValueError(f"runs on arrays of {self.cells} and {other.cells} cells do not follow each other")
        return ArrayRun(
            self.cycles + other.cycles,
            self.macs + other.macs,
            self.folds + other.folds,
            self.busy + other.busy,
            self.over + other.over,
            self.cells,
        )


def run(
    array: Array,
    layer: Layer,
    items: int,
    *,
    dataflow: Dataflow = "ws",
    convention: Convention = "v1",
    double_buffered: bool = False,
) -> ArrayRun:
    """Return what `items` through `layer` cost on `array`.

    With `double_buffered`, which concerns the operand that stays (`ws`, `is`), a fold's operand is loaded while the
    fold before is computed: a fold takes the longer of both, and the first loading is paid. Raises `BadInputError`
    below one item.
    """
    if items < 1:
        raise BadInputError(f"a layer runs over at least 1 item, not {items}", hint="give a count from 1 upward")
    if dataflow == "os":
        return _output_stationary(array, layer, items, convention)
    mapped, streamed = (layer.outputs, items) if dataflow == "ws" else (items, layer.outputs)
    early = int(dataflow == "is" and convention == "v1")  # SCALE-Sim v1 counts one cycle less there
    kind = _mapped_folds if convention == "v1" else _whole_folds
    return _sum(array, layer, items, kind(array, layer.inputs, mapped, streamed, early), convention, double_buffered)


def run_all(
    array: Array,
    layers: Sequence[Layer],
    items: int,
    *,
    dataflow: Dataflow = "ws",
    convention: Convention = "v1",
    double_buffered: bool = False,
) -> ArrayRun:
    """Return what `items` through `layers`, one after another, cost; utilisation is weighted by cycles."""
    total = ArrayRun(0, 0, 0, 0, 0, array.cells)
    for layer in layers:
        total += run(array, layer, items, dataflow=dataflow, convention=convention, double_buffered=double_buffered)
    return total


@dataclass(frozen=True)
class _Folds:
    """`count` folds alike: cycles to load what stays, cycles from then to the last result, cells mapped."""

    count: int
    load: int
    rest: int
    cells: int


def _mapped_folds(array: Array, inputs: int, mapped: int, streamed: int, early: int) -> list[_Folds]:
    """Return the folds under `v1`: inputs along the rows, `mapped` along the columns, `streamed` passing through."""
    if inputs <= array.rows:  # several blocks of columns, one below the other, in one fold
        beside = (array.rows // inputs) * array.cols
        heights = [(1, inputs)]
    else:
        beside = array.cols
        heights = [(inputs // array.rows, array.rows), (1, inputs % array.rows)]
    whole, left = divmod(mapped, beside)
    folds = []
    for columns, count in ((beside, whole), (left, min(left, 1))):
        for times, height in heights:
            if count and height:
                load = -(-columns // array.cols) * height
                rest = height + min(columns, array.cols) + streamed - early
                folds.append(_Folds(count * times, load, rest, columns * height))
    return folds


def _whole_folds(array: Array, inputs: int, mapped: int, streamed: int, early: int) -> list[_Folds]:
    """Return the folds under `v3`; a fold's busy cells do not depend on what is mapped where."""
    count = -(-inputs // array.rows) * -(-mapped // array.cols)
    return [_Folds(count, array.rows, array.rows + array.cols + streamed - 2 - early, 0)]


def _sum(
    array: Array, layer: Layer, items: int, folds: list[_Folds], convention: Convention, double_buffered: bool
) -> ArrayRun:
    macs = layer.weights * items
    if double_buffered:
        each = [max(fold.load, fold.rest) for fold in folds]
        cycles = folds[0].load + sum(fold.count * long for fold, long in zip(folds, each, strict=True))
        first = folds[0].load * folds[0].cells
    else:
        each = [fold.load + fold.rest for fold in folds]
        cycles = sum(fold.count * long for fold, long in zip(folds, each, strict=True))
        first = 0
    if convention == "v3":
        return ArrayRun(cycles - 1, macs, sum(fold.count for fold in folds), macs, cycles - 1, array.cells)
    busy = first + sum(fold.count * long * fold.cells for fold, long in zip(folds, each, strict=True))
    return ArrayRun(cycles, macs, sum(fold.count for fold in folds), busy, cycles, array.cells)


def _output_stationary(array: Array, layer: Layer, items: int, convention: Convention) -> ArrayRun:
    """Items lie along the rows and outputs along the columns; inputs stream by.

    Not exact under `v1` in one corner: where the array has more rows in use than a row needs cycles for all of its
    items (few inputs, few items a row), items do not fill the last fold, and there are three folds of columns or more.
    There SCALE-Sim v1's rows wait for each other, and it may stop before all have ended; here they never wait.
    """
    row_folds, col_folds = -(-items // array.rows), -(-layer.outputs // array.cols)
    folds, macs = row_folds * col_folds, layer.weights * items
    if convention == "v3":
        cycles = max(folds * (layer.inputs + array.rows + array.cols - 2) - 1, 1)
        return ArrayRun(cycles, macs, folds, macs, cycles, array.cells)
    reading = _reading(array, layer, items)
    cycles = max(reading, _writing(array, layer, items))
    return ArrayRun(cycles, macs, folds, _reading_cells(array, layer, items, reading), reading, array.cells)


def _reading(array: Array, layer: Layer, items: int) -> int:
    """Return the cycle after the last operand enters, under `v1`: folds follow each other without a gap."""
    depth, deep = layer.inputs, -(-items // array.rows)
    wide = -(-layer.outputs // array.cols)
    fold_row = deep * depth  # cycles until a row of the array has seen all of its items
    last = layer.outputs - (wide - 1) * array.cols
    columns = max(wide * fold_row + last, (wide - 1) * fold_row + min(array.cols, layer.outputs)) - 1
    if depth == 1:  # SCALE-Sim v1 then takes the rows for done at once
        return columns
    long = items - (deep - 1) * array.rows
    rows = max(wide * fold_row + long, wide * fold_row - depth + min(array.rows, items) if deep > 1 else 0) - 1
    return max(rows, columns)


def _writing(array: Array, layer: Layer, items: int) -> int:
    """Return the cycle after the last result leaves, as SCALE-Sim v1 follows it from fold to fold."""
    depth, left = layer.inputs, layer.outputs
    deep = -(-items // array.rows)
    rows = items - (deep - 1) * array.rows  # in the last fold of a column
    cols = min(array.cols, left)
    cycle = depth + cols - 1
    while True:
        cycle += (deep - 1) * max(depth, array.rows)
        left -= cols
        if left == 0:
            return cycle + 1
        last = cycle
        cycle -= rows + cols - 1
        cols = min(left, array.cols)
        cycle += depth + cols
        if cycle < last:
            cycle = last + 1


def _reading_cells(array: Array, layer: Layer, items: int, cycles: int) -> int:
    """Return the sum over `cycles` of rows times columns that take an operand."""
    depth, deep, wide = layer.inputs, -(-items // array.rows), -(-layer.outputs // array.cols)
    fold_row = deep * depth
    active = min(array.rows, items)
    row, fold = np.arange(active, dtype=np.int64), np.arange(wide, dtype=np.int64)[:, None]
    short = row >= items - (deep - 1) * array.rows  # rows with one item less in their last fold
    early = (fold % 2) * short * (depth == 1)  # SCALE-Sim v1 lets such a row start with its neighbour
    start = fold * fold_row + row - early
    rows = _steps(start, start + (deep - short) * depth)
    col = np.arange(min(array.cols, layer.outputs), dtype=np.int64)
    folds = np.where(col < layer.outputs - (wide - 1) * array.cols, wide, wide - 1)
    cols = _steps(col, col + folds * fold_row)
    times = np.unique(np.concatenate([rows[0], cols[0], [0, cycles]]))
    times = times[times <= cycles]
    height, width = (found[1][np.searchsorted(found[0], times[:-1], side="right") - 1] for found in (rows, cols))
    return int(np.sum(height * width * np.diff(times)))


def _steps(start: I64, end: I64) -> tuple[I64, I64]:
    """Return the times at which the count of open intervals changes, and the count from each on."""
    times, inverse = np.unique(np.concatenate([start.ravel(), end.ravel()]), return_inverse=True)
    change = np.zeros(len(times), np.int64)
    np.add.at(change, inverse, np.repeat(np.array([1, -1]), [start.size, end.size]))
    return times, np.cumsum(change)
