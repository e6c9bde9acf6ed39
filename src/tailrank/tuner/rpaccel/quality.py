"""How good the answers of a space's funnels are: NDCG with the top-k unit's choice, sub-batch by sub-batch."""

from dataclasses import dataclass

import numpy as np

from tailrank.accelerator.topk import FilterUnit, selection_quality
from tailrank.core import BadInputError
from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics import FunnelQuality
from tailrank.tuner.rpaccel.space import Space

__all__ = ["Qualities", "qualities"]

CALIBRATION = 4  # one query in so many sets the ranges of the bins, as `selection_quality` has it
Key = tuple[tuple[str, ...], tuple[int, ...], int, int]


@dataclass(frozen=True)
class Qualities:
    """NDCG by (networks, items, bins, parts), over the same `queries`; `best_single` is that of the best one stage."""

    of: dict[Key, float]
    best_single: float
    queries: int
    results: int


def qualities(tables: ScoreTables, space: Space, *, seed: int = 0) -> Qualities:
    """Return the quality of every funnel; raises `BadInputError` for networks without scores, or too many items."""
    for name in {name for funnel in space.funnels for name in funnel}:
        if name not in tables.scores:
            raise BadInputError(f"funnels: no scores of `{name}`", hint=f"known: {', '.join(tables.scores)}")
    quality = FunnelQuality(tables.first, tables.label, dict(tables.scores), k=space.results)
    if max(space.take) > quality.candidates:
        raise BadInputError(
            f"take: {max(space.take)} items, but the scored queries have {quality.candidates}",
            hint="give fewer, or score tables with more candidates",
        )
    judged = np.arange(len(tables)) % CALIBRATION != 0
    found: dict[Key, float] = {}

    def alone(name: str, take: int) -> float:
        return float(np.nanmean(quality.per_query((name,), (take,))[judged]))

    for funnel in space.funnels:
        for take in space.take:
            if len(funnel) == 1:
                value = alone(funnel[0], take)
                found |= {(funnel, (take,), bins, parts): value for bins in space.bins for parts in space.parts}
                continue
            for keep in (each for each in space.keep if space.results <= each < take):
                for row in selection_quality(
                    tables,
                    *funnel,
                    keep=keep,
                    items=take,
                    k=space.results,
                    unit=FilterUnit(excess="fill"),
                    bins=space.bins,
                    parts=[each for each in space.parts if each <= keep],
                    seed=seed,
                ):
                    found[funnel, (take, keep), row.unit.bins, row.parts] = row.ndcg
    single = max(alone(name, max(space.take)) for name in {name for funnel in space.funnels for name in funnel})
    return Qualities(found, single, int(judged.sum()), space.results)
