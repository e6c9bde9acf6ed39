"""What stages that feed early are made of, as the kernels read it: each query's parts, and where its best lie.

Queries of one size have the same parts, so these are laid out once for each size.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Trace, stream
from tailrank.scheduler import Parts, lay_out
from tailrank.simulator.placement import Placement
from tailrank.simulator.work import Early, Loads, StageLoad

__all__ = ["early", "early_loads"]

I64 = NDArray[np.int64]


def early(trace: Trace, plan: Plan, seed: int, placement: Placement) -> Early:
    """Return the parts of every query of `trace` under `plan`, and how many of its best each part would send in time.

    Raises `BadInputError` where `placement` finds more of a query's best in a slice than there can be.
    """
    sizes, which = np.unique(trace.size, return_inverse=True)
    laid = [lay_out(plan, size) for size in sizes.tolist()]
    at = np.zeros((len(laid), len(plan.stages) + 1), np.int64)
    totals, rows, filled = np.zeros((len(laid), len(plan.stages)), np.int64), [], 0
    for number, stages in enumerate(laid):
        for depth, parts in enumerate(stages):
            at[number, depth], totals[number, depth] = filled, parts.total
            rows.extend(_columns(parts, stages[depth + 1] if depth + 1 < len(stages) else None))
            filled += len(parts.size)
        at[number, -1] = filled
    table = np.array(rows, np.int64).reshape(-1, 4)
    none = np.zeros(0, np.int64)
    work = Early(which.astype(np.int64), totals, at, table, none, np.zeros((len(trace), len(plan.stages)), np.int64))
    hits, hits_at = _hits(plan, work, seed, placement)
    return replace(work, hits=hits, hits_at=hits_at)


def _columns(parts: Parts, following: Parts | None) -> list[tuple[int, int, int, int]]:
    """Return for each part its size, what it gives, and where that is in the next stage: first candidate and part."""
    if following is None or not parts.gives:
        return [(size, 0, 0, 0) for size in parts.size]
    return list(zip(parts.size, parts.gives, following.begin, following.group[:-1], strict=True))


def _hits(plan: Plan, work: Early, seed: int, placement: Placement) -> tuple[I64, I64]:
    """Return how many of the best `keep` are among what each part gives, and where those of (query, stage) begin.

    For stages that feed `exact` only; elsewhere nobody asks.
    """
    hits: list[I64] = []
    hits_at, filled = work.hits_at.copy(), 0
    for depth, stage in enumerate(plan.stages):
        if stage.feed != "exact" or len(work.which) == 0:
            continue
        first = work.at[work.which, depth]
        count = work.at[work.which, depth + 1] - first
        begins = np.concatenate([[0], np.cumsum(count)])
        row = np.repeat(first - begins[:-1], count) + np.arange(begins[-1])
        size, gives, best = work.table[row, 0], work.table[row, 1], work.totals[work.which, depth + 1]
        found = placement(stream(seed, "placement", depth), size, begins, best)
        if np.any(found < 0) or np.any(found > size) or np.any(np.add.reduceat(found, begins[:-1]) != best):
            raise BadInputError(
                f"stages.{depth}.feed: the placement does not find every query's best candidates in its slices",
                hint="it must find no more in a slice than its size, and all of them together",
            )
        hits.append(np.minimum(found, gives))
        hits_at[:, depth] = filled + begins[:-1]
        filled += len(size)
    return np.concatenate(hits) if hits else work.hits, hits_at


def early_loads(plan: Plan, work: Early) -> Loads:
    """Return the most that a trace may ask of each stage of `plan`.

    After a stage that feeds `exact` that is what its slices give, and as many candidates again.
    """
    found = []
    for depth, stage in enumerate(plan.stages):
        total = work.totals[:, depth]
        away = total >= (stage.offload_at or np.iinfo(np.int64).max)
        slices = work.at[:, depth + 1] - work.at[:, depth]
        if depth and plan.stages[depth - 1].feed == "exact":
            slices = slices + np.where(away, 1, -(-total // stage.batch_size))
        largest = min(int(total[~away].max(initial=0)), stage.batch_size)
        count = np.bincount(work.which, minlength=len(total))
        found.append(StageLoad(int((slices * count).sum()), largest, int(total[away].max(initial=0))))
    return found
