"""What every data set becomes: examples to train on, and labelled queries to rank.

Shapes: n examples, Q queries of M candidates in all, I items, T tables (each with its own ids), D dense features.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError

__all__ = ["Examples", "Queries", "RankingData"]

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Single labelled candidates, in the order of time where the data has one.

    `label` float32 (n,) at least 0; `dense` float32 (n, D), D may be 0; `ids` int32 (n, T), those of column t from 0
    to `rows[t]` - 1. Raises `BadInputError` where that does not hold.
    """

    label: F32
    dense: F32
    ids: I32
    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_labels(self.label)
        _check_columns("examples", len(self.label), self.dense, self.ids)
        _check_ids(self.ids, self.rows)

    def __len__(self) -> int:
        return len(self.label)

    def part(self, first: int, end: int) -> "Examples":
        """Return examples `first` to `end` - 1 as views, not copies."""
        return replace(self, label=self.label[first:end], dense=self.dense[first:end], ids=self.ids[first:end])


@dataclass(frozen=True)
class Queries:
    """Queries with their candidates as retrieved: those of query q are `first[q]` to `first[q + 1]` - 1.

    `first` int64 (Q + 1,); per candidate `item` int32 (M,), the row of its item's features, and `label` float32 (M,),
    at least 0. A candidate's features are those of its query followed by those of its item, so that nothing is
    stored M times: `query_dense` (Q, Du) then `item_dense` (I, Di), `query_ids` (Q, Tu) then `item_ids` (I, Ti).
    Dense is float32, ids are int32, and `rows` counts the ids of each of the Tu + Ti tables; any width may be 0.
    Raises `BadInputError` where that does not hold.
    """

    first: I64
    item: I32
    label: F32
    query_dense: F32
    query_ids: I32
    item_dense: F32
    item_ids: I32
    rows: tuple[int, ...]

    def __post_init__(self) -> None:
        queries, candidates = len(self.first) - 1, len(self.item)
        ends = len(self.first) > 0 and self.first[0] == 0 and self.first[-1] == candidates
        if not ends or (np.diff(self.first) < 0).any():
            raise BadInputError(
                f"`first` does not cut {candidates} candidates into queries",
                hint="start at 0, never fall, and end at the count of candidates",
            )
        if len(self.label) != candidates:
            raise BadInputError(f"{len(self.label)} labels for {candidates} candidates", hint="give one a candidate")
        _check_labels(self.label)
        _check_columns("queries", queries, self.query_dense, self.query_ids)
        _check_columns("items", len(self.item_ids), self.item_dense, self.item_ids)
        if candidates and not 0 <= int(self.item.min()) <= int(self.item.max()) < len(self.item_ids):
            raise BadInputError(
                f"items of candidates are not all below {len(self.item_ids)}", hint="number them from 0"
            )
        users = self.query_ids.shape[1]
        _check_ids(self.query_ids, self.rows[:users])
        _check_ids(self.item_ids, self.rows[users:])

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def candidates(self) -> int:
        """Candidates of all queries, M."""
        return len(self.item)

    @property
    def sizes(self) -> I64:
        """Candidates of each query: int64 (Q,)."""
        return np.diff(self.first)

    @property
    def dense(self) -> int:
        """Dense features of a candidate, D."""
        return int(self.query_dense.shape[1] + self.item_dense.shape[1])

    def examples(self, first: int, end: int) -> tuple[F32, I32]:
        """Return the features of candidates `first` to `end` - 1: dense (end - first, D), ids (end - first, T)."""
        if not 0 <= first <= end <= self.candidates:
            raise BadInputError(f"no candidates {first} to {end} of {self.candidates}", hint="0 <= first <= end")
        item = self.item[first:end]
        query = np.searchsorted(self.first, np.arange(first, end), side="right") - 1
        dense = np.concatenate([self.query_dense[query], self.item_dense[item]], axis=1)
        ids = np.concatenate([self.query_ids[query], self.item_ids[item]], axis=1)
        return dense, ids

    def batches(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield (first, end) of consecutive runs of at most `size` candidates that cover all of them."""
        for start in range(0, self.candidates, size):
            yield start, min(start + size, self.candidates)

    def subset(self, count: int) -> "Queries":
        """Return the first `count` queries (all, if there are fewer), as views. They were shuffled when loaded."""
        if count < 1:
            raise BadInputError(f"{count} queries are nothing to rank", hint="give at least 1")
        kept = min(count, len(self))
        end = int(self.first[kept])
        return replace(
            self,
            first=self.first[: kept + 1],
            item=self.item[:end],
            label=self.label[:end],
            query_dense=self.query_dense[:kept],
            query_ids=self.query_ids[:kept],
        )


@dataclass(frozen=True)
class RankingData:
    """A data set ready to train on and to rank.

    `networks` names the tiers of the zoo that fit its columns, smallest first (their tables need the rows of this
    data, `train.rows`). `facts` is plain data for reports: counts, damaged rows, and every choice that was made.
    """

    name: str
    train: Examples
    validation: Examples
    queries: Queries
    networks: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {
            (part.rows, part.dense.shape[1] if isinstance(part, Examples) else part.dense)
            for part in (self.train, self.validation, self.queries)
        }
        if len(shapes) != 1:
            raise BadInputError(f"parts of `{self.name}` differ in tables or dense features", hint="build them alike")

    @property
    def rows(self) -> tuple[int, ...]:
        """Ids of each table."""
        return self.train.rows


def _check_labels(label: F32) -> None:
    if len(label) and not (np.isfinite(label).all() and label.min() >= 0):
        raise BadInputError("labels must be finite and at least 0", hint="shift or clip them; 0 means irrelevant")


def _check_columns(what: str, count: int, dense: F32, ids: I32) -> None:
    if dense.ndim != 2 or ids.ndim != 2 or len(dense) != count or len(ids) != count:
        raise BadInputError(
            f"{count} {what} with dense {dense.shape} and ids {ids.shape}", hint="give one row each, width 0 for none"
        )


def _check_ids(ids: I32, rows: tuple[int, ...]) -> None:
    if ids.shape[1] != len(rows):
        raise BadInputError(f"{ids.shape[1]} columns of ids for {len(rows)} tables", hint="give one column a table")
    if len(ids) == 0:
        return
    low, high = ids.min(axis=0), ids.max(axis=0)
    for table, count in enumerate(rows):
        if low[table] < 0 or high[table] >= count:
            raise BadInputError(
                f"ids of table {table} go from {low[table]} to {high[table]}, its rows from 0 to {count - 1}",
                hint="number ids from 0, or give the table more rows",
            )
