"""Fission: the array divided into rectangular sub-arrays, equal or not, each with its share of SRAM and bandwidth."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tailrank.accelerator.array import Array
from tailrank.accelerator.chip import Chip
from tailrank.core import BadInputError

__all__ = ["Part", "Placed", "place", "slice_of", "sliced"]


@dataclass(frozen=True)
class Part:
    """`count` sub-arrays alike, for one stage; `share` is the part of SRAM and bandwidth that each has.

    `bandwidth` and `cache` are their parts of memory bandwidth and of embedding SRAM where these are divided otherwise.
    `shared` parts take turns on one array with the other stages' instead of having it for themselves.
    """

    array: Array
    count: int
    share: float
    shared: bool = False
    bandwidth: float | None = None
    cache: float | None = None

    @property
    def bandwidth_share(self) -> float:
        """Share of the memory bandwidth of each sub-array."""
        return self.share if self.bandwidth is None else self.bandwidth

    @property
    def cache_share(self) -> float:
        """Share of the embedding SRAM of each sub-array."""
        return self.share if self.cache is None else self.cache


@dataclass(frozen=True)
class Placed:
    """A sub-array in its place: stage, number within the stage, first row and column, and size."""

    stage: int
    number: int
    row: int
    col: int
    array: Array


def slice_of(chip: Chip, slices: int) -> Array:
    """Return one of `slices` equal sub-arrays: columns halved before rows, so 2 slices are tall.

    Raises `BadInputError` unless `slices` is a power of two that leaves whole blocks.
    """
    rows, cols, left = chip.array_rows, chip.array_cols, slices
    halve_cols = True
    while left > 1 and left % 2 == 0:
        rows, cols = (rows, cols // 2) if halve_cols else (rows // 2, cols)
        halve_cols, left = not halve_cols, left // 2
    fits = left == 1 and rows % chip.block == 0 and cols % chip.block == 0 and rows * cols * slices == chip.array.cells
    if not fits or min(rows, cols) < 1:
        most = chip.array.cells // chip.block**2
        raise BadInputError(
            f"{slices} equal slices do not divide an array of {chip.array} into blocks of {chip.block}x{chip.block}",
            hint=f"give a power of two up to {most}, or `rows`, `cols` and `servers` in a file",
        )
    return Array(rows, cols)


def sliced(chip: Chip, slices: Sequence[int]) -> tuple[Part, ...]:
    """Return the parts of stages that use slices of 1/`slices[i]` of the chip, as the artifact divides it.

    Each of S stages has floor(slices / S) of them. Slices of 1 for every stage are the undivided array, which several
    stages share in turns. Raises `BadInputError` where a stage gets none.
    """
    stages = len(slices)
    if all(each == 1 for each in slices):
        return (Part(chip.array, 1, 1.0, shared=stages > 1),) * stages
    for number, each in enumerate(slices):
        if each < stages:
            raise BadInputError(
                f"stages.{number}: {each} slices are too few for {stages} stages",
                hint=f"give at least {stages}, or 1 for every stage: the undivided array in turns",
            )
    return tuple(Part(slice_of(chip, each), each // stages, 1 / each) for each in slices)


def place(chip: Chip, parts: Sequence[Part]) -> tuple[Placed, ...]:
    """Return where on the array the sub-arrays of `parts` (one a stage) lie: the floor plan.

    Largest first, each into the free rectangle it fills best, which is then cut in two. Raises `BadInputError` where a
    sub-array is not of whole blocks, the shares exceed the chip, or no place is left.
    """
    _check(chip, parts)
    if all(part.shared for part in parts):
        return tuple(Placed(stage, 0, 0, 0, part.array) for stage, part in enumerate(parts))
    wanted = [(part.array, stage, number) for stage, part in enumerate(parts) for number in range(part.count)]
    wanted.sort(key=lambda each: (-each[0].cells, -each[0].rows, each[1], each[2]))
    free = [(0, 0, chip.array_rows, chip.array_cols)]
    placed = []
    for array, stage, number in wanted:
        fitting = [each for each in free if each[2] >= array.rows and each[3] >= array.cols]
        if not fitting:
            raise BadInputError(
                f"stages.{stage}: sub-array {number} of {array} finds no place on an array of {chip.array}",
                hint="make sub-arrays smaller or fewer, or of sizes that halve the array",
            )
        best = min(fitting, key=lambda each: (each[2] * each[3], min(each[2] - array.rows, each[3] - array.cols), each))
        free.remove(best)
        free += _cut(best, array)
        placed.append(Placed(stage, number, best[0], best[1], array))
    return tuple(sorted(placed, key=lambda each: (each.stage, each.number)))


def _cut(rectangle: tuple[int, int, int, int], array: Array) -> list[tuple[int, int, int, int]]:
    """Return what is left of a free (row, col, rows, cols) once `array` has its corner; the larger rest stays whole."""
    row, col, rows, cols = rectangle
    below, beside = rows - array.rows, cols - array.cols
    if below * cols >= beside * rows:
        rest = [(row + array.rows, col, below, cols), (row, col + array.cols, array.rows, beside)]
    else:
        rest = [(row, col + array.cols, rows, beside), (row + array.rows, col, below, array.cols)]
    return [each for each in rest if each[2] and each[3]]


def _check(chip: Chip, parts: Sequence[Part]) -> None:
    for stage, part in enumerate(parts):
        if part.array.rows > chip.array_rows or part.array.cols > chip.array_cols:
            raise BadInputError(
                f"stages.{stage}: a sub-array of {part.array} is larger than the array of {chip.array}",
                hint="give `rows` and `cols` within the array",
            )
        if part.array.rows % chip.block or part.array.cols % chip.block:
            raise BadInputError(
                f"stages.{stage}: a sub-array of {part.array} is not of whole blocks of {chip.block}x{chip.block}",
                hint=f"give multiples of {chip.block}",
            )
    if all(part.shared for part in parts):
        return
    cells = sum(part.count * part.array.cells for part in parts)
    if cells > chip.array.cells:
        raise BadInputError(
            f"sub-arrays of {cells} cells in all exceed the {chip.array.cells} of an array of {chip.array}",
            hint="make them smaller or fewer",
        )
    for name, each in (
        ("SRAM and bandwidth", [part.share for part in parts]),
        ("bandwidth", [part.bandwidth_share for part in parts]),
        ("embedding SRAM", [part.cache_share for part in parts]),
    ):
        shares = sum(
            part.count * Fraction(share).limit_denominator(10**6) for part, share in zip(parts, each, strict=True)
        )
        if shares > 1:
            raise BadInputError(
                f"the sub-arrays' shares of {name} come to {float(shares):g}", hint="at most 1 together"
            )
