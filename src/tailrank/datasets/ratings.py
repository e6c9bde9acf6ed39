"""Ratings as the files of MovieLens hold them, read in any of their layouts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, SetupError
from tailrank.datasets.rows import DECIMAL, FIELD_BAD, SCALE, Block, Column, Damage, read_rows
from tailrank.datasets.source import Source

__all__ = ["Ratings", "read_ratings"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

TIMED = (Column("user"), Column("item"), Column("rating", DECIMAL), Column("timestamp"))
NAMED = (Column("userId"), Column("movieId"), Column("rating", DECIMAL), Column("timestamp"))
RANKED = (Column("user"), Column("item"), Column("rating", DECIMAL), Column("order"))
FILES = {
    "movielens-100k": ("u.data", "u.data.gz", "ratings.parquet"),
    "movielens-1m": ("ratings.dat", "ratings.dat.gz", "ml-1m_ratings_time_ordered.parquet", "ratings.parquet"),
    "movielens-20m": ("ratings.csv", "ratings.csv.gz", "ratings.parquet"),
    "movielens-25m": ("ratings.csv", "ratings.csv.gz", "ratings.parquet"),
}
"""What each data set's files are called; parquet has columns user, item, rating, and order or timestamp."""
HIGHEST = 5
LARGEST = 2**31 - 1
PARQUET_ROWS = 2**17


@dataclass(frozen=True)
class Ratings:
    """All ratings of all users, grouped by user, each user's in the order of time; n of them.

    `user` int32 (n,) and `item` int32 (n,) are numbered from 0 by ascending original id, which `users` and `items`
    (int64) give; `rating` float32 (n,); `row` int64 (n,) is where the rating stood in the file, from 0.
    """

    user: I32
    item: I32
    rating: F32
    row: I64
    users: I64
    items: I64
    facts: dict[str, object]

    @property
    def first(self) -> I64:
        """Where each user's ratings begin, and the end: int64 (users + 1,)."""
        return np.searchsorted(self.user, np.arange(len(self.users) + 1)).astype(np.int64)


def read_ratings(source: Source) -> Ratings:
    """Read the ratings file in the root of `source`, whichever layout it has.

    Of ratings at the same time the one earlier in the file counts as earlier; of an item that a user rated twice
    only the last. Raises `BadInputError` if there is no file, a column is missing or too many rows are damaged.
    """
    path = source.find(*FILES[source.name])
    source.progress(f"reading {path.name}")
    columns = _columns(path)
    damage = Damage(path, columns)
    parts = [_packed(damage.sound(block, *_refused(block))) for block in _blocks(path, columns)]
    damage.check(source.max_damaged)
    raw_user, raw_item, rating, time = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    users, items = np.unique(raw_user), np.unique(raw_item)
    user, item = (np.searchsorted(*pair).astype(np.int32) for pair in ((users, raw_user), (items, raw_item)))
    order = np.lexsort((time, user))  # stable: equal times stay in the file's order
    order = order[_last_of_each(user[order], item[order])]
    sound = damage.rows - damage.damaged
    facts = {"file": path.name, **damage.facts, "rated_again": sound - len(order)}
    return Ratings(
        user=user[order],
        item=item[order],
        rating=(rating[order] / SCALE).astype(np.float32),
        row=order.astype(np.int64),
        users=users.astype(np.int64),
        items=items.astype(np.int64),
        facts={**facts, "ratings": len(order), "users": len(users), "items": len(items)},
    )


def _packed(values: I64) -> tuple[I32, I32, NDArray[np.int16], I64]:
    """User, item, rating in thousandths and time: 18 bytes a rating, as there may be 25 million."""
    user, item, rating, time = values.T
    return user.astype(np.int32), item.astype(np.int32), rating.astype(np.int16), time.copy()


def _last_of_each(user: I32, item: I32) -> NDArray[np.bool_]:
    """Which ratings are not of an item that the same user rates later again: bool (n,)."""
    last = np.ones(len(user), dtype=np.bool_)
    key = user.astype(np.int64) * (int(item.max(initial=0)) + 1) + item
    if (np.diff(np.sort(key)) == 0).any():
        _, back = np.unique(key[::-1], return_index=True)
        last[:] = False
        last[len(user) - 1 - back] = True
    return last


def _columns(path: Path) -> tuple[Column, ...]:
    if ".parquet" in path.suffixes:
        return RANKED
    return NAMED if ".csv" in path.suffixes else TIMED


def _blocks(path: Path, columns: tuple[Column, ...]) -> Iterator[Block]:
    if columns is RANKED:
        return _parquet(path)
    if columns is NAMED:
        return read_rows(path, columns, ",", header=True)
    return read_rows(path, columns, "::" if ".dat" in path.suffixes else "\t")


def _refused(block: Block) -> tuple[tuple[NDArray[np.bool_], str], ...]:
    user, item, rating, _ = block.values.T
    return (
        ((user < 0) | (item < 0), "a negative id"),
        ((user > LARGEST) | (item > LARGEST), f"an id above {LARGEST}"),
        ((rating <= 0) | (rating > HIGHEST * SCALE), f"a rating outside of 0.5 to {HIGHEST}"),
    )


def _parquet(path: Path) -> Iterator[Block]:
    """The rows of a parquet file in blocks; an empty or non-finite value damages its row."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise SetupError(f"{path}: reading parquet needs pyarrow", hint="pip install 'tailrank[data]'") from None
    try:
        file = ParquetFile(path)
        names = [*(column.name for column in RANKED[:3]), _time_column(path, file.schema_arrow.names)]
        row = 1
        for batch in file.iter_batches(PARQUET_ROWS, columns=names):
            yield (block := _block(path, [batch.column(name) for name in names], row))
            row += len(block.line)
    except (ArrowException, OSError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}", hint="give a whole parquet file") from None


def _time_column(path: Path, names: list[str]) -> str:
    missing = [column.name for column in RANKED[:3] if column.name not in names]
    times = [name for name in ("order", "timestamp") if name in names]
    if missing or not times:
        raise BadInputError(
            f"{path}: no column {', '.join(missing) or 'order or timestamp'} among {', '.join(names)}",
            hint="needs user, item, rating, and order (a rating's rank in time) or timestamp",
        )
    return times[0]


def _block(path: Path, columns: list[object], row: int) -> Block:
    """A block of the columns of one batch of a parquet file, the first row of which is number `row`."""
    read = [_numbers(path, column, spec) for column, spec in zip(columns, RANKED, strict=True)]
    values, bad = zip(*read, strict=True)
    status = np.zeros(len(values[0]), dtype=np.int16)
    for number, mask in reversed(list(enumerate(bad))):
        status[mask] = FIELD_BAD + number
    return Block(np.stack(values, axis=1), np.arange(row, row + len(status)), status)


def _numbers(path: Path, column: object, spec: Column) -> tuple[I64, NDArray[np.bool_]]:
    """The integers in `column`, decimals as thousandths, and where there is none: empty, infinite, huge or broken."""
    try:
        found = np.asarray(column, dtype=np.float64)  # None becomes nan
    except (TypeError, ValueError):
        raise BadInputError(f"{path}: column {spec.name} is not numbers", hint="store it as integers") from None
    decimal = spec.kind == DECIMAL
    sound = np.isfinite(found) & (abs(found) < 2**50) & (decimal | (found == np.floor(found)))
    return np.round(np.where(sound, found, 0) * (SCALE if decimal else 1)).astype(np.int64), ~sound
