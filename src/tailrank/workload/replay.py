"""Replay of real arrivals: timestamps or per-second counts from a file, time-warped to the offered load."""

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config
from tailrank.workload import text
from tailrank.workload.arrivals import to_ns

__all__ = ["Replay"]

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

DAY_S = 86400.0
STAMP = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
COLUMNS = ("timestamp", "time", "arrival", "arrived_at", "arrival_s", "seconds")


class Replay(Config, frozen=True, kw_only=True, tag_field="kind", tag="replay"):
    """The first queries of a recorded trace, stretched in time so that their mean rate is the offered load.

    `path` holds either per-second counts (any archive: .tbz2, .tar.gz) or arrival times: a CSV with a column
    called timestamp (dates or seconds), or plain seconds; `holds` overrides the guess. `day` picks one day,
    counted from 0; `start_s` and `stop_s` cut within it (or within the file). Counts are spread uniformly at
    random within their second. The trace begins with its first query; `repeat` starts over at the end.
    """

    path: str
    holds: Literal["auto", "counts", "times"] = "auto"
    day: int | None = None
    start_s: float = 0.0
    stop_s: float | None = None
    repeat: bool = False

    def __post_init__(self) -> None:
        if self.day is not None and self.day < 0:
            raise BadInputError(f"day counts from 0, not {self.day}", hint="day = 0 is the first day of the file")
        if not self.start_s >= 0 or (self.stop_s is not None and not self.stop_s > self.start_s):
            raise BadInputError(
                f"start_s {self.start_s:g} and stop_s {self.stop_s} select nothing",
                hint="give 0 <= start_s < stop_s, in seconds",
            )

    def draw(self, queries: int, qps: float, rng: np.random.Generator) -> I64:
        """Return arrivals in ns, shape (queries,); their mean rate is `qps`, the last at `queries / qps`."""
        recorded = self._selected()
        have = recorded.queries
        if queries > have and not self.repeat:
            raise BadInputError(
                f"{self.path}: {queries} queries asked for, the selection holds {have}",
                hint="ask for fewer, select more, or set repeat = true",
            )
        passes = -(-queries // have)
        parts = [
            recorded.times_s(rng, have if number < passes - 1 else queries - number * have) + number * recorded.span_s
            for number in range(passes)
        ]
        times_s = np.concatenate(parts)
        return to_ns(times_s * (queries / qps / times_s[-1]))

    def rates(self, step_s: float) -> F64:
        """Return the recorded queries per second of each whole step of `step_s`, shape (steps,): nothing is warped.

        Counts per second take whole seconds as steps. Raises `BadInputError` where the selection is shorter than one.
        """
        recorded = self._selected()
        if not 0 < step_s <= recorded.span_s or (isinstance(recorded, _Counts) and step_s != round(step_s)):
            raise BadInputError(
                f"{self.path}: cannot cut {recorded.span_s:g} s into steps of {step_s:g} s",
                hint="give whole seconds, and no more than the selection has",
            )
        return recorded.counted(step_s) / step_s

    def describe(self) -> str:
        """One line for a report."""
        where = "" if self.day is None else f", day {self.day}"
        return f"replay of {self.path}{where}, time-warped"

    def _selected(self) -> "_Recording":
        counts = text.is_archive(self.path) if self.holds == "auto" else self.holds == "counts"
        recorded = _read(self.path, counts, text.version(self.path))
        low = self.start_s + (self.day or 0) * DAY_S
        high = np.inf if self.stop_s is None else self.stop_s + (self.day or 0) * DAY_S
        if self.day is not None:
            high = min(high, (self.day + 1) * DAY_S)
        cut = recorded.cut(low, high)
        if cut.queries < 2 or not cut.span_s > 0:
            raise BadInputError(
                f"{self.path}: the selection holds {cut.queries} queries over {cut.span_s:g} s",
                hint=f"the file covers {recorded.span_s:.0f} s; choose another day, start_s or stop_s",
            )
        return cut


@dataclass(frozen=True, eq=False)
class _Times:
    """Arrival times in seconds, shape (n,), ascending from 0."""

    at_s: F64

    @property
    def queries(self) -> int:
        return len(self.at_s)

    @property
    def gap_s(self) -> float:
        return float(self.at_s[-1] - self.at_s[0]) / (len(self.at_s) - 1) if len(self.at_s) > 1 else 0.0

    @property
    def span_s(self) -> float:
        return self.gap_s * len(self.at_s)

    def cut(self, low: float, high: float) -> "_Times":
        first, last = np.searchsorted(self.at_s, [low, high])
        return _Times(self.at_s[first:last])

    def times_s(self, rng: np.random.Generator, queries: int) -> F64:  # noqa: ARG002 - counts need it
        """The first `queries`, one mean gap after the start."""
        shifted: F64 = self.at_s[:queries] - self.at_s[0] + self.gap_s
        return shifted

    def counted(self, step_s: float) -> F64:
        """Queries in each whole step."""
        steps = int(self.span_s / step_s + 1e-9)
        step = ((self.at_s - self.at_s[0]) / step_s).astype(np.int64)
        found: F64 = np.bincount(step[step < steps], minlength=steps).astype(np.float64)
        return found


@dataclass(frozen=True, eq=False)
class _Counts:
    """Queries in each second, shape (seconds,)."""

    counts: I64

    @property
    def queries(self) -> int:
        return int(self.counts.sum())

    @property
    def span_s(self) -> float:
        return float(len(self.counts))

    def cut(self, low: float, high: float) -> "_Counts":
        first, last = np.ceil(np.clip([low, high], 0, len(self.counts))).astype(np.int64)
        busy = np.flatnonzero(self.counts[first:last])
        return _Counts(self.counts[first + (busy[0] if len(busy) else 0) : last])

    def times_s(self, rng: np.random.Generator, queries: int) -> F64:
        """The first `queries`, each at random within its second."""
        seconds = int(np.searchsorted(np.cumsum(self.counts), queries)) + 1
        second = np.repeat(np.arange(seconds), self.counts[:seconds])
        times: F64 = np.sort(second + rng.random(len(second)))
        return times[:queries]

    def counted(self, step_s: float) -> F64:
        """Queries in each whole step."""
        steps = len(self.counts) // int(step_s)
        found: F64 = self.counts[: steps * int(step_s)].reshape(steps, int(step_s)).sum(axis=1).astype(np.float64)
        return found


_Recording = _Times | _Counts


@lru_cache(maxsize=4)
def _read(path: str, counts: bool, version: tuple[int, int]) -> _Recording:  # noqa: ARG001 - a new version is a new entry
    content = text.read_text(path)
    if not counts:
        return _Times(_arrival_times(content, path))
    found = text.numbers(content, path)
    if np.any(found < 0) or np.any(found != np.rint(found)):
        raise BadInputError(f"{path}: counts must be whole and not negative", hint='arrival times? holds = "times"')
    if found.sum() > 2**53:
        raise BadInputError(f"{path}: counts over {2**53} queries", hint="check that these are counts per second")
    return _Counts(found.astype(np.int64))


def _arrival_times(content: str, path: str) -> F64:
    """Return arrival times in seconds from the first (dates) or as given (seconds), ascending."""
    cells = _column(content, path)
    if cells and STAMP.match(cells[0]):
        times = _dates(cells, path)
        times = times - times[0]
    else:
        times = text.numbers("\n".join(cells), path)
    if np.any(np.diff(times) < 0):
        raise BadInputError(
            f"{path}: arrival times decrease", hint='sort them, or set holds = "counts" if these are counts per second'
        )
    if times[0] < 0:
        raise BadInputError(f"{path}: arrival times start at {times[0]:g} s", hint="give seconds from the start")
    return times


def _column(content: str, path: str) -> list[str]:
    """Return the cells of the column of times: the one so named in a header, else the first."""
    lines = [line for line in content.splitlines() if line.strip()]
    if not lines:
        raise BadInputError(f"{path}: is empty", hint="give one arrival a line")
    if "," not in lines[0] and len(lines[0].split()) > 1 and not STAMP.match(lines[0].strip()):
        return content.split()
    header = [name.strip().lower() for name in lines[0].split(",")]
    named = [header.index(name) for name in COLUMNS if name in header]
    rows = csv.reader(lines[1:] if named else lines)
    column = named[0] if named else 0
    try:
        return [row[column].strip() for row in rows]
    except IndexError:
        raise BadInputError(
            f"{path}: a line lacks column {column + 1}", hint="give every line the same columns"
        ) from None
    except csv.Error as error:
        raise BadInputError(f"{path}: not valid CSV: {error}", hint="give one arrival a line") from None


def _dates(cells: list[str], path: str) -> F64:
    plain = [re.sub(r"(Z|\+00:?00)$", "", cell) for cell in cells]
    try:
        stamps = np.array(plain, dtype="datetime64[ns]")
    except ValueError as error:
        raise BadInputError(f"{path}: {error}", hint="give dates as 2023-11-16 18:17:03.97 in UTC") from None
    if np.any(np.isnat(stamps)):
        raise BadInputError(f"{path}: a timestamp is empty", hint="give one on every line")
    seconds: F64 = (stamps - stamps[0]).astype(np.int64) / 1e9
    return seconds
