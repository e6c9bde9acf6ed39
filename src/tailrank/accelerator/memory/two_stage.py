"""Rows of a funnel's two stages, query by query: which are in SRAM in time, and what the others cost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.accelerator.memory.hierarchy import EmbeddingMemory, LookAhead, Tier
from tailrank.core import BadInputError

__all__ = ["StageReads", "TwoStage", "two_stage"]

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

LOOK_AHEAD = {"none": 0, "selected": 1, "buffered": 2, "all": 3}
SRAM, DRAM, SSD = 2, 0, 1


@dataclass(frozen=True)
class StageReads:
    """Rows that a stage reads, a measured query on average, by where its static cache leaves them; shares of rows.

    `amat_ns` is the mean latency of a row, transfer included, were each read alone; `moved_bytes` come from DRAM and
    SSD, and `dram_ns` is the time that DRAM's channels need for theirs.
    """

    rows: float
    sram: float
    dram: float
    ssd: float
    amat_ns: float
    moved_bytes: float
    dram_ns: float


@dataclass(frozen=True)
class TwoStage:
    """Front and back end's reads, and the back end's with look-ahead, over the measured `queries`.

    Shares of the back end's rows: `static` are hot, `in_time` came before the back end began its sub-batch, `late` were
    on their way (or another item of it had asked for them), `demand` were asked for only then. They add up to 1.
    `hidden` is the share in time of those not hot. Of the entries prefetched, `wasted` were never read. Times of a
    query, alone on the chip, mean: `query_ns`, of which `waiting_ns` for rows and `reading_ns` at SRAM's port;
    `per_query_ns` (queries,) are the totals.
    """

    front: StageReads
    back: StageReads
    queries: int
    static: float
    in_time: float
    late: float
    demand: float
    prefetched: float
    wasted: float
    query_ns: float
    waiting_ns: float
    reading_ns: float
    per_query_ns: F64

    @property
    def hidden(self) -> float:
        """See the class; 1 where all rows are hot."""
        cold = 1 - self.static
        return self.in_time / cold if cold > 0 else 1.0


def two_stage(
    memory: EmbeddingMemory,
    first: ArrayLike,
    ids: ArrayLike,
    chosen: ArrayLike,
    *,
    front_ns: float,
    back_ns: float,
    filter_ns: float = 0.0,
    parts: int = 1,
    look_ahead: LookAhead = "selected",
    buffered: ArrayLike | None = None,
    trained_on: int | None = None,
) -> TwoStage:
    """Follow the rows of queries in CSR layout through `memory`, each query alone on the chip.

    `ids` (M, T): row of each table that a candidate reads, in both stages; query q's are `first[q]` to `first[q + 1]`.
    `chosen` (M,) says which go on to the back end. Static caches hold what the first `trained_on` queries (absent:
    half) read most; the others are measured. A query's front end takes `front_ns` in all, its `parts` sub-batches in
    proportion to their items; each is filtered `filter_ns` later, and the back end takes the chosen ones when it is
    free: it waits for their rows, then computes for `back_ns` an item. Look-ahead fetches rows that are not hot

    - `selected`: of chosen items, when their sub-batch is filtered;
    - `buffered`: of those the unit buffers (`buffered`, (M,), which must hold the chosen), as their scores come;
    - `all`: of all candidates, from the query's arrival on.

    It has two halves, taken in turns: a sub-batch may fill one as soon as the back end has read what was in it, and
    what finds no room is fetched on demand. Requests of a channel are served in order, those of an earlier sub-batch
    first, its demands after its prefetches. The front end's own misses are in `front_ns`, and take no turn here.

    Raises `BadInputError` for layouts that do not fit, or nothing left to measure.
    """
    from tailrank.accelerator.memory import look_ahead_kernel

    begins, rows, going, want = _checked(first, ids, chosen, buffered, look_ahead)
    trained = (len(begins) - 1) // 2 if trained_on is None else trained_on
    if not 1 <= trained < len(begins) - 1:
        raise BadInputError(f"trained on {trained} of {len(begins) - 1} queries", hint="leave some to measure")
    if min(front_ns, back_ns, filter_ns) < 0 or parts < 1:
        raise BadInputError("times must not be below 0, and a query has a part at least", hint="0 is free")
    cut = int(begins[trained])
    everyone = np.ones(len(going), np.bool_)
    front, _, _ = _static(memory, rows, everyone, cut, memory.front_bytes, memory.front_cache_bytes, trained, begins)
    back, entries, place = _static(
        memory, rows, going, cut, memory.back_bytes, memory.back_cache_bytes, trained, begins
    )
    measured = begins[trained:] - cut
    begin, queries = _cut(measured, parts)
    count = len(queries) - 1
    counts, times = np.zeros((count, 7), np.int64), np.zeros((count, 3))
    size, tiers = memory.entry_bytes(memory.back_bytes), (memory.dram, memory.ssd)
    most = np.diff(queries)
    room = memory.look_ahead_bytes // size // (2 if most.max() > 1 else 1)
    of_query = np.repeat(np.diff(measured), most)
    look_ahead_kernel.walk(
        entries,
        begin,
        queries,
        going[cut:].astype(np.uint8),
        want[cut:].astype(np.uint8),
        place,
        LOOK_AHEAD[look_ahead],
        room,
        front_ns * np.diff(begin) / of_query,
        float(back_ns),
        float(filter_ns),
        memory.back_bytes / memory.sram_bytes_per_ns,
        memory.overlapped,
        np.array([tier.channels for tier in tiers], np.int64),
        np.array([tier.transfer_ns(size) for tier in tiers]),
        np.array([tier.latency_ns for tier in tiers], np.float64),  # given as whole numbers, too: one compiled kernel
        counts,
        times,
    )
    return _summary(front, back, counts, times)


def _summary(front: StageReads, back: StageReads, counts: I64, times: F64) -> TwoStage:
    total = counts.sum(axis=0)
    read = max(1, int(total[0]))
    static, in_time, late, demand = (float(each) / read for each in total[1:5])
    query_ns, waiting_ns, reading_ns = times.mean(axis=0).tolist()
    return TwoStage(
        front,
        back,
        len(counts),
        static,
        in_time,
        late,
        demand,
        prefetched=float(total[5]) / len(counts),
        wasted=float(total[6] / total[5]) if total[5] else 0.0,
        query_ns=query_ns,
        waiting_ns=waiting_ns,
        reading_ns=reading_ns,
        per_query_ns=times[:, 0].copy(),
    )


def _static(
    memory: EmbeddingMemory,
    rows: I64,
    read: NDArray[np.bool_],
    cut: int,
    vector_bytes: int,
    cache_bytes: int,
    trained: int,
    begins: I64,
) -> tuple[StageReads, I32, NDArray[np.uint8]]:
    """Place a stage's entries by what is `read` before candidate `cut`.

    Returns its reads after that, its entries (measured candidates, T), and where each entry is.
    """
    from tailrank.accelerator.memory import kernels

    lines = rows // memory.per_entry(vector_bytes)  # rows of a table are neighbours
    lines += np.cumsum([0, *(lines.max(axis=0)[:-1] + 1)])  # those of different tables are not
    numbered = np.empty(lines.size, np.int32)
    distinct = kernels.number(lines.ravel(), numbered)
    entries = numbered.reshape(rows.shape)
    uses = np.bincount(entries[:cut][read[:cut]].ravel(), minlength=distinct)
    hottest = np.argsort(-uses, kind="stable")
    size = memory.entry_bytes(vector_bytes)
    place = np.full(distinct, DRAM, np.uint8)
    if memory.dram_rows is not None:
        place[hottest[memory.dram_rows // memory.per_entry(vector_bytes) :]] = SSD
    place[hottest[: min(cache_bytes // size, np.count_nonzero(uses))]] = SRAM
    where = np.bincount(place[entries[cut:][read[cut:]].ravel()], minlength=3)
    total, queries = max(1, int(where.sum())), len(begins) - 1 - trained
    sram, dram, ssd = (float(where[tier]) / total for tier in (SRAM, DRAM, SSD))
    amat = (
        sram * vector_bytes / memory.sram_bytes_per_ns
        + dram * _alone(memory.dram, size)
        + ssd * _alone(memory.ssd, size)
    )
    found = StageReads(
        rows=float(where.sum()) / queries,
        sram=sram,
        dram=dram,
        ssd=ssd,
        amat_ns=amat,
        moved_bytes=float(where[DRAM] + where[SSD]) * size / queries,
        dram_ns=float(where[DRAM]) / queries * memory.dram.transfer_ns(size) / memory.dram.channels,
    )
    return found, entries[cut:], place


def _alone(tier: Tier, size: int) -> float:
    return tier.latency_ns + tier.transfer_ns(size)


def _cut(measured: I64, parts: int) -> tuple[I64, I64]:
    """Cut each query into `parts` as equal as can be: first candidates of parts, first parts of queries."""
    sizes: list[int] = []
    upto = [0]
    for size in np.diff(measured).tolist():
        count = min(parts, size)
        sizes += [size // count + (part < size % count) for part in range(count)]
        upto.append(len(sizes))
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), np.array(upto, np.int64)


def _checked(
    first: ArrayLike, ids: ArrayLike, chosen: ArrayLike, buffered: ArrayLike | None, look_ahead: str
) -> tuple[I64, I64, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return queries' first candidates, rows (M, T), who goes on, and who is buffered."""
    begins, given, going = np.asarray(first, np.int64), np.asarray(ids), np.asarray(chosen)
    if given.ndim != 2 or given.dtype.kind not in "iu" or given.size == 0 or given.min() < 0:
        raise BadInputError(f"ids of {given.dtype} {given.shape} are no rows", hint="give whole numbers (M, tables)")
    if begins.ndim != 1 or len(begins) < 3 or begins[0] != 0 or begins[-1] != len(given) or (np.diff(begins) < 1).any():
        raise BadInputError(
            f"queries that begin at {begins.shape} rows do not fit {len(given)} candidates",
            hint="first ascends from 0 to the number of candidates; two queries at least",
        )
    want = going if buffered is None else np.asarray(buffered)
    if going.shape != (len(given),) or want.shape != going.shape or {going.dtype, want.dtype} != {np.dtype(np.bool_)}:
        raise BadInputError("say of each candidate whether it is chosen, and buffered", hint="bool of shape (M,)")
    if look_ahead not in LOOK_AHEAD:
        raise BadInputError(f"unknown look-ahead `{look_ahead}`", hint=", ".join(LOOK_AHEAD))
    if look_ahead == "buffered" and (buffered is None or (going & ~want).any()):
        raise BadInputError("what is chosen was buffered before", hint="give `buffered`, with all that are chosen")
    return begins, given.astype(np.int64), going, want
