"""The artifact's figures 7 and 8 again: its own times in the simulator, and what its load generator must have done."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from statistics import fmean, median
from typing import NamedTuple

from tailrank.tuner.recpipe.logged import Tail, parse_funnel, tails
from tailrank.tuner.recpipe.pipeline import Reading, bound_qps, p95s_ms

__all__ = [
    "LATE_AT",
    "ONE",
    "READINGS",
    "SPREAD_AT",
    "THREE",
    "TWO",
    "TailCell",
    "as_it_ran",
    "errors",
    "ratios",
    "replay",
    "too_fast",
]

READINGS = (
    Reading(name="exact Poisson"),
    Reading(name="whole milliseconds", arrivals="paper"),
)
"""Readings that infer nothing: times of one engine on an idle host, at the nominal load."""
SPREAD_AT, LATE_AT = 67.0, 2000.0
"""Nominal loads of the two logged points that two numbers are inferred from, both of RM_med alone."""
INFERRED_FROM = "med"
STEPS = 14  # halvings of an interval
UNSTABLE = 3.0  # times the tail at low load, from which a point is taken not to keep up
ONE, TWO, THREE = (
    "rm-large:4096",
    "rm-small:4096>rm-large:128",
    "rm-small:4096>rm-med:512>rm-large:128",
)


class TailCell(NamedTuple):
    """A logged tail and ours: by the name of the reading, mean and range over repetitions, in ms."""

    logged: Tail
    bound_qps: float
    ours: dict[str, tuple[float, float, float]]
    inferred_from: bool


@cache
def as_it_ran(seeds: tuple[int, ...]) -> Reading:
    """Return the reading with two numbers that the logs do not state, inferred from two tails of RM_med alone.

    How far an engine's times spread, from its tail at 67 queries a second; how late the load generator is with each
    query, from its tail at a nominal 2,000, where only a slower generator leaves the sorting process able to keep up.
    """
    low, high = (
        next(each.p95_ms for each in tails() if each.figure == INFERRED_FROM and each.nominal_qps == qps)
        for qps in (SPREAD_AT, LATE_AT)
    )

    def reading(spread: float, late_ms: float) -> Reading:
        return Reading(name="as it ran", times="pipeline", arrivals="paper", spread=spread, late_ms=late_ms)

    def tail(spread: float, late_ms: float, qps: float) -> float:
        return fmean(p95s_ms((("rm-med", 4096),), ("cpu",), reading(spread, late_ms), qps, seeds))

    spread = _halved(lambda value: tail(value, 0.0, SPREAD_AT) - low, 0.0, 0.6)
    late_ms = _halved(lambda value: high - tail(spread, value, LATE_AT), 0.0, 2.0)
    return reading(round(spread, 3), round(late_ms, 3))


def replay(seeds: Sequence[int], told: Callable[[str], None] = lambda _: None) -> list[TailCell]:
    """Return every logged tail with ours, under each reading."""
    readings = (*READINGS, as_it_ran(tuple(seeds)))
    found = []
    for number, each in enumerate(tails(), start=1):
        told(f"{number}/{len(tails())} logged tails")
        stages, devices = parse_funnel(each.funnel), each.devices.split(">")
        ours = {
            reading.name: _summary(p95s_ms(stages, devices, reading, each.nominal_qps, seeds)) for reading in readings
        }
        used = each.figure == INFERRED_FROM and each.nominal_qps in (SPREAD_AT, LATE_AT)
        found.append(TailCell(each, bound_qps(stages, devices, "alone"), ours, used))
    return found


def errors(cells: Sequence[TailCell]) -> list[dict[str, object]]:
    """Return for each reading: how many points keep up where the log's do, and the median error of those that both do.

    A point is taken not to keep up where its tail is over three times that of the same funnel at the lowest load.
    Points that something was inferred from do not count.
    """
    rows = [cell for cell in cells if not cell.inferred_from]
    lowest = _lowest(cells)
    found: list[dict[str, object]] = []
    for name in rows[0].ours:
        same, off = 0, []
        for cell in rows:
            base = lowest[cell.logged.funnel, cell.logged.devices]
            theirs, ours = cell.logged.p95_ms, cell.ours[name][0]
            steady = theirs <= UNSTABLE * base, ours <= UNSTABLE * base
            same += steady[0] == steady[1]
            if all(steady):
                off.append(abs(ours / theirs - 1))
        found.append(
            {"reading": name, "points": len(rows), "same_stability": same, "steady": len(off)}
            | {"median_error": median(off), "worst_error": max(off)}
        )
    return found


def ratios(cells: Iterable[TailCell]) -> list[dict[str, object]]:
    """Return by load how many times longer the tail of one stage, and of three, is than that of two: figure 7c."""
    by_load: dict[float, dict[str, TailCell]] = {}
    for cell in cells:
        if cell.logged.figure == "7c":
            by_load.setdefault(cell.logged.nominal_qps, {})[cell.logged.funnel] = cell
    rows: list[dict[str, object]] = []
    for qps, row in by_load.items():
        one, two, three = row[ONE], row[TWO], row[THREE]
        rows.append(
            {
                "nominal_qps": qps,
                "logged": one.logged.p95_ms / two.logged.p95_ms,
                "ours": {name: one.ours[name][0] / two.ours[name][0] for name in one.ours},
                "three_logged": three.logged.p95_ms / two.logged.p95_ms,
                "three_ours": {name: three.ours[name][0] / two.ours[name][0] for name in one.ours},
            }
        )
    return rows


def too_fast(cells: Sequence[TailCell]) -> list[dict[str, object]]:
    """Return logged points that keep up with more than their engines can do by arithmetic: their load is not nominal.

    `least_late_ms` is how much longer than asked each gap must have been, whatever the order of arrivals.
    """
    rows: list[dict[str, object]] = []
    low = _lowest(cells)
    for cell in cells:
        logged = cell.logged
        steady = logged.p95_ms <= UNSTABLE * low[logged.funnel, logged.devices]
        if steady and logged.nominal_qps > cell.bound_qps:
            rows.append(
                {"funnel": logged.funnel, "devices": logged.devices, "nominal_qps": logged.nominal_qps}
                | {"p95_ms": logged.p95_ms, "bound_qps": cell.bound_qps}
                | {"least_late_ms": 1e3 / cell.bound_qps - 1e3 / logged.nominal_qps}
            )
    return rows


def _lowest(cells: Sequence[TailCell]) -> dict[tuple[str, str], float]:
    """Return the logged tail of each funnel and its devices at the lowest load."""
    found: dict[tuple[str, str], float] = {}
    for cell in sorted(cells, key=lambda each: each.logged.nominal_qps):
        found.setdefault((cell.logged.funnel, cell.logged.devices), cell.logged.p95_ms)
    return found


def _summary(values: Sequence[float]) -> tuple[float, float, float]:
    low, high = min(values), max(values)
    return min(max(fmean(values), low), high), low, high  # a mean of equal values may round beyond them


def _halved(rising: Callable[[float], float], low: float, high: float) -> float:
    """Return where `rising` crosses 0 between `low` and `high`."""
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
