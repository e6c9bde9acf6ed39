"""Data, trained tiers and score tables of an exploration: made once, kept in the result directory, taken up again."""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tailrank import zoo
from tailrank.cli.explore_steps import Steps
from tailrank.cli.subject import default_workers, settle_torch
from tailrank.core import BadInputError, Plan
from tailrank.core.plan import ExecutorKind
from tailrank.datasets import RankingData, load
from tailrank.datasets.score_tables import ScoreTables, load_score_tables
from tailrank.metrics.funnel_quality import FunnelQuality
from tailrank.native import available
from tailrank.scheduler import lay_out
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

    def per_query(self, funnel: Funnel, plan: Plan | None = None) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return NDCG of every query; with `plan`, slices pass on the shares that it gives them."""
        return self.funnels.per_query(*funnel, shares=None if plan is None else _shares(plan))

    def mean_of_shares(self, funnel: Funnel, plan: Plan) -> float:
        """Return the mean where slices pass on the shares that `plan` gives them."""
        return self.funnels.mean(*funnel, shares=_shares(plan))


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
    kind: ExecutorKind = "native" if available() else "torch"  # what the tables are made with: the very same scores
    executors = {name: model.executor(kind) for name, model in models.items()}
    steps.begin(f"scoring {data.queries.candidates} candidates with {len(models)} tiers")
    tables = _scored(models, data, out, steps)
    steps.begin("sorting the scores")
    quality = TableQuality(tables)
    return Tiers(data, models, executors, tables, quality, {"data": data.facts, "training": training})


def _trained(
    networks: Sequence[str], data: RankingData, args: argparse.Namespace, folder: Path, steps: Steps
) -> tuple[dict[str, "Model"], dict[str, Any]]:
    """Train every tier, or take up what was trained; return the models and facts about their training."""
    from tailrank.models.training import ClickSettings, Settings, fit

    short: dict[str, Settings | ClickSettings] = {
        "neumf": Settings(factor_steps=300, chain_steps=60),
        "dlrm": ClickSettings(passes=2.0),
    }
    models, facts = {}, {}
    for name in networks:
        steps.begin(f"training {name}")
        settings = short.get(zoo.get(name).family) if args.quick else None
        trained = fit(
            name,
            data,
            seed=args.seed,
            out=folder / name,
            progress=steps.update,
            settings=settings,
            threads=default_workers(),
        )
        models[name] = trained.model
        facts[name] = trained.facts | _costs(trained.model)
    return models, facts


def _costs(model: "Model") -> dict[str, Any]:
    network = model.network
    assert network is not None
    return {
        "flops_per_item": network.flops_per_item,
        "lookups_per_item": network.lookups_per_item,
        "table_bytes": network.table_bytes,
    }


def _scored(models: dict[str, "Model"], data: RankingData, out: Path, steps: Steps) -> ScoreTables:
    """Score every candidate, or take up the tables of exactly these tiers and queries."""
    from tailrank.models.training import score_tables

    folder, key = out / "scores", _key(data, [out / "tiers" / name for name in models])
    if folder.exists():
        kept = load_score_tables(folder)
        if kept.facts.get("key") == key and tuple(kept.scores) == tuple(models):
            return kept
    tables = score_tables(models, data.queries, threads=default_workers(), progress=steps.update)
    tables = replace(tables, facts=tables.facts | {"key": key})
    tables.save(folder)
    return tables


def _key(data: RankingData, tiers: Sequence[Path]) -> str:
    """Tell score tables of these queries and trained tiers from others."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (data.queries.first, data.queries.item, data.queries.label):
        digest.update(np.ascontiguousarray(array).data)
    for folder in tiers:
        for file in sorted(folder.glob("*.safetensors")):
            digest.update(f"{folder.name}/{file.name}".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


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


def _shares(plan: Plan) -> Callable[[int], Sequence[tuple[Sequence[int], Sequence[int]]]]:
    """Return how the stages of `plan` part the candidates of a query, and how many of its best each part passes on."""
    return lambda size: [(parts.size, parts.gives) for parts in lay_out(plan, size)]
