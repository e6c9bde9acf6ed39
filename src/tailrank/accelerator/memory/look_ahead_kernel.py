"""The compiled walk of a query's back-end rows through look-ahead cache, DRAM and SSD."""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled, inlined

__all__ = ["walk"]

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@inlined
def _fetch(row: int, issue: float, tier: int, free: F64, channels: I64, busy: F64, latency: F64) -> float:
    """Queue a row's transfer on its channel of `tier` (0 DRAM, 1 SSD); return when it is there."""
    lane = row % channels[tier]
    start = max(issue, free[tier, lane])
    free[tier, lane] = start + busy[tier]
    there: float = start + busy[tier] + latency[tier]
    return there


@inlined
def _prefetch(
    ids: I32,
    span: tuple[int, int, int],
    picks: tuple[U8, U8],
    place: U8,
    look_ahead: int,
    left: int,
    when: tuple[float, float, float, float],
    asked: I64,
    arrival: F64,
    free: F64,
    memory: tuple[I64, F64, F64],
) -> int:
    """Ask for the rows of a sub-batch (`span`: first, end, number) ahead of use; return how much room is left.

    `when` is the front end's start and time, when its choice is ready, and when half of the cache was free again.
    """
    first, end, batch = span
    chosen, wanted = picks
    channels, busy, latency = memory
    started, front_ns, ready, least = when
    for item in range(first, end):
        if chosen[item] == 0 and (look_ahead == 1 or (look_ahead == 2 and wanted[item] == 0)):
            continue
        issue = 0.0
        if look_ahead == 1:
            issue = ready
        elif look_ahead == 2:
            issue = started + (item - first + 1) / (end - first) * front_ns
        issue = max(issue, least)
        for table in range(ids.shape[1]):
            row = ids[item, table]
            if place[row] < 2 and asked[row] != batch and left > 0:
                left -= 1
                asked[row] = batch
                arrival[row] = _fetch(row, issue, place[row], free, channels, busy, latency)
    return left


@compiled
def walk(
    ids: I32,
    begin: I64,
    queries: I64,
    chosen: U8,
    wanted: U8,
    place: U8,
    look_ahead: int,
    room: int,
    front_ns: F64,
    back_ns: float,
    filter_ns: float,
    port_ns: float,
    overlapped: bool,
    channels: I64,
    busy: F64,
    latency: F64,
    counts: I64,
    times: F64,
) -> None:
    """Serve queries one after the other, each on an idle memory; fill in `counts` and `times` of each.

    `ids` (M, T) are the entries that candidates read in the back end, `begin` (B + 1,) the first candidates of
    sub-batches, `queries` (Q + 1,) the first sub-batches of queries. `chosen` (M,) go on, `wanted` (M,) are asked for
    as their scores come. `place` (entries,): 2 SRAM, 0 DRAM, 1 SSD. `look_ahead` 0 none, 1 selected, 2 buffered, 3 all;
    `room` entries of it for each sub-batch. `front_ns` (B,) is the front end's time, `back_ns` that of one item.
    Tiers' `channels`, `busy` and `latency` in ns are (2,), DRAM then SSD.
    `counts` (Q, 7): rows read, found in static SRAM, there in time, coming, fetched on demand, prefetched, never used.
    `times` (Q, 3) in ns: total, waiting for rows, reading them from SRAM.
    """
    tables = ids.shape[1]
    arrival = np.zeros(len(place))
    asked = np.full(len(place), -1, np.int64)  # the sub-batch that last asked for an entry
    used = np.full(len(place), -1, np.int64)
    free = np.zeros((2, channels.max()))
    picks, memory = (chosen, wanted), (channels, busy, latency)
    for query in range(len(queries) - 1):
        free[:] = 0.0
        clock, back_free, half_free, before_half = 0.0, 0.0, 0.0, 0.0
        for batch in range(queries[query], queries[query + 1]):
            first, end = begin[batch], begin[batch + 1]
            started, left = clock, room
            clock += front_ns[batch]
            ready = clock + filter_ns
            if look_ahead > 0:
                span, when = (first, end, batch), (started, front_ns[batch], ready, before_half)
                left = _prefetch(ids, span, picks, place, look_ahead, room, when, asked, arrival, free, memory)
                counts[query, 5] += room - left
            start = max(ready, back_free)
            gathered, read, items, fresh = start, 0, 0, 0
            for item in range(first, end):
                if chosen[item] == 0:
                    continue
                items += 1
                for table in range(tables):
                    row = ids[item, table]
                    read += 1
                    if place[row] == 2:
                        counts[query, 1] += 1
                        continue
                    if asked[row] != batch:  # on demand; another item of this sub-batch finds it on its way
                        asked[row] = batch
                        used[row] = batch
                        arrival[row] = _fetch(row, start, place[row], free, channels, busy, latency)
                        counts[query, 4] += 1
                    else:
                        if used[row] != batch:
                            used[row] = batch
                            fresh += 1
                        counts[query, 2 if arrival[row] <= start else 3] += 1
                    gathered = max(gathered, arrival[row])
            counts[query, 0] += read
            counts[query, 6] += room - left - fresh
            port = read * port_ns
            done = max(gathered, start + port) if overlapped else gathered + port
            times[query, 1] += done - start - port
            times[query, 2] += port
            before_half, half_free = half_free, done
            back_free = done + items * back_ns
        times[query, 0] = back_free
