"""Arrivals: when queries come. Every kind is open loop and fixed before the clock starts.

Each kind has `draw(queries, qps, rng)`: int64 nanoseconds from the start, shape (queries,), never decreasing,
with mean rate `qps`. The random numbers used do not depend on `qps` (save for `paper`): at twice the rate the same
trace passes in half the time (save for a `period_s`), so a search over the load compares like with like.
"""

import math
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config
from tailrank.workload import text
from tailrank.workload.intensity import invert

__all__ = ["Bursty", "Diurnal", "Paper", "Poisson", "to_ns"]

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

DAY_STEPS = 1440


def to_ns(times_s: F64) -> I64:
    """Return `times_s` as whole nanoseconds; raises `BadInputError` beyond the clock's 292 years."""
    if len(times_s) and not times_s[-1] < 9.2e9:
        raise BadInputError(
            f"the trace would last {times_s[-1]:.3g} s, more than the clock holds",
            hint="ask for fewer queries or a higher rate",
        )
    return np.rint(times_s * 1e9).astype(np.int64)


class Poisson(Config, frozen=True, kw_only=True, tag_field="kind", tag="poisson"):
    """A Poisson process: exponential gaps, coefficient of variation 1 at every rate."""

    def draw(self, queries: int, qps: float, rng: np.random.Generator) -> I64:
        """See the head of this module."""
        return to_ns(np.cumsum(rng.standard_exponential(queries)) / qps)

    def describe(self) -> str:
        """One line for a report."""
        return "Poisson arrivals"


class Diurnal(Config, frozen=True, kw_only=True, tag_field="kind", tag="diurnal"):
    """A Poisson process whose rate follows the day, by exact inversion.

    The built-in day starts at its mean, rises to `peak` times that (1 to 2) after a quarter and is quietest after
    three, as a sine in minute steps. `path` names a file of relative rates instead, each for an equal share of the
    period. A period lasts `period_s`; without it the whole trace is one period. `qps` is the mean over whole
    periods: a trace far shorter than one sees only its beginning.
    """

    peak: float = 1.6
    period_s: float | None = None
    path: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.peak <= 2:
            raise BadInputError(
                f"peak must lie between 1 and 2 times the mean, not {self.peak:g}",
                hint="give a file of relative rates as `path` for a sharper day",
            )
        if self.period_s is not None and not (self.period_s > 0 and math.isfinite(self.period_s)):
            raise BadInputError(
                f"period_s must be above zero, not {self.period_s:g}", hint="86400 is a day; leave out for one period"
            )

    def draw(self, queries: int, qps: float, rng: np.random.Generator) -> I64:
        """See the head of this module."""
        unit = np.cumsum(rng.standard_exponential(queries))
        each = queries if self.period_s is None else self.period_s * qps  # mean queries in a period
        day, rest = np.divmod(unit / each, 1.0)
        curve = self.curve()
        edges = np.linspace(0.0, 1.0, len(curve) + 1)
        times = (day + invert(rest, edges, curve)) * each / qps
        return to_ns(np.maximum.accumulate(times))  # rounding at a period's end must not step back

    def curve(self) -> F64:
        """Return the relative rates of one period, with mean 1."""
        if self.path is not None:
            return _rates(self.path, text.version(self.path))
        middle = (np.arange(DAY_STEPS) + 0.5) / DAY_STEPS
        curve: F64 = 1 + (self.peak - 1) * np.sin(2 * np.pi * middle)
        mean: float = curve.mean()
        return curve / mean

    def describe(self) -> str:
        """One line for a report."""
        period = "over the whole trace" if self.period_s is None else f"every {self.period_s:g} s"
        return f"diurnal Poisson arrivals, peak {self.curve().max():.3g} times the mean, {period}"


class Bursty(Config, frozen=True, kw_only=True, tag_field="kind", tag="bursty"):
    """Arrivals whose gaps have a coefficient of variation of `cv`, above 1 for bursts.

    `model="gamma"`: independent Gamma gaps. `model="mmpp"`: a Markov-modulated Poisson process that moves
    between a fast and a slow rate and stays in each for `dwell` queries' worth of time on average, so bursts
    last; needs 1 <= cv**2 <= 1 + dwell. Its rates follow from the stationary interval's second moment
    (Heffes and Lucantoni, 1986).
    """

    cv: float = 4.0
    model: Literal["gamma", "mmpp"] = "gamma"
    dwell: float = 100.0

    def __post_init__(self) -> None:
        if not (self.cv > 0 and math.isfinite(self.cv)):
            raise BadInputError(f"cv must be above zero, not {self.cv:g}", hint="1 is Poisson, 4 is bursty")
        if not (self.dwell > 0 and math.isfinite(self.dwell)):
            raise BadInputError(f"dwell must be above zero, not {self.dwell:g}", hint="give a mean number of queries")
        if self.model not in ("gamma", "mmpp"):
            raise BadInputError(f"unknown model `{self.model}`", hint="known: gamma, mmpp")
        if self.model == "mmpp" and not (self.cv >= 1 and self.swing <= 1):
            raise BadInputError(
                f"an mmpp that dwells for {self.dwell:g} queries has a cv from 1 to {math.sqrt(1 + self.dwell):.3g},"
                f" not {self.cv:g}",
                hint="raise dwell, or use model = gamma",
            )

    @property
    def swing(self) -> float:
        """How far the two rates of the mmpp lie from their mean, as a share of it."""
        squared = self.cv**2
        return math.sqrt(max((squared - 1) * (1 + 2 / self.dwell) / (squared + 1), 0.0))

    def draw(self, queries: int, qps: float, rng: np.random.Generator) -> I64:
        """See the head of this module."""
        if self.model == "gamma":
            return to_ns(np.cumsum(rng.gamma(self.cv**-2, self.cv**2, queries)) / qps)
        unit = np.cumsum(rng.standard_exponential(queries))
        high = rng.random() < 0.5
        stays, reached = [np.zeros(0)], 0.0
        while reached <= unit[-1]:  # an even count each time, so the two rates keep taking turns
            stays.append(rng.exponential(self.dwell, 2 * (int(queries / self.dwell) // 2 + 8)))
            rates = self._rates(high, sum(map(len, stays)))
            reached = float(rates @ np.concatenate(stays))
        edges = np.concatenate(([0.0], np.cumsum(np.concatenate(stays))))
        return to_ns(invert(unit, edges, rates) / qps)

    def _rates(self, high: bool, count: int) -> F64:
        turn = 1.0 if high else -1.0
        rates: F64 = 1 + self.swing * np.where(np.arange(count) % 2 == 0, turn, -turn)
        return np.maximum(rates, 0.0)

    def describe(self) -> str:
        """One line for a report."""
        return f"bursty arrivals ({self.model}), gap cv {self.cv:g}"


class Paper(Config, frozen=True, kw_only=True, tag_field="kind", tag="paper"):
    """NOT a Poisson process, for comparison only: the public artifacts' gaps, whole milliseconds.

    Each gap is a Poisson *count* of mean `1000 / qps`, taken as milliseconds (both DeepRecSys' and RecPipe's load
    generators). Its coefficient of variation is `1 / sqrt(mean gap in ms)`, so tails come out too short.
    """

    def draw(self, queries: int, qps: float, rng: np.random.Generator) -> I64:
        """See the head of this module; unlike the other kinds, the draws depend on `qps`."""
        gaps_ms = rng.poisson(1e3 / qps, queries)
        return np.cumsum(gaps_ms.astype(np.int64)) * 1_000_000

    def describe(self) -> str:
        """One line for a report."""
        return "the artifacts' integer-millisecond gaps (not Poisson; for comparison only)"


@lru_cache(maxsize=4)
def _rates(path: str, version: tuple[int, int]) -> F64:  # noqa: ARG001 - a new version is a new entry
    rates = text.numbers(text.read_text(path), path)
    if np.any(rates < 0) or not rates.sum() > 0:
        raise BadInputError(f"{path}: rates must not be negative or all zero", hint="give relative rates, one a line")
    mean: float = rates.mean()
    return rates / mean
