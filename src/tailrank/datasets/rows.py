"""Rows of numbers in delimited text, streamed: memory is bounded by a block of the file, whatever its length.

The parser is ours as ratings.dat parts its fields by `::`, which readers of CSV do not take, and since a damaged row
has to be told with its line and the reason, not end the reading.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.datasets.source import opened

__all__ = ["DECIMAL", "FIELD_BAD", "HEX", "MISSING", "SCALE", "WHOLE", "Block", "Column", "Damage", "read_rows"]

SKIP, WHOLE, DECIMAL, HEX = 0, 1, 2, 3  # the kernel has these numbers too
SCALE: Final = 1000  # decimals are kept as thousandths
MISSING: Final = -(2**62)  # the value of an empty field, where one may be empty
BLOCK_BYTES = 2**23
FIELDS_WRONG, FIELD_BAD = 1, 16  # a row's status: 0, the first, or the second + the number of the column
SHOWN = 5  # damaged rows that are told one by one


@dataclass(frozen=True)
class Column:
    """A column to read: `kind` is WHOLE, DECIMAL (as thousandths) or HEX; `empty` says that it may be left out."""

    name: str
    kind: int = WHOLE
    empty: bool = False


@dataclass(frozen=True)
class Block:
    """Rows read at once: `values` int64 (n, columns), the `line` of each (n,), from 1, and its `status` (n,)."""

    values: NDArray[np.int64]
    line: NDArray[np.int64]
    status: NDArray[np.int16]


@dataclass
class Damage:
    """Counts the rows of `path` that cannot be used, and remembers the first few."""

    path: Path
    columns: Sequence[Column]
    rows: int = 0
    damaged: int = 0
    first: list[str] = field(default_factory=list)

    def sound(self, block: Block, *refused: tuple[NDArray[np.bool_], str]) -> NDArray[np.int64]:
        """Return the values of the rows of `block` that parsed and that none of `refused` (mask, reason) names.

        Raises `BadInputError` if it is the first of many rows and none is sound: then the file is of another kind.
        """
        bad = block.status != 0
        for mask, _ in refused:
            bad = bad | mask
        for row in np.flatnonzero(bad)[: SHOWN - len(self.first)]:
            why = self._why(int(block.status[row])) or next(text for mask, text in refused if mask[row])
            self.first.append(f"line {block.line[row]}: {why}")
        if self.rows == 0 and len(bad) > 1 and bad.all():
            raise BadInputError(
                f"{self.path}: not one of the first {len(bad)} rows is sound; {self.first[0]}",
                hint=f"rows are {', '.join(column.name for column in self.columns)}",
            )
        self.rows += len(bad)
        self.damaged += int(bad.sum())
        return block.values[~bad] if bad.any() else block.values

    def check(self, max_damaged: float) -> None:
        """Raise `BadInputError` if there was no row, or more than a share of `max_damaged` cannot be used."""
        if self.rows == 0:
            raise BadInputError(f"{self.path}: has no rows", hint="download it again")
        if self.damaged > max_damaged * self.rows:
            raise BadInputError(
                f"{self.path}: {self.damaged} of {self.rows} rows are damaged, more than {max_damaged:.2%}; "
                + "; ".join(self.first),
                hint="mend the file, or allow for it with max_damaged",
            )

    @property
    def facts(self) -> dict[str, object]:
        """What a report says of it."""
        return {"rows": self.rows, "damaged_rows": self.damaged, "first_damaged": list(self.first)}

    def _why(self, status: int) -> str:
        if status == FIELDS_WRONG:
            return "too many or too few fields"
        return f"{self.columns[status - FIELD_BAD].name} is not a number" if status else ""


def read_rows(path: Path, columns: Sequence[Column], separator: str, *, header: bool = False) -> Iterator[Block]:
    """Yield the rows of `path` (plain or .gz) in blocks, their values in the order of `columns`.

    Fields are parted by `separator`. With a `header`, columns are found by their names and others are skipped;
    without, a row has exactly `columns`. Empty lines are no rows. Raises `BadInputError` if the file cannot be read,
    the header lacks a column, or a line does not end.
    """
    with opened(path) as file:
        line = 1
        target = np.arange(len(columns), dtype=np.int64)
        if header:
            target, line = _targets(path, file, columns, separator), 2
        kinds = np.array([SKIP if t < 0 else columns[t].kind for t in target.tolist()], dtype=np.int8)
        empty = np.array([t < 0 or columns[t].empty for t in target.tolist()], dtype=np.bool_)
        signs = np.frombuffer(separator.encode(), dtype=np.uint8)
        rest = b""
        while text := file.read(BLOCK_BYTES):
            data = rest + text
            end = data.rfind(b"\n") + 1
            if end == 0 and len(data) > 2 * BLOCK_BYTES:
                raise BadInputError(f"{path}: line {line} does not end", hint="give a text file with one row a line")
            if end:
                block, line = _parse(data[:end], line, signs, kinds, empty, target, len(columns))
                yield block
            rest = data[end:]
        if rest:
            yield _parse(rest + b"\n", line, signs, kinds, empty, target, len(columns))[0]


def _targets(path: Path, file: BinaryIO, columns: Sequence[Column], separator: str) -> NDArray[np.int64]:
    """Where each field of the file goes in the values; -1 for fields nobody asked for."""
    names = file.readline(BLOCK_BYTES).decode("utf-8-sig", "replace").strip("\r\n").split(separator)
    wanted = {column.name: number for number, column in enumerate(columns)}
    missing = [name for name in wanted if name not in names]
    if missing:
        raise BadInputError(
            f"{path}: no column {', '.join(missing)} among {', '.join(names[:50])}",
            hint=f"its first line must name {', '.join(wanted)}",
        )
    return np.array([wanted.get(name, -1) for name in names], dtype=np.int64)


def _parse(
    data: bytes,
    line: int,
    separator: NDArray[np.uint8],
    kinds: NDArray[np.int8],
    empty: NDArray[np.bool_],
    target: NDArray[np.int64],
    columns: int,
) -> tuple[Block, int]:
    """Parse whole lines, the first of which is number `line`; return them and the number of the line after."""
    from tailrank.datasets.row_kernel import parse_lines  # compiles: only for those who read files

    buffer = np.frombuffer(data, dtype=np.uint8)
    lines = data.count(b"\n")
    values = np.empty((lines, columns), dtype=np.int64)
    number = np.empty(lines, dtype=np.int64)
    status = np.empty(lines, dtype=np.int16)
    rows = parse_lines(buffer, separator, kinds, empty, target, values, number, status)
    return Block(values[:rows], number[:rows] + line, status[:rows]), line + lines
