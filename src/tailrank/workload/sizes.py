"""Query sizes: how many candidates a query asks for.

Each kind is an exact law over whole sizes from 1 to `max_size`, out of which sizes are drawn by inversion, one
random number a query. `draw(queries, rng)`, `mean_items()` and `probabilities()` are the same for all.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config
from tailrank.workload import text

__all__ = ["Empirical", "Fixed", "LogNormal", "MLPerf", "Normal", "Production", "SizeLaw"]

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

LARGEST = 1_000_000
MLPERF = (100,) * 2 + (200,) * 12 + (300,) * 2 + (400, 500, 600, 700)


class SizeLaw(Config, frozen=True, kw_only=True, tag_field="kind"):
    """A law of query sizes. Abstract: a kind says its `max_size` and its `probabilities`."""

    def probabilities(self) -> F64:
        """Return the probability of each size, shape (max_size + 1,); size 0 has none."""
        raise NotImplementedError

    def describe(self) -> str:
        """One line for a report."""
        raise NotImplementedError

    def draw(self, queries: int, rng: np.random.Generator) -> I64:
        """Return independent sizes, shape (queries,)."""
        upto = _cumulative(self, _version(self))
        return np.searchsorted(upto, rng.random(queries), side="right").astype(np.int64)

    def mean_items(self) -> float:
        """Mean size."""
        chances = self.probabilities()
        return float(chances @ np.arange(len(chances)))


class Fixed(SizeLaw, frozen=True, kw_only=True, tag="fixed"):
    """Every query has `size` candidates."""

    size: int = 100

    def __post_init__(self) -> None:
        _check_max("size", self.size)

    @property
    def max_size(self) -> int:
        """The only size."""
        return self.size

    def probabilities(self) -> F64:
        """See `SizeLaw`."""
        return _counted(np.array([self.size]), np.ones(1), self.size)

    def describe(self) -> str:
        """One line for a report."""
        return f"{self.size} candidates each"


class LogNormal(SizeLaw, frozen=True, kw_only=True, tag="lognormal"):
    """Lognormal sizes, rounded and clamped to 1 to `max_size`; the defaults are DeepRecSys' scripts'."""

    mu: float = 5.1
    sigma: float = 0.2
    max_size: int = 1000

    def __post_init__(self) -> None:
        _check_max("max_size", self.max_size)
        _check_spread("sigma", self.sigma, self.mu)

    def probabilities(self) -> F64:
        """See `SizeLaw`."""
        edges: F64 = np.log(np.arange(1, self.max_size) + 0.5)
        return _between(edges, self.mu, self.sigma)

    def describe(self) -> str:
        """One line for a report."""
        return f"lognormal sizes, mu {self.mu:g}, sigma {self.sigma:g}, at most {self.max_size}"


class Normal(SizeLaw, frozen=True, kw_only=True, tag="normal"):
    """Normal sizes, rounded and clamped to 1 to `max_size`; the defaults are DeepRecSys' scripts'."""

    mean: float = 165.0
    sd: float = 16.0
    max_size: int = 1000

    def __post_init__(self) -> None:
        _check_max("max_size", self.max_size)
        _check_spread("sd", self.sd, self.mean)

    def probabilities(self) -> F64:
        """See `SizeLaw`."""
        return _between(np.arange(1.5, self.max_size), self.mean, self.sd)

    def describe(self) -> str:
        """One line for a report."""
        return f"normal sizes, mean {self.mean:g}, sd {self.sd:g}, at most {self.max_size}"


class Production(SizeLaw, frozen=True, kw_only=True, tag="production"):
    """A heavy tail like a production ranking service's: the top quarter of the queries carries half the items.

    8 % uniform over 1 to 99, 22 % over 200 to 599, 5 % over 600 to 999, and 65 % lognormal(5.1, 0.2) within 100 to
    200, whose strays go to 190 to 199. Clamped to `max_size`. Source: the sampler of Kairos (HPDC 2023), made to
    replay the sizes of DeepRecSys, whose own are not public.
    """

    max_size: int = 1000

    def __post_init__(self) -> None:
        _check_max("max_size", self.max_size)

    def probabilities(self) -> F64:
        """See `SizeLaw`."""
        chances = np.zeros(1000)
        chances[1:100] += 0.08 / 99
        chances[200:600] += 0.22 / 400
        chances[600:1000] += 0.05 / 400
        body = _between(np.log(np.arange(1, 1000) + 0.5), 5.1, 0.2)[100:201]
        chances[100:201] += 0.65 * body
        chances[190:200] += 0.65 * (1 - body.sum()) / 10
        return _counted(np.arange(1000), chances, self.max_size)

    def describe(self) -> str:
        """One line for a report."""
        return f"production-like heavy-tailed sizes, at most {self.max_size}"


class MLPerf(SizeLaw, frozen=True, kw_only=True, tag="mlperf"):
    """The sizes of MLPerf's DLRM benchmark: 20 equal quantiles from 100 to 700 candidates, mean 270."""

    @property
    def max_size(self) -> int:
        """The largest quantile."""
        return max(MLPERF)

    def probabilities(self) -> F64:
        """See `SizeLaw`."""
        return _counted(np.array(MLPERF), np.ones(len(MLPERF)), self.max_size)

    def describe(self) -> str:
        """One line for a report."""
        return "MLPerf DLRM sizes, 100 to 700"


class Empirical(SizeLaw, frozen=True, kw_only=True, tag="empirical"):
    """Sizes from a file: numbers that are equally likely, or a histogram.

    A histogram has a header and two columns, size and count. Sizes above `clamp` count as `clamp`.
    """

    path: str
    clamp: int | None = None

    def __post_init__(self) -> None:
        if self.clamp is not None:
            _check_max("clamp", self.clamp)

    @property
    def max_size(self) -> int:
        """The largest size in the file, or `clamp` if that is less."""
        largest = int(_histogram(self.path, text.version(self.path))[0].max())
        return largest if self.clamp is None else min(largest, self.clamp)

    def probabilities(self) -> F64:
        """See `SizeLaw`."""
        sizes, counts = _histogram(self.path, text.version(self.path))
        return _counted(sizes, counts, self.max_size)

    def describe(self) -> str:
        """One line for a report."""
        return f"sizes from {self.path}"


@lru_cache(maxsize=8)
def _cumulative(law: SizeLaw, version: tuple[int, int]) -> F64:  # noqa: ARG001 - a new version is a new entry
    chances = law.probabilities()
    upto = np.cumsum(chances)
    upto[np.flatnonzero(chances)[-1] :] = 1.0  # rounding must not leave a gap above the largest size
    return upto


def _version(law: SizeLaw) -> tuple[int, int]:
    return text.version(law.path) if isinstance(law, Empirical) else (0, 0)


def _counted(sizes: I64, counts: F64, max_size: int) -> F64:
    chances = np.bincount(np.minimum(sizes, max_size), weights=counts, minlength=max_size + 1)
    share: F64 = chances / chances.sum()
    return share


def _between(edges: F64, mean: float, sd: float) -> F64:
    """Return the normal law's mass below, between and above `edges`, behind a zero for size 0."""
    upto = [0.5 * math.erfc((mean - edge) / (sd * math.sqrt(2))) for edge in edges.tolist()]
    return np.diff(np.concatenate(([0.0, 0.0], upto, [1.0])))


@lru_cache(maxsize=8)
def _histogram(path: str, version: tuple[int, int]) -> tuple[I64, F64]:  # noqa: ARG001 - a new version is a new entry
    """Return the sizes in the file and how often each counts."""
    lines = text.read_text(path).strip().splitlines()
    named = bool(lines) and any(letter.isalpha() for letter in lines[0])
    widths = {len(line.replace(",", " ").split()) for line in lines[named:]}
    values = text.numbers("\n".join(lines[named:]), path)
    if named and widths == {2}:
        sizes, counts = values[::2], values[1::2]
    elif widths == {2} and len(lines) > 1:
        raise BadInputError(f"{path}: two columns without names", hint="put a header `size,count` above a histogram")
    else:
        sizes, counts = values, np.ones(len(values))
    if np.any(sizes != np.rint(sizes)) or sizes.min() < 1 or sizes.max() > LARGEST:
        raise BadInputError(f"{path}: sizes must be whole, from 1 to {LARGEST}", hint="drop empty queries")
    if np.any(counts < 0) or not counts.sum() > 0:
        raise BadInputError(f"{path}: counts must not be negative or all zero", hint="give `size,count` lines")
    return sizes.astype(np.int64), counts


def _check_max(name: str, value: int) -> None:
    if not 1 <= value <= LARGEST:
        raise BadInputError(f"{name} must lie between 1 and {LARGEST}, not {value}", hint="1000 is usual")


def _check_spread(name: str, spread: float, centre: float) -> None:
    if not (spread > 0 and math.isfinite(spread) and math.isfinite(centre)):
        raise BadInputError(f"{name} must be a finite number above zero, not {spread:g}", hint="or use kind = fixed")
