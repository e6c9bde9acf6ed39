"""Data, trained tiers and score tables of an exploration: made once, kept in the result directory, taken up again."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tailrank.cli.explore_steps import Steps
from tailrank.cli.subject import settle_torch
from tailrank.core import BadInputError
from tailrank.datasets import RankingData, load
from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics.funnel_quality import FunnelQuality
from tailrank.scheduler import share
from tailrank.tuner.explore import Funnel

if TYPE_CHECKING:
    from tailrank.models import Executor, Model

__all__ = ["K", "TableQuality", "Tiers", "options_of", "prepared"]

K = 64  # quality is NDCG@64, as RecPipe's
QUERIES, QUICK_QUERIES = 1000, 200
QUICK = {"synthetic": {"examples": 100_000, "validation": 10_000, "candidates": 1024}}


class TableQuality:
    """Quality of funnels from score tables, as an exploration asks for it."""

    def __init__(self, tables: ScoreTables) -> None:
        self.funnels = FunnelQuality(tables.first, tables.label, tables.scores, k=K)

    def means(self, funnels: Sequence[Funnel]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the mean NDCG of each funnel, shape (n,)."""
        return self.funnels.means(funnels)

    def per_query(self, funnel: Funnel, shares: int | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return NDCG of every query; with `shares`, slices of so many items of the first stage pass on their own."""
        return self.funnels.per_query(*funnel, shares=() if shares is None else (_parts(shares),))

    def mean_of_shares(self, funnel: Funnel, batch_size: int) -> float:
        """Return the mean where every slice of the first stage passes on its own share."""
        return self.funnels.mean(*funnel, shares=(_parts(batch_size),))


@dataclass(frozen=True, eq=False)
class Tiers:
    """What an exploration begins with: data, a trained model of each tier, their scores. Cheapest first."""

    data: RankingData
    models: dict[str, "Model"]
    executors: dict[str, "Executor"]
    tables: ScoreTables
    quality: TableQuality
    facts: dict[str, Any]


def prepared(args: argparse.Namespace, out: Path, steps: Steps) -> Tiers:
    """Load the data, train the tiers or take them up, score every candidate of the queries, and sort the scores."""
    steps.begin(f"loading {args.data}")
    data = _loaded(args, steps)
    networks = _networks(args.networks, data)
    settle_torch(steps.progress)
    models, training = _trained(networks, data, args, out / "tiers", steps)
    steps.begin("choosing executors")
    executors = {name: model.executor("native") for name, model in models.items()}
    steps.begin(f"scoring {data.queries.candidates} candidates with {len(models)} tiers")
    tables = _scored(models, data, args, out / "scores", steps)
    steps.begin("sorting the scores")
    quality = TableQuality(tables)
    return Tiers(data, models, executors, tables, quality, {"data": data.facts, "training": training})


def _trained(
    networks: Sequence[str], data: RankingData, args: argparse.Namespace, folder: Path, steps: Steps
) -> tuple[dict[str, "Model"], dict[str, Any]]:
    """Train every tier, or take up what was trained; return the models and facts about their training."""
    from tailrank.models.training import fit

    models, facts = {}, {}
    for name in networks:
        steps.begin(f"training {name}")
        trained = fit(name, data, seed=args.seed, out=folder / name, progress=steps.update)
        models[name], facts[name] = trained.model, trained.facts
    return models, facts


def _scored(
    models: dict[str, "Model"], data: RankingData, args: argparse.Namespace, folder: Path, steps: Steps
) -> ScoreTables:
    from tailrank.models.training import score_tables

    tables = score_tables(models, data.queries, progress=steps.update)
    tables.save(folder)
    return tables


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """Read `KEY=VALUE` options of a data set: numbers, true, false, or words."""
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise BadInputError(f"--option {word}: not KEY=VALUE", hint="such as --option candidates=4096")
        found[key.replace("-", "_")] = _value(text)
    return found


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _loaded(args: argparse.Namespace, steps: Steps) -> RankingData:
    options = (QUICK.get(args.data, {}) if args.quick else {}) | options_of(args.option)
    queries = args.queries or (QUICK_QUERIES if args.quick else QUERIES)
    return load(args.data, args.root, seed=args.seed, max_queries=queries, progress=steps.update, **options)


def _networks(given: str | None, data: RankingData) -> tuple[str, ...]:
    """Return the tiers asked for, cheapest first."""
    if given is None:
        return data.networks
    names = tuple(name.strip() for name in given.split(","))
    for name in names:
        if name not in data.networks:
            raise BadInputError(
                f"--networks: `{name}` is not meant for {data.name}", hint=f"known: {', '.join(data.networks)}"
            )
    return tuple(name for name in data.networks if name in names)


def _parts(batch_size: int) -> Callable[[int, int], tuple[Sequence[int], Sequence[int]]]:
    """Return how slices of a stage part its candidates, and how many of the best each passes on."""

    def parts(candidates: int, keep: int) -> tuple[Sequence[int], Sequence[int]]:
        sizes = [min(batch_size, candidates - first) for first in range(0, candidates, batch_size)]
        return sizes, share(keep, sizes)

    return parts
