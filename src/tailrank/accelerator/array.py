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

from tailrank.accelerator.output_stationary import output_stationary
from tailrank.core import BadInputError

__all__ = ["Array", "ArrayRun", "Convention", "Dataflow", "Layer", "chain", "run", "run_all"]

Dataflow = Literal["ws", "os", "is"]
Convention = Literal["v1", "v3"]


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
    fold before is computed; only the first loading always shows. Raises `BadInputError` below one item.
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


_Column = tuple[int, list[_Folds]]  # so often, these folds one after the other


def _mapped_folds(array: Array, inputs: int, mapped: int, streamed: int, early: int) -> list[_Column]:
    """Return the folds under `v1`: inputs along the rows, `mapped` along the columns, `streamed` passing through."""
    if inputs <= array.rows:  # several blocks of columns, one below the other, in one fold
        beside = (array.rows // inputs) * array.cols
        heights = [(1, inputs)]
    else:
        beside = array.cols
        heights = [(inputs // array.rows, array.rows), (1, inputs % array.rows)]
    whole, left = divmod(mapped, beside)
    return [
        (
            count,
            [
                _Folds(
                    times,
                    -(-columns // array.cols) * height,
                    height + min(columns, array.cols) + streamed - early,
                    columns * height,
                )
                for times, height in heights
                if height
            ],
        )
        for columns, count in ((beside, whole), (left, min(left, 1)))
        if count
    ]


def _whole_folds(array: Array, inputs: int, mapped: int, streamed: int, early: int) -> list[_Column]:
    """Return the folds under `v3`; a fold's busy cells do not depend on what is mapped where."""
    count = -(-inputs // array.rows) * -(-mapped // array.cols)
    return [(1, [_Folds(count, array.rows, array.rows + array.cols + streamed - 2 - early, 0)])]


def _sum(
    array: Array, layer: Layer, items: int, columns: list[_Column], convention: Convention, double_buffered: bool
) -> ArrayRun:
    macs = layer.weights * items
    folds = sum(times * fold.count for times, column in columns for fold in column)
    if double_buffered:
        spans = _overlapped(columns)
    else:
        spans = [
            (times * fold.count, fold.load + fold.rest, fold.cells) for times, column in columns for fold in column
        ]
    cycles = sum(count * long for count, long, _ in spans)
    if convention == "v3":
        return ArrayRun(cycles - 1, macs, folds, macs, cycles - 1, array.cells)
    busy = sum(count * long * cells for count, long, cells in spans)
    return ArrayRun(cycles, macs, folds, busy, cycles, array.cells)


def _overlapped(columns: list[_Column]) -> list[tuple[int, int, int]]:
    """Return (count, cycles, cells) of folds that each last until the next is loaded, and of the first loading."""
    first = columns[0][1][0]
    spans = [(1, first.load, first.cells)]
    for number, (times, column) in enumerate(columns):
        for fold, after in zip(column, [*column[1:], column[0]], strict=True):
            spans.append((times * (fold.count - 1), max(fold.rest, fold.load), fold.cells))
            ends = int(after is column[0])  # the column's last fold: once, another column or nothing follows
            spans.append((times - ends, max(fold.rest, after.load), fold.cells))
        last = column[-1]
        following = columns[number + 1][1][0].load if number + 1 < len(columns) else 0
        spans.append((1, max(last.rest, following), last.cells))
    return spans


def _output_stationary(array: Array, layer: Layer, items: int, convention: Convention) -> ArrayRun:
    """Items lie along the rows and outputs along the columns; inputs stream by."""
    folds = -(-items // array.rows) * -(-layer.outputs // array.cols)
    macs = layer.weights * items
    if convention == "v3":
        cycles = folds * (layer.inputs + array.rows + array.cols - 2) - 1
        cycles = max(cycles, -(-macs // array.cells))  # a single cell would be one cycle short of its multiplies
        return ArrayRun(cycles, macs, folds, macs, cycles, array.cells)
    cycles, reading, busy = output_stationary(array.rows, array.cols, layer.inputs, layer.outputs, items)
    return ArrayRun(cycles, macs, folds, busy, reading, array.cells)
