"""Inputs of a network: tensors with one row per item, so that a slice is `tuple(t[a:b] for t in inputs)`, no copy."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tailrank.core import stream
from tailrank.zoo import Network, TableConfig

__all__ = ["UNIFORM", "Accesses", "Inputs", "Uniform", "draw_inputs", "merge_ids"]

Inputs = tuple[Tensor, ...]


class Accesses(Protocol):
    """Which rows of a table are read; `workload` has several."""

    def draw(self, rows: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return `count` row numbers below `rows`."""
        ...


class Uniform:
    """Every row alike: the worst case for caches."""

    def draw(self, rows: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return `count` independent row numbers below `rows`."""
        return rng.integers(0, rows, count, dtype=np.int64)


UNIFORM = Uniform()


def draw_inputs(network: Network, items: int, accesses: Accesses, seed: int) -> Inputs:
    """Return inputs of `items` candidates: dense float32 (items, width) where there are any, then ids per group.

    Ids (items, tables * pooling) have their table's offset into the merged table added already, and are int32
    where that reaches every row: half the bytes to move.
    """
    drawn: list[NDArray[np.int64]] = []
    for number, table in enumerate(network.tables):
        if table.ids_of is None:
            rng = stream(seed, "ids", number)
            drawn.append(accesses.draw(table.rows, items * table.pooling, rng).reshape(items, table.pooling))
        else:
            drawn.append(drawn[table.ids_of])
    ids = merge_ids(network, drawn)
    if not network.dense:
        return ids
    return (torch.from_numpy(stream(seed, "dense").random((items, network.dense), dtype=np.float32)), *ids)


def merge_ids(network: Network, ids: Sequence[NDArray[np.integer]]) -> Inputs:
    """Return the inputs of each group for `ids`, (items, pooling) of every table of `network`."""
    merged = []
    for group in network.groups:
        members = [(table, of) for table, of in zip(network.tables, ids, strict=True) if table.group == group]
        merged.append(_merge(members, len(ids[0])))
    return tuple(merged)


def _merge(members: list[tuple[TableConfig, NDArray[np.integer]]], items: int) -> Tensor:
    rows = sum(table.rows for table, _ in members)
    pooling, offset = members[0][0].pooling, 0
    merged = np.empty((items, len(members) * pooling), dtype=np.int32 if rows < 2**31 else np.int64)
    for number, (table, ids) in enumerate(members):
        merged[:, number * pooling : (number + 1) * pooling] = ids + offset
        offset += table.rows
    return torch.from_numpy(merged)
