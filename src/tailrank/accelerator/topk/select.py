"""The filter unit on real scores: many queries at once, cut into sub-batches; scores into codes."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailrank.accelerator.topk.unit import FilterUnit
from tailrank.core import BadInputError
from tailrank.scheduler import share

__all__ = ["Encoding", "Selection", "encode", "select", "sub_batches"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Inside = NDArray[np.bool_]
Encoding = Literal["linear", "logit", "half"]

EXCESS = {"pass": 0, "first": 1, "fill": 2}


@dataclass(frozen=True)
class Selection:
    """What the unit let go on, for B batches: those of query q are `queries[q]` to `queries[q + 1]`.

    `inside` (M,) says which candidates; `positions` int32 (M,) holds those of batch b, counted from its begin, from
    `begin[b]` on, `count[b]` of them in order of arrival. The others, (B,) each, are as in `reference.Passed`.
    """

    queries: I64
    begin: I64
    keep: I64
    inside: Inside
    positions: I32
    count: I64
    buffered: I64
    lost: I64
    walked: I64
    deepest: I64

    @property
    def per_query(self) -> I64:
        """How many candidates of each query go on, (Q,)."""
        found: I64 = np.add.reduceat(self.count, self.queries[:-1])
        return found


def encode(scores: ArrayLike, bits: int, encoding: Encoding = "linear", low: float = 0.0, high: float = 1.0) -> I32:
    """Return `scores`, any shape, as codes of `bits` bits that never fall as scores rise.

    `linear` cuts the range from `low` to `high` into equal steps; `logit` does so with log(p / (1 - p)) of
    probabilities, from `low` to `high` log-odds; what is outside gets the code at that end. `half` takes the top bits
    of a float16, its sign turned so that codes ascend (`low` and `high` do not matter).
    """
    given = np.asarray(scores)
    if given.dtype.kind != "f" or not np.isfinite(given).all():
        raise BadInputError("scores must be finite floating-point numbers", hint="score those candidates again")
    if not 1 <= bits <= 24 or not low < high:
        raise BadInputError(f"no codes of {bits} bits from {low:g} to {high:g}", hint="1 to 24 bits, low below high")
    if encoding == "half":
        if bits > 16:
            raise BadInputError(f"a float16 has 16 bits, not {bits}", hint="give at most 16, or encoding linear")
        with np.errstate(over="ignore"):  # what is beyond float16 is infinite there, and ranks last or first
            raw = (given.astype(np.float16) + np.float16(0)).view(np.uint16).astype(np.int32)
        ascending = np.where(raw & 0x8000, 0xFFFF - raw, raw | 0x8000)
        return (ascending >> (16 - bits)).astype(np.int32)
    values = given.astype(np.float64)
    if encoding == "logit":
        tiny = np.finfo(np.float64).tiny
        values = np.log(np.maximum(values, tiny)) - np.log(np.maximum(1 - values, tiny))
    steps = np.floor((values - low) / (high - low) * (1 << bits))
    return np.clip(steps, 0, (1 << bits) - 1).astype(np.int32)


def sub_batches(first: I64, keep: int, parts: int) -> tuple[I64, I64, I64]:
    """Cut every query into `parts` batches as equal as can be, the larger first; n items in k parts keep `keep` / k.

    Returns (queries (Q + 1,), begin (B + 1,), keep (B,)) as in `Selection`. A query with fewer candidates than `parts`
    has as many batches as candidates.
    """
    if keep < 1 or parts < 1:
        raise BadInputError(f"cannot keep {keep} in {parts} parts", hint="at least 1 each")
    known: dict[int, tuple[list[int], list[int]]] = {}
    sizes, kept, queries = [], [], [0]
    for size in np.diff(first).tolist():
        if size not in known:
            count = min(parts, size)
            each = [size // count + (part < size % count) for part in range(count)]
            known[size] = each, share(keep, each)
        sizes += known[size][0]
        kept += known[size][1]
        queries.append(len(sizes))
    begin = first[0] + np.concatenate([[0], np.cumsum(sizes)])
    return np.array(queries, np.int64), begin.astype(np.int64), np.array(kept, np.int64)


def select(unit: FilterUnit, codes: I32, first: ArrayLike, keep: int, parts: int = 1) -> Selection:
    """Return what `unit` lets go on of queries in CSR layout: codes (M,), those of query q from `first[q]`.

    It is asked for the best `keep` of each query, and gets it in `parts` sub-batches one after the other. Raises
    `BadInputError` for layouts that do not fit, queries without candidates, and codes beyond the unit's.
    """
    from tailrank.accelerator.topk import kernels

    begins = np.ascontiguousarray(first, np.int64)
    given = np.ascontiguousarray(codes, np.int32)
    if begins.ndim != 1 or len(begins) < 2 or begins[0] != 0 or begins[-1] != len(given) or (np.diff(begins) < 1).any():
        raise BadInputError(
            f"queries that begin at {begins.shape} rows do not fit codes of shape {given.shape}",
            hint="first ascends from 0 to the number of candidates, and every query has one",
        )
    if given.min() < 0 or given.max() >= unit.codes:
        raise BadInputError(f"codes must lie between 0 and {unit.codes - 1}", hint="`encode` makes them")
    queries, begin, kept = sub_batches(begins, keep, parts)
    out = np.zeros(len(given), np.int32)
    count, buffered, lost, walked, deepest = (np.zeros(len(kept), np.int64) for _ in range(5))
    threshold = -1 if unit.threshold is None else unit.threshold
    room = -1 if unit.buffer is None else unit.buffer
    follow = -1 if unit.follow is None else unit.follow
    shape = (unit.bins, unit.shift, threshold, follow, room, EXCESS[unit.excess], unit.lanes)
    wrong = unit.faults
    faults = (wrong.wrapped_scan, wrong.strict_edge, wrong.narrow_compare, wrong.short_offset, wrong.one_register)
    kernels.select(given, queries, begin, kept, shape, faults, out, count, buffered, lost, walked, deepest)
    chosen = np.arange(len(given)) - np.repeat(begin[:-1], np.diff(begin)) < np.repeat(count, np.diff(begin))
    inside = np.zeros(len(given), np.bool_)
    inside[(np.repeat(begin[:-1], np.diff(begin)) + out)[chosen]] = True
    return Selection(queries, begin, kept, inside, out, count, buffered, lost, walked, deepest)
