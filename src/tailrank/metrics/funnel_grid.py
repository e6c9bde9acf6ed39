"""Many funnels as one tree, so that those that begin alike share what they begin with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tailrank.metrics.grid_kernels import GridTables, GridTree, add_grid

__all__ = ["grid_means"]

F64 = NDArray[np.float64]
Cut = tuple[int, int]  # of network number .. the best so many
BLOCK = 64  # queries whose sums are added up before they are added to others': the same bits for any threads
RUNGS = 128  # of a ladder at most: more would not stay in a core's cache


def grid_means(tables: GridTables, funnels: Sequence[tuple[tuple[int, ...], tuple[int, ...]]], threads: int) -> F64:
    """Return the mean NDCG@k of each funnel, shape (funnels,); nan where no query has an ideal.

    A funnel is the numbers of its networks, 0 being the order in which candidates come, and the items into each.
    """
    from concurrent.futures import ThreadPoolExecutor

    paths = [tuple(zip((0, *networks[:-1]), items, strict=True)) for networks, items in funnels]
    order = sorted(range(len(funnels)), key=lambda number: (paths[number], funnels[number][0][-1]))
    tree = _tree([(paths[number], funnels[number][0][-1]) for number in order], len(tables.order))
    queries, largest = len(tables.ideal), int(np.diff(tables.first).max())
    step = 32 * -(-largest // (32 * RUNGS))
    begins = range(0, queries, BLOCK)
    sums = np.zeros((len(begins), len(funnels)))

    def add(block: int) -> None:
        add_grid(tables, tree, begins[block], min(queries, begins[block] + BLOCK), step, sums[block])

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(add, range(len(begins))))
    else:
        for block in range(len(begins)):
            add(block)
    counted = int(np.count_nonzero(tables.ideal))
    found = np.empty(len(funnels))
    found[order] = sums.sum(axis=0) / counted if counted else np.nan
    return found


def _tree(funnels: Sequence[tuple[tuple[Cut, ...], int]], networks: int) -> GridTree:
    """Return the tree of funnels, (cuts, last network) each and sorted."""
    nodes: list[tuple[Cut, ...]] = []
    leaves: list[list[int]] = []
    needs: list[set[int]] = []
    path: list[int] = []  # the nodes from the root to the last one
    for cuts, last in funnels:
        while path and nodes[path[-1]] != cuts[: len(nodes[path[-1]])]:
            path.pop()
        for depth in range(len(path), len(cuts)):
            path.append(len(nodes))
            nodes.append(cuts[: depth + 1])
            leaves.append([])
            needs.append(set())
        leaves[path[-1]].append(last)
        for depth, node in enumerate(path):  # what comes after is cut in its own order and ranked by the last
            needs[node] |= {last, *(network for network, _ in cuts[depth + 1 :])}
    pair = np.full((networks, networks), -1, np.int64)
    for cut, wanted in zip(nodes, needs, strict=True):
        for other in wanted:
            if pair[cut[-1][0], other] < 0:
                pair[cut[-1][0], other] = pair.max() + 1
    needed = np.full((len(nodes), networks), -1, np.int64)
    for node, wanted in enumerate(needs):
        needed[node, : len(wanted)] = sorted(wanted)
    return GridTree(
        depth=np.array([len(cuts) - 1 for cuts in nodes], np.int64),
        network=np.array([cuts[-1][0] for cuts in nodes], np.int64),
        most=np.array([cuts[-1][1] for cuts in nodes], np.int64),
        needs=needed,
        leaf_first=np.cumsum([0, *map(len, leaves)]),
        leaf_network=np.array([last for each in leaves for last in each], np.int64),
        pair=pair,
    )
