"""A network over a data set's own ids: the shapes stay, the tables get the rows that the data has."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.models.inputs import Inputs, merge_ids
from tailrank.zoo import Network

__all__ = ["network_inputs", "resized"]


def resized(network: Network, rows: tuple[int, ...]) -> Network:
    """Return `network` with `rows[t]` rows in its t-th table that has ids of its own; all else stays.

    A table that reads the ids of another gets the other's rows. Raises `BadInputError` where the counts differ.
    """
    own = [number for number, table in enumerate(network.tables) if table.ids_of is None]
    if len(own) != len(rows) or min(rows) < 1:
        raise BadInputError(
            f"`{network.name}` reads {len(own)} ids of its own per item, the data has tables of rows {rows}",
            hint="choose one of the networks that the data set names",
        )
    given = dict(zip(own, rows, strict=True))
    tables = tuple(
        replace(table, rows=given[number if table.ids_of is None else table.ids_of])
        for number, table in enumerate(network.tables)
    )
    return replace(network, tables=tables)


def network_inputs(network: Network, dense: NDArray[np.float32], ids: NDArray[np.integer]) -> Inputs:
    """Return what `network` reads for items with features `dense` (n, D) and `ids` (n, T), one column a table.

    Only tables with ids of their own have a column; offsets into merged tables are added. Raises `BadInputError`
    where the widths are not the network's.
    """
    own = [number for number, table in enumerate(network.tables) if table.ids_of is None]
    if dense.shape[1] != network.dense or ids.shape[1] != len(own):
        raise BadInputError(
            f"`{network.name}` reads {network.dense} dense features and {len(own)} ids per item, "
            f"the data has {dense.shape[1]} and {ids.shape[1]}",
            hint="choose one of the networks that the data set names",
        )
    if any(table.pooling != 1 for table in network.tables):
        raise BadInputError(
            f"`{network.name}` pools several ids of a table, the data has one each",
            hint="networks of pooling 1 can be trained: rm-small, rm-med, rm-large and NeuMF",
        )
    column = {number: ids[:, at : at + 1] for at, number in enumerate(own)}
    of_tables = [column[n if t.ids_of is None else t.ids_of] for n, t in enumerate(network.tables)]
    merged = merge_ids(network, of_tables)
    return (torch.from_numpy(np.ascontiguousarray(dense)), *merged) if network.dense else merged
