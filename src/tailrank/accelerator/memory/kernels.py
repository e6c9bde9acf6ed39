"""The compiled loops over access traces: ids from 0 (int32), one an access, in order of time.

`measured_from` is the first access that counts; those before it only fill the cache.
"""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled, inlined

__all__ = ["classed_lru_distances", "fifo", "lru_distances", "lru_histogram", "number", "sized_lru_distances"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FILLED = 0.5  # of the hash table, before it doubles
AHEAD = 12  # accesses, about as long as main memory takes to answer


@inlined
def _ones(word: np.uint64) -> int:
    """Count the ones of 64 bits; the compiler knows this form as one instruction."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))  # type: ignore[return-value]


@compiled
def number(keys: I64, out: I32) -> int:
    """Fill in the number of each key, from 0 in order of first appearance; return how many are distinct.

    Open addressing with linear probing, in a table that doubles: pairs of a key and its number + 1, 0 where free.
    """
    bits, distinct = 12, 0
    table = np.zeros((1 << bits, 2), np.int64)
    for time in range(len(keys)):
        key, mask = keys[time], (1 << bits) - 1
        place = np.int64((np.uint64(key) * GOLDEN) >> np.uint64(64 - bits))
        while table[place, 1] > 0 and table[place, 0] != key:
            place = (place + 1) & mask
        if table[place, 1] > 0:
            out[time] = table[place, 1] - 1
            continue
        out[time] = distinct
        distinct += 1
        table[place, 0], table[place, 1] = key, distinct
        if distinct > FILLED * (1 << bits):
            old = table
            bits += 1
            table, mask = np.zeros((1 << bits, 2), np.int64), (1 << bits) - 1
            for other in range(len(old)):
                if old[other, 1] > 0:
                    place = np.int64((np.uint64(old[other, 0]) * GOLDEN) >> np.uint64(64 - bits))
                    while table[place, 1] > 0:
                        place = (place + 1) & mask
                    table[place] = old[other]
    return distinct


@compiled
def lru_distances(ids: I32, rows: int, out: I32) -> int:
    """Fill in the LRU stack distance of every access: distinct ids since its last use, itself included; 0: first use.

    A bit a time says whether some id has its latest use then. The ones of a whole word of 64 are counted in a Fenwick
    tree, those of the word that is being filled are not in it yet: O(log(n / 64)) an access. What is returned means
    nothing: it sums what was read ahead of need, so that memory is not waited for, and keeps those reads alive.
    """
    count = len(ids)
    words = np.zeros((count >> 6) + 1, np.uint64)
    tree = np.zeros(len(words) + 1, np.int32)
    last = np.full(rows, -1, np.int32)
    one, distinct, filled, ahead = np.uint64(1), 0, 0, 0
    for time in range(count):
        if time + AHEAD < count:
            ahead += last[ids[time + AHEAD]]
        word = time >> 6
        if word > filled:  # the word before is whole: hang it in the tree, with what it is to sum
            place, child = word, word - 1
            total = _ones(words[word - 1])
            while child > place - (place & -place):
                total += tree[child]
                child -= child & -child
            tree[place] = total
            filled = word
        key = ids[time]
        before = last[key]
        if before >= 0:
            inside, bit = before >> 6, one << np.uint64(before & 63)
            older = _ones(words[inside] & (bit - one))
            place = inside
            while place > 0:
                older += tree[place]
                place -= place & -place
            out[time] = distinct - older
            words[inside] ^= bit
            place = inside + 1
            while place <= filled:
                tree[place] -= 1
                place += place & -place
        else:
            out[time] = 0
            distinct += 1
        last[key] = time
        words[word] |= one << np.uint64(time & 63)
    return ahead


@compiled
def lru_histogram(distances: I32, measured_from: int, out: I64) -> None:
    """Count the accesses at each stack distance in `out` (rows + 1,), 0 for first uses."""
    for time in range(measured_from, len(distances)):
        out[distances[time]] += 1


@compiled
def sized_lru_distances(ids: I32, size: I64, out: I64) -> None:
    """Fill in the bytes of the distinct rows used since each row's last use, itself included; 0: first use.

    An LRU cache of C bytes that drops what was unused longest until there is room hits exactly where this is between 1
    and C. `size` (rows,) is what each takes. As `lru_distances`, with a sum of bytes in place of a count of ones.
    """
    count = len(ids)
    weight = np.zeros(((count >> 6) + 1) << 6, np.int64)
    tree = np.zeros((count >> 6) + 2, np.int64)
    last = np.full(len(size), -1, np.int32)
    total, filled = 0, 0
    for time in range(count):
        word = time >> 6
        if word > filled:
            child, summed = word - 1, 0
            for slot in range((word - 1) << 6, word << 6):
                summed += weight[slot]
            while child > word - (word & -word):
                summed += tree[child]
                child -= child & -child
            tree[word] = summed
            filled = word
        key = ids[time]
        before, mine = last[key], size[key]
        if before >= 0:
            inside, older = before >> 6, 0
            for slot in range(inside << 6, before):
                older += weight[slot]
            place = inside
            while place > 0:
                older += tree[place]
                place -= place & -place
            out[time] = total - older
            weight[before] = 0
            place = inside + 1
            while place <= filled:
                tree[place] -= mine
                place += place & -place
        else:
            out[time] = 0
            total += mine
        last[key] = time
        weight[time] = mine


@compiled
def classed_lru_distances(ids: I32, kind: U8, size: I64, out: I64) -> int:
    """Do as `sized_lru_distances` where few sizes occur: row r has that of number `kind[r]`.

    A word of bits a size, as in `lru_distances`, and one tree that sums their bytes.
    """
    count, kinds = len(ids), len(size)
    words = np.zeros(((count >> 6) + 1, kinds), np.uint64)
    tree = np.zeros((count >> 6) + 2, np.int64)
    last = np.full(len(kind), -1, np.int32)
    one, total, filled, ahead = np.uint64(1), 0, 0, 0
    for time in range(count):
        if time + AHEAD < count:
            ahead += last[ids[time + AHEAD]]
        word = time >> 6
        if word > filled:
            child, summed = word - 1, 0
            for each in range(kinds):
                summed += _ones(words[word - 1, each]) * size[each]
            while child > word - (word & -word):
                summed += tree[child]
                child -= child & -child
            tree[word] = summed
            filled = word
        key = ids[time]
        before, mine = last[key], kind[key]
        if before >= 0:
            inside, bit, older = before >> 6, one << np.uint64(before & 63), 0
            for each in range(kinds):
                older += _ones(words[inside, each] & (bit - one)) * size[each]
            place = inside
            while place > 0:
                older += tree[place]
                place -= place & -place
            out[time] = total - older
            words[inside, mine] ^= bit
            place = inside + 1
            while place <= filled:
                tree[place] -= size[mine]
                place += place & -place
        else:
            out[time] = 0
            total += size[mine]
        last[key] = time
        words[word, mine] |= one << np.uint64(time & 63)
    return ahead


@compiled
def fifo(ids: I32, rows: int, capacity: int, measured_from: int) -> int:
    """Return the hits of a cache of `capacity` rows that drops what came in first, however often it was used since.

    No queue is needed: a row that came in as the m-th is there until `capacity` more have.
    """
    capacity = min(capacity, rows)
    entered = np.full(rows, -1 - capacity, np.int32)
    misses, hits = 0, 0
    for time in range(len(ids)):
        key = ids[time]
        if entered[key] >= misses - capacity:
            hits += time >= measured_from
        else:
            entered[key] = misses
            misses += 1
    return hits
