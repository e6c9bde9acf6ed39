"""Profiling: service times taken from the engine itself, on the path that serves queries.

Each round serves every batch size in a shuffled order, once with a single worker and once with all workers
busy: contention is measured, not assumed.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Plan, Pool, Records, Stage, Trace, stream
from tailrank.engine.engine import Engine
from tailrank.timing import Point, Profile

__all__ = ["GRID", "measure_profile"]

FlatOut = Callable[[NDArray[np.int64], int], Records]
# Powers of two, sizes just off them, and some in between: libraries favour round sizes (they pad, or choose another
# kernel), plans cut queries into round batches, and what is left over is anything.
GRID = (
    *(1, 2, 3, 4, 6, 8, 12, 16, 20, 28, 32, 36, 44, 60, 64, 68, 92, 124, 128, 132, 188, 252, 256, 264),
    *(376, 504, 512, 528, 752, 1000, 1024),
)
MAX_REPEATS = 32  # samples of one size in one round, at most


def measure_profile(
    engine: Engine,
    model: str,
    *,
    workers: int,
    budget_s: float,
    device: str = "cpu",
    rounds: int = 4,
    seed: int = 0,
    sizes: Sequence[int] = GRID,
    like: Profile | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Profile:
    """Measure `model` on `device` in `rounds` rounds within about `budget_s`; leave out sizes beyond the prepared rows.

    Short batches are repeated more often than long ones, so that each size gets a like share of time; `like` says how
    long they take, or a first look at each does.
    """
    usable = [n for n in sizes if n <= engine.scorers[model if device == "cpu" else (model, device)].rows]
    take = partial(_round, partial(_flat_out, engine, model, device), model, usable, workers=workers)
    first = like if like is not None else take(repeats=[1] * len(usable), seed=seed)
    repeats = _repeats(first, usable, budget_s / rounds)
    profile: Profile | None = None
    for number in range(rounds):
        progress(f"profile: round {number + 1} of {rounds}")
        taken = take(repeats=repeats, seed=seed + 1 + number)
        profile = taken if profile is None else profile.merged(taken)
    assert profile is not None
    return profile


def _repeats(first: Profile, sizes: Sequence[int], budget_s: float) -> list[int]:
    """Share a round's time out: at least one of each size, at most `MAX_REPEATS`."""
    cost_ns = dict.fromkeys(sizes, 0.0)
    for point in first.points:
        if point.items in cost_ns:
            cost_ns[point.items] += float(point.clipped_ns().mean())
    share_ns = budget_s * 1e9 / len(sizes)
    return [int(np.clip(share_ns / max(cost_ns[n], 1.0), 1, MAX_REPEATS)) for n in sizes]


def _round(
    flat_out: FlatOut, model: str, sizes: Sequence[int], *, workers: int, repeats: Sequence[int], seed: int
) -> Profile:
    points = []
    for busy in sorted({1, workers}):
        order = np.repeat(np.asarray(sizes), np.asarray(repeats) * busy)
        stream(seed, "profile", busy).shuffle(order)
        warm = np.full(2 * busy, sizes[len(sizes) // 2])
        records = flat_out(np.concatenate([warm, order]), busy)
        points += _points(records, skip=len(warm), busy=busy)
    return Profile(network=model, points=tuple(points))


def _flat_out(engine: Engine, model: str, device: str, order: NDArray[np.int64], workers: int) -> Records:
    """Serve batches of the sizes in `order`, all due at once: every worker is busy until the end."""
    pool = Pool(workers=workers, device=device)
    plan = Plan(stages=(Stage(model=model, batch_size=int(order.max())),), pools={"cpu": pool})
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
