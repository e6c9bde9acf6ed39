"""The compiled loop of the filter unit over many batches, in CSR layout."""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled, inlined

__all__ = ["select"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@inlined
def _edge(counts: I64, shift: int, wanted: int, wrapped: bool) -> tuple[int, int, int]:
    """Walk the bins from the top until they hold `wanted`: the last one's lower edge, bins walked, codes above it."""
    bins = len(counts)
    edge, steps, above = 0, bins, 0
    if wanted == 0:
        edge, steps = bins << shift, 0
    for step in range(steps):
        number = bins - 1 - step
        if wrapped:
            number = 0 if step == 0 else bins - step
        if above + counts[number] >= wanted:
            edge, steps = number << shift, step + 1
            break
        above += counts[number]
    return edge, steps, above


@compiled
def select(
    codes: I32,
    queries: I64,
    begin: I64,
    keep: I64,
    shape: tuple[int, int, int, int, int, int, int],
    faults: tuple[bool, bool, bool, bool, bool],
    out: I32,
    count: I64,
    buffered: I64,
    lost: I64,
    walked: I64,
    deepest: I64,
) -> None:
    """Fill in, for each of the batches `begin[b]` to `begin[b + 1]`, what `reference.Passed` says.

    Queries begin with batches `queries[q]`. `shape` is bins, shift, threshold (-1: none), how many bins below the last
    edge it follows (-1: it does not), buffer (-1: any), excess (0 pass, 1 first, 2 fill), lanes. `faults` are
    wrapped_scan, strict_edge, narrow_compare, short_offset, one_register. Positions go to `out` from `begin[b]`.
    """
    bins, shift, base, follow, buffer, excess, lanes = shape
    wrapped, strict, narrow, short, single = faults
    counts, depth = np.zeros(bins, np.int64), np.zeros(lanes, np.int64)
    query, threshold = 0, base
    for batch in range(len(begin) - 1):
        if batch == queries[query]:
            query, threshold = query + 1, base
        first, end, wanted = begin[batch], begin[batch + 1], keep[batch]
        counts[:] = 0
        depth[:] = 0
        inside, missed, last = 0, 0, end
        for row in range(first, end):
            code = codes[row]
            number = code >> shift
            if number < bins:
                counts[number] += 1
            if code > threshold:
                if inside == buffer:
                    missed += 1
                    if last == end:
                        last = row  # nothing is buffered from here on
                else:
                    inside += 1
                    depth[(row - first) % lanes] += 1
        edge, steps, above = _edge(counts, shift, wanted, wrapped)
        going, left, skipped = 0, max(0, wanted - above), inside - 1 if single else 0
        for row in range(first, last):
            code = codes[row]
            if code <= threshold:
                continue
            if skipped > 0:
                skipped -= 1
                continue
            offset = row - first
            if short:
                offset &= 511
            if narrow:
                passes = (np.int64(code) << 9 | (offset & 511)) > edge
            elif strict:
                passes = code > edge
            else:
                passes = code >= edge
            if not passes or (excess == 1 and going == wanted):
                continue
            if excess == 2 and code >> shift <= edge >> shift:
                if left == 0:
                    continue
                left -= 1
            out[first + going] = offset
            going += 1
        threshold = base
        if follow >= 0 and wanted > 0:
            threshold = max(base, edge - (follow << shift) - 1)
        count[batch], buffered[batch], lost[batch] = going, inside, missed
        walked[batch], deepest[batch] = steps, depth.max()
