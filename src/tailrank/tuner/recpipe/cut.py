"""The caveat: where the cut in quality lies decides whether two stages win, since RM_med alone misses it by a hair."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from tailrank.tuner.recpipe.latency import TailCell
from tailrank.tuner.recpipe.logged import CUT, parse_funnel, ranked
from tailrank.tuner.recpipe.pipeline import Reading, p95s_ms

__all__ = [
    "CUTS",
    "DROPS",
    "GRID",
    "capacity_cut",
    "logged_cut",
    "quality_of",
    "simulated_tails",
    "swept_cut",
    "vanishes",
]

CUTS = (90.0, 90.5, 91.0, 91.25, 91.5, 91.75, 92.0, 92.1, 92.15, 92.19, 92.21, 92.25, 92.3, 92.38, 92.45)
"""NDCG@64 in per cent that must be exceeded."""
DROPS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Allowed losses of quality against the large model on all items, where quality is ours."""
GRID = (67.0, 500.0, 1000.0)
FUNNELS = (
    *(f"{name}:{items}" for name in ("rm-small", "rm-med", "rm-large") for items in (2048, 4096)),
    "rm-large:3200",
    "rm-small:4096>rm-large:128",
    "rm-small:4096>rm-large:512",
    "rm-med:4096>rm-large:128",
    "rm-med:4096>rm-large:512",
    "rm-small:4096>rm-med:512>rm-large:128",
)

Tails = Mapping[tuple[str, float], float]


def quality_of() -> dict[str, float]:
    """Return the logged NDCG@64, in per cent, of every funnel: the higher of two runs where there are two."""
    found: dict[str, float] = {}
    for each in ranked():
        found[each.funnel] = max(each.ndcg, found.get(each.funnel, 0.0))
    return found


def simulated_tails(reading: Reading, seeds: Sequence[int]) -> dict[tuple[str, float], float]:
    """Return our p95 of every funnel on CPUs at every load of `GRID`, under `reading`."""
    return {
        (funnel, qps): fmean(p95s_ms(parse_funnel(funnel), ("cpu",) * (funnel.count(">") + 1), reading, qps, seeds))
        for funnel in FUNNELS
        for qps in GRID
    }


def logged_cut(cells: Sequence[TailCell]) -> list[dict[str, object]]:
    """Return `swept_cut` of the logged tails alone: ours has no part in it."""
    tails = {
        (cell.logged.funnel, cell.logged.nominal_qps): cell.logged.p95_ms
        for cell in cells
        if set(cell.logged.devices.split(">")) == {"cpu"}
    }
    return swept_cut(tails, quality_of())


def swept_cut(tails: Tails, quality: Mapping[str, float], cuts: Sequence[float] = CUTS) -> list[dict[str, object]]:
    """Return for every cut and load the fastest single stage and the fastest funnel of two whose quality exceeds it.

    `ratio` is the tail of the single stage over that of the funnel: above 1 two stages win; None where one of the two
    is missing.
    """
    rows: list[dict[str, object]] = []
    for cut in cuts:
        for qps in GRID:
            one, two = (_fastest(tails, quality, cut, qps, stages) for stages in (1, 2))
            rows.append(
                {
                    "cut": cut,
                    "qps": qps,
                    "one": one and one[0],
                    "one_ms": one and one[1],
                    "two": two and two[0],
                    "two_ms": two and two[1],
                    "ratio": one[1] / two[1] if one and two else None,
                }
            )
    return rows


def capacity_cut(
    capacities: Mapping[str, float], quality: Mapping[str, float], cuts: Sequence[float] = CUTS
) -> list[dict[str, object]]:
    """Return for every cut the largest capacity of a single stage and of two stages whose quality exceeds it."""
    tails = {(funnel, 0.0): 1 / qps for funnel, qps in capacities.items() if qps > 0}
    rows: list[dict[str, object]] = []
    for cut in cuts:
        one, two = (_fastest(tails, quality, cut, 0.0, stages) for stages in (1, 2))
        rows.append(
            {
                "cut": cut,
                "one": one and one[0],
                "one_qps": one and 1 / one[1],
                "two": two and two[0],
                "two_qps": two and 1 / two[1],
                "ratio": one[1] / two[1] if one and two else None,
            }
        )
    return rows


def vanishes(rows: Sequence[Mapping[str, object]], qps: float, least: float = 1.1) -> float | None:
    """Return the highest cut at or below `CUT` at which two stages are no longer `least` times as fast at `qps`."""
    lost = [
        float(str(row["cut"]))
        for row in rows
        if row["qps"] == qps
        and float(str(row["cut"])) <= CUT
        and isinstance(row["ratio"], float)
        and row["ratio"] < least
    ]
    return max(lost, default=None)


def _fastest(
    tails: Tails, quality: Mapping[str, float], cut: float, qps: float, stages: int
) -> tuple[str, float] | None:
    found = [
        (tail, funnel)
        for (funnel, load), tail in tails.items()
        if load == qps and funnel.count(">") + 1 == stages and quality.get(funnel, 0.0) > cut
    ]
    return (min(found)[1], min(found)[0]) if found else None
