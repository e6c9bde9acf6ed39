"""What the filter unit's approximate choice costs in quality: NDCG of a funnel against the exact top K."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.accelerator.topk.cycles import selection_cycles
from tailrank.accelerator.topk.select import Encoding, Selection, encode, select
from tailrank.accelerator.topk.unit import FilterUnit
from tailrank.core import BadInputError
from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics import FunnelQuality, paired
from tailrank.metrics.percentiles import Interval

__all__ = ["SelectionQuality", "selection_quality"]

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

CALIBRATION = 4  # one query in so many sets ranges and thresholds; the others are judged


@dataclass(frozen=True)
class SelectionQuality:
    """One setting of the unit, over the judged queries.

    `ndcg` is that of the funnel with the unit's choice, `exact_ndcg` that with the best K, `loss` exact minus unit with
    its paired 95 % interval. `recall` is the share of the exact best K that go on. `chosen` per query: mean and most,
    which is the work of the next stage; `buffered` the mean share of scores that are kept until the walk, `cycles` of a
    query on average, `state_bits` of counters and buffer, large enough for every judged query.
    """

    unit: FilterUnit
    encoding: Encoding
    admitted: float
    parts: int
    keep: int
    queries: int
    ndcg: float
    exact_ndcg: float
    loss: Interval
    recall: float
    chosen_mean: float
    chosen_most: int
    buffered: float
    cycles: float
    state_bits: int


@dataclass(frozen=True)
class _Judge:
    """The judged queries, and what the exact choice gives there."""

    quality: FunnelQuality
    front: NDArray[np.float32]
    back: str
    first: I64
    best: NDArray[np.bool_]
    exact: F64
    keep: int
    seed: int


def selection_quality(
    tables: ScoreTables,
    front: str,
    back: str,
    *,
    keep: int,
    items: int | None = None,
    k: int = 64,
    unit: FilterUnit | None = None,
    bins: Sequence[int] = (16, 32, 64, 256),
    admitted: Sequence[float] = (1.0,),
    parts: Sequence[int] = (1,),
    encodings: Sequence[Encoding] = ("linear",),
    fitted: bool = True,
    seed: int = 0,
) -> list[SelectionQuality]:
    """Judge the unit between `front` and `back` for every combination of encodings, bins, thresholds and sub-batches.

    Of each query the first `items` candidates (None: all) are scored by `front`, the unit passes on about `keep` of
    them, `back` ranks those, and its first `k` count. A quarter of the queries, evenly spread, only calibrates: the
    threshold is where a share `admitted` of its scores lies above (1.0: no threshold), and with `fitted` the range that
    bins divide is that of its scores; else it is 0 to 1, or -16 to 16 log-odds. The others are judged. `unit` has all
    that is not varied. Raises `BadInputError` for shares outside (0, 1], and for fewer than 2 queries.
    """
    base = unit or FilterUnit()
    if not all(0 < share <= 1 for share in admitted):
        raise BadInputError(f"shares admitted are above 0 and at most 1, not {list(admitted)}", hint="1: no threshold")
    if len(tables) < 2:
        raise BadInputError("one query calibrates, another is judged: there are not two", hint="give more queries")
    for name in (front, back):
        if name not in tables.scores:
            raise BadInputError(f"no scores of network `{name}`", hint=f"known: {', '.join(tables.scores)}")
    calibrating = np.arange(len(tables)) % CALIBRATION == 0
    known = tables.scores[front][_rows(tables.first, calibrating, items)]
    judge = _judge(tables, ~calibrating, front, back, items, k, keep, seed)
    found = []
    for encoding, count in product(encodings, bins):
        low, high = _range(known, encoding, fitted)
        of_known = encode(known, base.score_bits, encoding, low, high)
        codes = encode(judge.front, base.score_bits, encoding, low, high)
        for share, cut in product(admitted, parts):
            varied = replace(base, bins=count, threshold=_threshold(of_known, share))
            found.append(_judged(judge, varied, codes, encoding, share, cut))
    return found


def _rows(first: I64, wanted: NDArray[np.bool_], items: int | None) -> NDArray[np.bool_]:
    """Return which candidates are the first `items` of a `wanted` query, (M,)."""
    sizes = np.diff(first)
    place = np.arange(first[-1]) - np.repeat(first[:-1], sizes)
    rows: NDArray[np.bool_] = np.repeat(wanted, sizes) & (place < (first[-1] if items is None else items))
    return rows


def _judge(
    tables: ScoreTables,
    wanted: NDArray[np.bool_],
    front: str,
    back: str,
    items: int | None,
    k: int,
    keep: int,
    seed: int,
) -> _Judge:
    all_rows, some = _rows(tables.first, wanted, None), _rows(tables.first, wanted, items)
    first = np.concatenate([[0], np.cumsum(np.diff(tables.first)[wanted])])
    # What is not scored is out for good, but the ideal order is that of all: it ranks below all that is scored.
    scores = {name: np.where(some, each, -np.inf)[all_rows] for name, each in tables.scores.items() if name == back}
    scores[front] = np.where(some, tables.scores[front], -np.inf)[all_rows]
    quality = FunnelQuality(first, tables.label[all_rows], scores, k=k)
    begin = np.concatenate([[0], np.cumsum(np.minimum(np.diff(first), items or first[-1]))])
    limit = quality.candidates if items is None else min(items, quality.candidates)
    asked = min(keep, limit)
    best = np.zeros(first[-1], np.bool_)
    for query in range(len(quality)):
        best[first[query] + quality.ranked((front,), (limit,), query, asked)] = True
    inside = some[all_rows]
    return _Judge(
        quality,
        np.ascontiguousarray(tables.scores[front][some]),
        back,
        begin.astype(np.int64),
        best & inside,
        quality.judged(back, best & inside),
        keep,
        seed,
    )


def _judged(
    judge: _Judge, unit: FilterUnit, codes: I32, encoding: Encoding, admitted: float, parts: int
) -> SelectionQuality:
    found = select(unit, codes, judge.first, judge.keep, parts)
    inside = np.zeros(len(judge.best), np.bool_)
    inside[_scattered(judge)] = found.inside
    ndcg = judge.quality.judged(judge.back, inside)
    judged = ~np.isnan(judge.exact)
    chosen, sizes = found.per_query, np.diff(judge.first)
    return SelectionQuality(
        unit=unit,
        encoding=encoding,
        admitted=admitted,
        parts=parts,
        keep=judge.keep,
        queries=int(judged.sum()),
        ndcg=float(ndcg[judged].mean()),
        exact_ndcg=float(judge.exact[judged].mean()),
        loss=paired(judge.exact, ndcg, seed=judge.seed),
        recall=float((inside & judge.best).sum() / judge.best.sum()),
        chosen_mean=float(chosen.mean()),
        chosen_most=int(chosen.max()),
        buffered=float(found.buffered.sum() / sizes.sum()),
        cycles=float(selection_cycles(unit, found).mean()),
        state_bits=_state_bits(unit, found),
    )


def _scattered(judge: _Judge) -> I64:
    """Return where the scored candidates lie among all, (scored,)."""
    sizes = np.diff(judge.first)
    shift = judge.quality.first[:-1] - judge.first[:-1]
    rows: I64 = np.arange(judge.first[-1]) + np.repeat(shift, sizes)
    return rows


def _state_bits(unit: FilterUnit, found: Selection) -> int:
    largest = int(np.diff(found.begin).max())
    fullest = min(largest, int(found.deepest.max()) * unit.lanes)
    return replace(unit, buffer=max(1, fullest)).state_bits(largest)


def _range(known: NDArray[np.float32], encoding: Encoding, fitted: bool) -> tuple[float, float]:
    values = known.astype(np.float64)
    if encoding == "logit":
        values = np.log(np.maximum(values, 1e-300)) - np.log(np.maximum(1 - values, 1e-300))
    if not fitted or values.min() == values.max():
        return (-16.0, 16.0) if encoding == "logit" else (0.0, 1.0)
    return float(values.min()), float(values.max())


def _threshold(codes: I32, admitted: float) -> int | None:
    """Return the code above which a share `admitted` of `codes` lies, or the least share above that; None for all."""
    if admitted >= 1:
        return None
    ascending = np.sort(codes)
    place = int(np.floor((1 - admitted) * len(ascending)))
    return max(0, int(ascending[min(place, len(ascending) - 1)]) - 1)
