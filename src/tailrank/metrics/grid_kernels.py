"""The compiled loop of `FunnelQuality.means`: many funnels, one query at a time, on sets of candidates as bits.

Who goes on from a stage is whoever has at most some rank there (its cut) among those who came in. So a set of
candidates, written as bits in the order of network u, is the intersection of one set for each stage so far: the best
`cut` of network t in the order of u. Those are kept ready at every `step`-th cut (`_ladder`), and what a stage has
beyond a rung is added one by one. Counting bits gives cuts and the ranks of positives: nothing is sorted or walked.

Funnels that begin alike share what they begin with: they come as a tree in the order of a depth-first walk.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled

__all__ = ["GridTables", "GridTree", "add_grid"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
Places = NDArray[np.int32] | NDArray[np.uint16]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]

ONE, ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)


class GridTables(NamedTuple):
    """What is known of the candidates: `order` and `rank` (networks, M), as `funnel_kernels` has them."""

    first: I64
    order: Places
    rank: Places
    label: F32
    discount: F64
    ideal: F64


class GridTree(NamedTuple):
    """The funnels. Each of its nodes is a cut: at `depth`, `network` lets its best `most` on.

    `needs[node]` lists the networks in whose order that set will be wanted (-1: no more), and funnels
    `leaf_first[node]` to the next end here, ranked by `leaf_network`. `pair[t, u]` numbers the pairs of networks
    that are wanted; -1: not.
    """

    depth: I64
    network: I64
    most: I64
    needs: I64
    leaf_first: I64
    leaf_network: I64
    pair: I64


@compiled
def _ones(word: Any) -> Any:
    """Return how many bits of a 64-bit word are set (LLVM makes this one instruction)."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled
def _place(word: Any, nth: int) -> int:
    """Return where the `nth` (from 1) set bit of a word is."""
    at, left = 0, nth
    for half in (32, 16, 8, 4, 2, 1):
        low = _ones((word >> np.uint64(at)) & ((ONE << np.uint64(half)) - ONE))
        if low < left:
            left -= low
            at += half
    return at


@compiled
def _cut(inside: U64, at: int, network: int, counts: I64, words: int, most: int, size: int) -> int:
    """Return the least cut with `most` of those inside below it; `size` where there are not as many."""
    for word in range(words):
        counts[word] = _ones(inside[at, network, word])
    have = 0
    for word in range(words):
        if have + counts[word] >= most:
            return 64 * word + _place(inside[at, network, word], most - have) + 1
        have += counts[word]
    return size


@compiled
def _ladder(order: Places, rank: Places, step: int, to: I32, ladder: U64) -> None:
    """Fill in `to`, the rank there of each of one network's order, and the rungs: the best 0, `step`, .. as bits.

    The last rung is everyone.
    """
    words = (len(order) + 63) >> 6
    ladder[0, :words] = 0
    for rung in range(1, (len(order) + step - 1) // step + 1):
        for word in range(words):
            ladder[rung, word] = ladder[rung - 1, word]
        for place in range((rung - 1) * step, min(len(order), rung * step)):
            to[place] = rank[order[place]]
            ladder[rung, to[place] >> 6] |= ONE << np.uint64(to[place] & 63)


@compiled
def _narrow(inside: U64, at: int, other: int, ladders: U64, to: I32, pair: int, step: int, cut: int, size: int) -> None:
    """Fill in `inside[at + 1]`: who of those in `inside[at]` is among the best `cut` of a network, by its ladder."""
    rung = (cut + step // 2) // step
    for word in range((size + 63) >> 6):
        inside[at + 1, other, word] = inside[at, other, word] & ladders[pair, rung, word]
    for place in range(rung * step, cut):  # the nearest rung is below
        rank = to[pair, place]
        inside[at + 1, other, rank >> 6] |= inside[at, other, rank >> 6] & (ONE << np.uint64(rank & 63))
    for place in range(cut, min(rung * step, size)):  # or above
        rank = to[pair, place]
        inside[at + 1, other, rank >> 6] &= ~(ONE << np.uint64(rank & 63))


@compiled
def _dcg(inside: U64, at: int, network: int, counts: I64, good: U64, gain: F64, words: int, discount: F64) -> float:
    """Return DCG@k of those inside; only the positive ones are looked at."""
    for word in range(words):
        counts[word] = _ones(inside[at, network, word])
    ranked, found = 0, 0.0
    for word in range(words):
        here = inside[at, network, word]
        left = here & good[network, word]
        while left != 0:
            below = (left & (~left + ONE)) - ONE
            rank = ranked + _ones(here & below)
            if rank >= len(discount):
                return found
            found += gain[network, 64 * word + _ones(below)] * discount[rank]
            left &= left - ONE
        ranked += counts[word]
        if ranked >= len(discount):
            return found
    return found


@compiled
def _prepare(tables: GridTables, pair: I64, query: int, step: int, to: I32, ladders: U64, good: U64, gain: F64) -> None:
    """Fill in the ladder of every pair that is wanted, and the positives in every network's order as bits."""
    begin, end = tables.first[query], tables.first[query + 1]
    good[:] = 0
    for row in range(begin, end):
        if tables.label[row] > 0:
            for network in range(len(good)):
                rank = tables.rank[network, row]
                good[network, rank >> 6] |= ONE << np.uint64(rank & 63)
                gain[network, rank] = tables.label[row]
    for one in range(len(pair)):
        for other in range(len(pair)):
            at = pair[one, other]
            if at >= 0:
                order, rank = tables.order[one, begin:end], tables.rank[other, begin:end]
                _ladder(order, rank, step, to[at], ladders[at])


@compiled
def add_grid(tables: GridTables, tree: GridTree, query_from: int, query_to: int, step: int, out: F64) -> None:
    """Add to `out` (funnels,) NDCG@k of each funnel for each of these queries that has an ideal.

    A ladder has a rung every `step` places. `inside[at, u]` is who has come to depth `at`, in the order of network u.
    """
    first, order, discount, ideal = tables.first, tables.order, tables.discount, tables.ideal
    largest = 0
    for query in range(query_from, query_to):
        largest = max(largest, first[query + 1] - first[query])
    most, pairs = (largest + 63) >> 6, max(1, tree.pair.max() + 1)
    to = np.empty((pairs, largest), np.int32)
    ladders = np.empty((pairs, -(-largest // step) + 1, most), np.uint64)
    good = np.empty((len(order), most), np.uint64)
    gain = np.empty((len(order), largest))
    inside = np.empty((tree.depth.max() + 2, len(order), most), np.uint64)
    inside[0] = ALL
    everyone = np.ones(len(inside), np.bool_)  # at that depth is in: then a cut is a count
    counts = np.empty(most, np.int64)
    for query in range(query_from, query_to):
        if ideal[query] == 0:
            continue
        begin, end = first[query], first[query + 1]
        size, words = end - begin, (end - begin + 63) >> 6
        _prepare(tables, tree.pair, query, step, to, ladders, good, gain)
        for node in range(len(tree.depth)):
            at, network, cut = tree.depth[node], tree.network[node], min(size, tree.most[node])
            if not everyone[at]:
                cut = _cut(inside, at, network, counts, words, cut, size)
            everyone[at + 1] = everyone[at] and cut == size
            for number in range(tree.needs.shape[1]):
                wanted = tree.needs[node, number]
                if wanted < 0:
                    break
                pair = tree.pair[network, wanted]
                _narrow(inside, at, wanted, ladders, to, pair, step, cut, size)
            for leaf in range(tree.leaf_first[node], tree.leaf_first[node + 1]):
                last = tree.leaf_network[leaf]
                dcg = _dcg(inside, at + 1, last, counts, good, gain, words, discount)
                out[leaf] += dcg / ideal[query]
