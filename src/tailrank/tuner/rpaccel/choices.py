"""Figure 10b, which the artifact leaves empty: what the top-k unit's approximate choice costs, and what it saves."""

from typing import Any

import numpy as np

from tailrank.accelerator.topk import Excess, FilterUnit, SelectionQuality, selection_quality
from tailrank.core import stream
from tailrank.datasets.score_tables import ScoreTables

__all__ = ["choices", "planted"]

BINS, PARTS = (8, 16, 32, 64, 256), (1, 2, 4, 8)
FRONT, BACK = "rm-small", "rm-large"
EXCESS: tuple[Excess, ...] = ("pass", "fill")
GRADES = (
    (0.005, 4.0),
    (0.015, 3.0),
    (0.04, 2.0),
    (0.1, 1.0),
)  # share of a query's best, worth
NOISE = {FRONT: 0.6, "rm-med": 0.4, BACK: 0.25}  # of log-odds whose spread is 1.5
SPREAD, OFFSET = 1.5, -1.6


def planted(*, queries: int = 200, items: int = 4096, seed: int = 1) -> ScoreTables:
    """Return scores of a small, a medium and a large network that err by different amounts about a known relevance.

    They stand in where no trained networks are at hand: the command says which was used.
    """
    rng = stream(seed, "planted scores")
    truth = OFFSET + rng.normal(0.0, 1.0, (queries, 1)) / 2 + rng.normal(0.0, SPREAD, (queries, items))
    rank = np.argsort(np.argsort(-truth, axis=1), axis=1) / items
    label = np.zeros_like(truth)
    for share, grade in reversed(GRADES):
        label[rank < share] = grade
    scores = {
        name: (1 / (1 + np.exp(-(truth + rng.normal(0.0, noise, truth.shape))))).astype(np.float32).ravel()
        for name, noise in NOISE.items()
    }
    first = np.arange(queries + 1, dtype=np.int64) * items
    item = np.tile(np.arange(items, dtype=np.int32), queries)
    return ScoreTables(first, item, label.astype(np.float32).ravel(), scores, {"planted": True})


def choices(
    tables: ScoreTables, *, front: str, back: str, items: int | None, keep: int, seed: int = 1
) -> list[dict[str, Any]]:
    """Return a row for each count of bins, sub-batches, and way to treat more than K: quality and cycles."""
    return [
        _row(excess, found)
        for excess in EXCESS
        for found in selection_quality(
            tables,
            front,
            back,
            keep=keep,
            items=items,
            unit=FilterUnit(excess=excess),
            bins=BINS,
            parts=PARTS,
            seed=seed,
        )
    ]


def _row(excess: str, found: SelectionQuality) -> dict[str, Any]:
    return {
        "excess": excess,
        "bins": found.unit.bins,
        "parts": found.parts,
        "keep": found.keep,
        "queries": found.queries,
        "ndcg": found.ndcg,
        "exact_ndcg": found.exact_ndcg,
        "loss": found.loss.value,
        "loss_ci95": [found.loss.low, found.loss.high],
        "recall": found.recall,
        "chosen": found.chosen_mean,
        "chosen_most": found.chosen_most,
        "cycles": found.cycles,
        "state_kib": found.state_bits / 8 / 1024,
    }
