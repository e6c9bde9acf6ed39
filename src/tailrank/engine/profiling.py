"""Profiling: service times and overheads taken from the engine itself, on the path that serves queries.

Each round serves every batch size in a shuffled order, once with a single worker and once with all workers
busy: contention is measured, not assumed.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Pool, Records, Stage, Trace, stream
from tailrank.engine.engine import Engine
from tailrank.timing import Overheads, Point, Profile

__all__ = ["GRID", "measure_overheads", "measure_profile"]

# Powers of two, sizes just off them, and some in between: libraries favour round sizes (they pad, or choose another
# kernel), plans cut queries into round batches, and what is left over is anything.
GRID = (1, 2, 3, 4, 6, 8, 12, 16, 20, 28, 32, 36, 44, 60, 64, 68, 92, 124, 128, 132, 188, 252, 256, 264) + (
    376, 504, 512, 528, 752, 1000, 1024,
)  # fmt: skip
MAX_REPEATS = 32  # samples of one size in one round, at most


def measure_profile(
    engine: Engine,
    model: str,
    *,
    workers: int,
    budget_s: float,
    rounds: int = 4,
    seed: int = 0,
    sizes: Sequence[int] = GRID,
    progress: Callable[[str], None] = lambda _: None,
) -> Profile:
    """Measure `model` in `rounds` rounds within about `budget_s`; sizes beyond the prepared rows are left out.

    Short batches are repeated more often than long ones, so that each size gets a like share of time.
    """
    usable = [n for n in sizes if n <= engine.scorers[model].rows]
    first = _round(engine, model, usable, [1] * len(usable), workers, seed)
    repeats = _repeats(first, usable, budget_s / rounds)
    profile: Profile | None = None
    for number in range(rounds):
        progress(f"profile: round {number + 1} of {rounds}")
        taken = _round(engine, model, usable, repeats, workers, seed + 1 + number)
        profile = taken if profile is None else profile.merged(taken)
    assert profile is not None
    return profile


def _repeats(first: Profile, sizes: Sequence[int], budget_s: float) -> list[int]:
    """Share a round's time out: at least 2 of each size, at most `MAX_REPEATS`."""
    cost_ns = {p.items: 0.0 for p in first.points}
    for point in first.points:
        cost_ns[point.items] += float(np.mean(point.samples_ns))
    share_ns = budget_s * 1e9 / len(sizes)
    return [int(np.clip(share_ns / cost_ns[n], 2, MAX_REPEATS)) for n in sizes]


def _round(
    engine: Engine, model: str, sizes: Sequence[int], repeats: Sequence[int], workers: int, seed: int
) -> Profile:
    points = []
    for busy in sorted({1, workers}):
        order = np.repeat(np.asarray(sizes), np.asarray(repeats) * busy)
        stream(seed, "profile", busy).shuffle(order)
        warm = np.full(2 * busy, sizes[len(sizes) // 2])
        records = _flat_out(engine, model, np.concatenate([warm, order]), busy)
        points += _points(records, skip=len(warm), busy=busy)
    return Profile(network=model, points=tuple(points))


def _flat_out(engine: Engine, model: str, order: NDArray[np.int64], workers: int) -> Records:
    """Serve batches of the sizes in `order`, all due at once: every worker is busy until the end."""
    plan = Plan(stages=(Stage(model=model, batch_size=int(order.max())),), pools={"cpu": Pool(workers=workers)})
    return engine.serve(Trace(np.zeros(len(order), dtype=np.int64), order), plan)


def _points(records: Records, *, skip: int, busy: int) -> list[Point]:
    """Group service times by size; the last batches, when workers fall idle, are left out where others are."""
    slices = records.slices
    end_ns = slices.finish_ns.max() if busy == 1 else np.sort(slices.start_ns)[-1]
    keep = (slices.query >= skip) & (slices.finish_ns <= end_ns)
    points = []
    for items in np.unique(slices.size).tolist():
        chosen = keep & (slices.size == items)
        samples = slices.service_ns[chosen if chosen.any() else slices.size == items]
        points.append(Point(items=items, busy=busy, samples_ns=tuple(samples.tolist())))
    return points


def measure_overheads(records: Sequence[Records], *, cores: int) -> Overheads:
    """Read the engine's fixed costs off `records` of runs that kept up with their load.

    Timer lateness, wake-up and merge are medians; the dispatcher's cost of a slice is the median time between
    queueing neighbours, and of a query its processor time less that of its slices.
    """
    timer, wakeup, handoff, merge, per_slice = [], [], [], [], []
    cpu_ns = queries = slices = 0.0
    for run in records:
        timer.append(run.lag_ns[run.dispatch_ns >= 0])
        idle, gap = _starts(run)
        wakeup.append(idle)
        handoff.append(gap)
        merge.append(_merges(run))
        per_slice.append(_between(run))
        cpu_ns += run.meta["dispatcher_cpu_ns"]
        queries += len(run)
        slices += len(run.slices)
    slice_ns = _median(per_slice)
    return Overheads(
        timer_ns=_median(timer),
        query_ns=max(0, round((cpu_ns - slice_ns * slices) / max(queries, 1))),
        slice_ns=slice_ns,
        wakeup_ns=_median(wakeup),
        handoff_ns=_median(handoff),
        merge_ns=_median(merge),
        cores=cores,
    )


def _median(parts: Sequence[NDArray[np.int64]]) -> int:
    whole = np.concatenate(parts) if parts else np.empty(0)
    return max(0, round(float(np.median(whole)))) if len(whole) else 0


def _starts(run: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (queued to start where the worker was idle, last finish to start where work was waiting)."""
    wakes, gaps = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    rows = run.slices
    for key in np.unique(rows.pool * 4096 + rows.worker).tolist():
        mine = np.flatnonzero(rows.pool * 4096 + rows.worker == key)
        mine = mine[np.argsort(rows.start_ns[mine])]
        before = np.concatenate([[-1], rows.finish_ns[mine][:-1]])
        idle = rows.queued_ns[mine] > before
        wakes.append((rows.start_ns[mine] - rows.queued_ns[mine])[idle])
        gaps.append((rows.start_ns[mine] - before)[~idle])
    return np.concatenate(wakes), np.concatenate(gaps)


def _merges(run: Records) -> NDArray[np.int64]:
    last = np.full(len(run), -1, dtype=np.int64)
    np.maximum.at(last, run.slices.query, run.slices.finish_ns)
    done = run.ok & (last >= 0)
    merges: NDArray[np.int64] = (run.finish_ns - last)[done]
    return merges


def _between(run: Records) -> NDArray[np.int64]:
    rows = run.slices
    order = np.lexsort((rows.first, rows.stage, rows.query))
    same = (np.diff(rows.query[order]) == 0) & (np.diff(rows.stage[order]) == 0)
    between: NDArray[np.int64] = np.diff(rows.queued_ns[order])[same]
    return between
