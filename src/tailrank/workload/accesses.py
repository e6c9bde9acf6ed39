"""Embedding accesses: which rows of a table are looked up.

Each kind has `draw(rows, count, rng)`: int64 row numbers in [0, rows), shape (count,), in order of access. Draw
all the accesses of a table in one call: locality in time lives within a call.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config
from tailrank.workload import text
from tailrank.workload.scatter import scatter

__all__ = ["ReplayAccess", "Uniform", "Zipf"]

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]


class Uniform(Config, frozen=True, kw_only=True, tag_field="kind", tag="uniform"):
    """Every row is equally likely: no locality at all, the worst case for a cache."""

    def draw(self, rows: int, count: int, rng: np.random.Generator) -> I64:
        """See the head of this module."""
        return rng.integers(rows, size=count, dtype=np.int64)

    def describe(self) -> str:
        """One line for a report."""
        return "uniform accesses"


class Zipf(Config, frozen=True, kw_only=True, tag_field="kind", tag="zipf"):
    """The k-th most popular row is looked up in proportion to `k ** -exponent`, independently each time.

    Exact for any number of rows without memory of their size, by rejection-inversion (Hoermann and
    Derflinger, 1996). Ranks are scattered over the table by a fixed shuffle.
    """

    exponent: float = 1.05

    def __post_init__(self) -> None:
        if not 0 < self.exponent <= 20:
            raise BadInputError(
                f"exponent must lie above 0 and at most at 20, not {self.exponent:g}", hint="about 1 is usual"
            )

    def draw(self, rows: int, count: int, rng: np.random.Generator) -> I64:
        """See the head of this module."""
        return scatter(self.ranks(rows, count, rng), rows)

    def ranks(self, rows: int, count: int, rng: np.random.Generator) -> I64:
        """Return ranks of popularity, 0 the most popular, shape (count,)."""
        low, high = self._area(np.array([1.5, rows + 0.5]))
        low -= 1.0  # the first bar reaches down to its own height, which is 1
        accept = 2 - self._place(self._area(np.array([2.5])) - 2.0**-self.exponent)[0]
        found = np.empty(count, dtype=np.int64)
        done = 0
        while done < count:
            area = high + rng.random(count - done) * (low - high)
            place = self._place(area)
            rank = np.clip(np.rint(place), 1, rows)
            kept = rank[(rank - place <= accept) | (area >= self._area(rank + 0.5) - rank**-self.exponent)]
            found[done : done + len(kept)] = kept
            done += len(kept)
        return found - 1

    def _area(self, x: F64) -> F64:
        """Integral of t ** -exponent from 1 to x."""
        log, steep = np.log(x), 1 - self.exponent
        area: F64 = log if steep == 0 else np.expm1(steep * log) / steep
        return area

    def _place(self, area: F64) -> F64:
        """Inverse of `_area`."""
        steep = 1 - self.exponent
        place: F64 = np.exp(area if steep == 0 else np.log1p(np.maximum(steep * area, -1 + 1e-16)) / steep)
        return place

    def describe(self) -> str:
        """One line for a report."""
        return f"Zipf accesses, exponent {self.exponent:g}"


class ReplayAccess(Config, frozen=True, kw_only=True, tag_field="kind", tag="replay"):
    """Keys of a recorded trace (big-endian integers of `width_bytes`, plain or packed) mapped onto the rows.

    Each draw is a window of the trace that begins at a random place and goes on at the beginning when the end
    is reached. Distinct keys get distinct rows while there are enough; beyond that they share.
    """

    path: str
    width_bytes: Literal[4, 8] = 8

    def draw(self, rows: int, count: int, rng: np.random.Generator) -> I64:
        """See the head of this module."""
        keys, distinct = _keys(self.path, self.width_bytes, text.version(self.path))
        window = keys[(rng.integers(len(keys)) + np.arange(count)) % len(keys)]
        return scatter(window % rows if distinct > rows else window, rows)

    def describe(self) -> str:
        """One line for a report."""
        return f"replay of the accesses in {self.path}"


@lru_cache(maxsize=2)
def _keys(path: str, width_bytes: int, version: tuple[int, int]) -> tuple[I64, int]:  # noqa: ARG001 - new version, new entry
    """Return the trace as numbers from 0 and how many are distinct."""
    data = text.read_bytes(path)
    if len(data) == 0 or len(data) % width_bytes:
        raise BadInputError(
            f"{path}: {len(data)} bytes are not a whole number of {width_bytes}-byte keys",
            hint=f"try width_bytes = {12 - width_bytes}",
        )
    distinct, keys = np.unique(np.frombuffer(data, dtype=f">i{width_bytes}"), return_inverse=True)
    return keys.astype(np.int64), len(distinct)
