"""Items against model size: NDCG of single stages and funnels of trained tiers, as figure 3 asks it."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics import bootstrap, paired
from tailrank.metrics.clicks import auc
from tailrank.metrics.funnel_quality import FunnelQuality

__all__ = ["PARTS", "TOP", "Ranking", "measure"]

F64 = NDArray[np.float64]

TOP = 64
PARTS = (16, 8, 4, 2, 1)
"""Items into a single stage, as parts of a query's candidates: of 4,096 those of the artifact, 256 to 4,096."""
KEPT = (128, 512, 2048)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Queries ranked by two measures: NDCG@64, and the artifact's against a ranking of relevant items only."""

    tables: ScoreTables
    own: FunnelQuality
    any: FunnelQuality
    share: F64  # of the artifact's ideal that a query's own ideal reaches, shape (Q,)

    @classmethod
    def of(cls, tables: ScoreTables) -> "Ranking":
        """Sort the scores of `tables`; relevant is what has a label above zero."""
        relevant = (np.asarray(tables.label) > 0).astype(np.float32)
        first = np.asarray(tables.first)
        counts = np.add.reduceat(relevant, first[:-1]).astype(np.int64)
        gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(2, TOP + 2)))])
        share = gains[np.minimum(counts, TOP)] / gains[np.minimum(np.diff(first), TOP)]
        own = FunnelQuality(first, tables.label, tables.scores, k=TOP)
        return cls(tables, own, FunnelQuality(first, relevant, tables.scores, k=TOP), share)

    def per_query(self, networks: Sequence[str], items: Sequence[int | None], measure: str) -> F64:
        """Return `ndcg` or `all_relevant` of every query; nan for a query without anything relevant."""
        if measure == "ndcg":
            return self.own.per_query(networks, items)
        found: F64 = self.any.per_query(networks, items) * self.share
        return found


def measure(tables: ScoreTables, *, seed: int) -> dict[str, Any]:
    """Return what the study says of one data set: NDCG by network and items, of funnels, and the effects of both.

    Networks are those of `tables`, smallest first. Items are the first so many of a query's candidates, as they were
    retrieved; the ideal is of all of them.
    """
    ranking, networks = Ranking.of(tables), tuple(tables.scores)
    sizes = np.diff(np.asarray(tables.first))
    most = int(np.median(sizes))
    grid = [most // part for part in PARTS]
    single = [
        _row(ranking, (name,), (None if items == grid[-1] else items,), items, seed)
        for name in networks
        for items in grid
    ]
    funnels = [_row(ranking, names, items, most, seed) for names, items in _funnels(networks, most)]
    return {
        "queries": len(tables.first) - 1,
        "candidates": {"least": int(sizes.min()), "median": most, "most": int(sizes.max())},
        "networks": list(networks),
        "items": grid,
        "auc": {name: auc(tables.label, scores) for name, scores in tables.scores.items()},
        "single": single,
        "funnels": funnels,
        "effects": {name: _effects(single, networks, grid, name) for name in ("ndcg", "all_relevant")},
        "checks": _pairs(ranking, networks, most, seed),
    }


def _funnels(networks: Sequence[str], most: int) -> list[tuple[tuple[str, ...], tuple[int | None, ...]]]:
    """Return the funnels of two and three stages that the artifact compares, on these networks and candidates."""
    kept = [each for each in KEPT if each < most]
    found: list[tuple[tuple[str, ...], tuple[int | None, ...]]] = [
        ((name, networks[-1]), (None, items)) for name in networks[:-1] for items in kept
    ]
    if len(networks) > 2 and len(kept) > 1:
        found.append(((networks[0], networks[-2], networks[-1]), (None, kept[1], kept[0])))
    return found


def _row(
    ranking: Ranking, networks: Sequence[str], items: Sequence[int | None], first: int, seed: int
) -> dict[str, Any]:
    counts = [first if each is None else each for each in items]
    row: dict[str, Any] = {"funnel": ">".join(f"{a}:{b}" for a, b in zip(networks, counts, strict=True))}
    for name in ("ndcg", "all_relevant"):
        found = bootstrap(ranking.per_query(networks, items, name), seed=seed)
        row |= {name: found.value, f"{name}_ci95": [found.low, found.high]}
    return row


def _effects(
    single: Sequence[Mapping[str, Any]], networks: Sequence[str], grid: Sequence[int], name: str
) -> dict[str, float]:
    """Return in points of NDCG what more items do to the largest network, and what the largest network does to all."""
    at = {row["funnel"]: 100 * row[name] for row in single}
    large, small = networks[-1], networks[0]
    return {
        "items_points": at[f"{large}:{grid[-1]}"] - at[f"{large}:{grid[0]}"],
        "model_points": at[f"{large}:{grid[-1]}"] - at[f"{small}:{grid[-1]}"],
    }


def _pairs(ranking: Ranking, networks: Sequence[str], most: int, seed: int) -> dict[str, Any]:
    """Return differences in points, each with its paired interval over queries."""
    large, small = networks[-1], networks[0]

    def points(one: tuple[Any, Any], other: tuple[Any, Any], name: str) -> list[float]:
        found = paired(ranking.per_query(*one, name), ranking.per_query(*other, name), seed=seed)
        return [100 * found.value, 100 * found.low, 100 * found.high]

    whole = (large,), (None,)
    kept = [each for each in KEPT if each < most]
    steps = {f"{b} over {a}": points(((b,), (None,)), ((a,), (None,)), "ndcg") for a, b in itertools.pairwise(networks)}
    found: dict[str, Any] = {"model_steps": steps}
    for name in ("ndcg", "all_relevant"):
        found[name] = {
            "two_less_one": {str(n): points(((small, large), (None, n)), whole, name) for n in kept},
            "best_two_less_one": {
                f"{each}:{n}": points(((each, large), (None, n)), whole, name) for each in networks[1:-1] for n in kept
            },
        }
        if len(kept) > 1:
            few, many = ((small, large), (None, kept[0])), ((small, large), (None, kept[1]))
            found[name]["keep_few_less_many"] = points(few, many, name)
    return found
