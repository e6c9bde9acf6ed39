"""Accesses with a given distribution of LRU stack distances: locality in time, as caches see it."""

import math
from collections.abc import Callable
from functools import cache, lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config
from tailrank.workload import text
from tailrank.workload.scatter import scatter

__all__ = ["StackDistance"]

I64 = NDArray[np.int64]

FARTHEST = 1 << 40


class StackDistance(Config, frozen=True, kw_only=True, tag_field="kind", tag="stack-distance"):
    """Each access reuses the row at a random depth of the LRU stack, or touches a row not used before.

    Distance d counts the distinct rows since the row's last use, itself included: 1 is the same row again, and
    an LRU cache of C rows hits exactly when d <= C. A share `new` of the accesses has no earlier use; the
    others' distances are exponential with mean `mean_distance`. `path` names a histogram of
    `distance,count` instead, distance 0 for new. The stack starts full: the hit rate holds from the first
    access on. When every row has been used, "new" takes the row unused for longest. Source: the stack
    distance model of DLRM's trace generator (Hassan et al. 2007).
    """

    new: float = 0.3
    mean_distance: float = 1000.0
    path: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.new <= 1:
            raise BadInputError(f"new is a share between 0 and 1, not {self.new:g}", hint="0.3 is usual")
        if not (self.mean_distance >= 1 and math.isfinite(self.mean_distance)):
            raise BadInputError(
                f"mean_distance must be at least 1 row, not {self.mean_distance:g}", hint="1000 is a strong locality"
            )

    def draw(self, rows: int, count: int, rng: np.random.Generator) -> I64:
        """Return row numbers in [0, rows), shape (count,), in order of access."""
        distance = np.minimum(self.distances(count, rng), rows)
        return scatter(_walk()(distance, rows), rows)

    def distances(self, count: int, rng: np.random.Generator) -> I64:
        """Return stack distances, 0 for new, shape (count,)."""
        if self.path is not None:
            values, upto = _histogram(self.path, text.version(self.path))
            return values[np.searchsorted(upto, rng.random(count), side="right")]
        fresh = rng.random(count) < self.new
        ahead = np.ceil(rng.standard_exponential(count) * self.mean_distance)
        return np.where(fresh, 0, np.maximum(ahead, 1)).astype(np.int64)

    def describe(self) -> str:
        """One line for a report."""
        if self.path is not None:
            return f"accesses with the stack distances in {self.path}"
        return f"stack-distance accesses, {100 * self.new:g} % new, mean distance {self.mean_distance:g}"


@cache
def _walk() -> Callable[[I64, int], I64]:
    """Return the compiled kernel; compiling waits for the first use."""
    import numba

    return cast("Callable[[I64, int], I64]", numba.njit(_walk_plain))


def _walk_plain(distance: I64, rows: int) -> I64:
    """Turn stack distances into row ranks in [0, rows), both of shape (count,).

    `slot` t holds the row accessed at time t while that is its latest access. A Fenwick tree over the slots
    counts the occupied ones, so the d-th latest is found by descent in O(log n).
    """
    count = len(distance)
    warm = 0
    for each in distance:
        warm = max(warm, each)
    slots = warm + count
    slot = np.empty(slots + 1, dtype=np.int64)
    tree = np.zeros(slots + 1, dtype=np.int64)
    top = 1
    while top * 2 <= slots:
        top *= 2
    for place in range(1, warm + 1):  # the stack starts full, so every distance has its row
        slot[place] = warm - place
        tree[place] += 1
    for place in range(1, slots + 1):
        up = place + (place & -place)
        if up <= slots:
            tree[up] += tree[place]
    used = warm
    out = np.empty(count, dtype=np.int64)
    for time in range(count):
        place = 0
        if distance[time] == 0 and used < rows:
            row = used
            used += 1
        else:
            depth = distance[time] if distance[time] > 0 else used
            before = used - depth  # occupied slots older than the one wanted
            step = top
            while step > 0:
                if place + step <= slots and tree[place + step] <= before:
                    place += step
                    before -= tree[place]
                step //= 2
            place += 1
            row = slot[place]
            while place <= slots:
                tree[place] -= 1
                place += place & -place
        out[time] = row
        place = warm + time + 1
        slot[place] = row
        while place <= slots:
            tree[place] += 1
            place += place & -place
    return out


@lru_cache(maxsize=4)
def _histogram(path: str, version: tuple[int, int]) -> tuple[I64, NDArray[np.float64]]:  # noqa: ARG001 - new version, new entry
    """Return the distances in the file and their cumulative probabilities."""
    lines = text.read_text(path).strip().splitlines()
    named = bool(lines) and any(letter.isalpha() for letter in lines[0])
    values = text.numbers("\n".join(lines[named:]), path)
    if any(len(line.replace(",", " ").split()) != 2 for line in lines[named:]):
        raise BadInputError(f"{path}: a histogram has two columns", hint="give `distance,count` lines, distance 0: new")
    distances, counts = values[::2], values[1::2]
    if np.any(distances != np.rint(distances)) or distances.min() < 0 or distances.max() > FARTHEST:
        raise BadInputError(f"{path}: distances must be whole and not negative", hint="distance 0 counts new rows")
    if np.any(counts < 0) or not counts.sum() > 0:
        raise BadInputError(f"{path}: counts must not be negative or all zero", hint="give `distance,count` lines")
    upto = np.cumsum(counts[counts > 0]) / counts.sum()
    upto[-1] = 1.0
    return distances[counts > 0].astype(np.int64), upto
