"""The tiers of the RecPipe study: trained and scored once, kept in a folder, or taken from a result of `explore`."""

import argparse
import json
import shutil
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from tailrank import __version__
from tailrank.cli.explore_steps import Steps
from tailrank.cli.progress import Progress
from tailrank.core.files import disk_errors, write_json
from tailrank.datasets.ratings import FILES
from tailrank.datasets.score_tables import ScoreTables, load_score_tables

__all__ = ["NO_TORCH", "Scored", "score_tables_of"]

FINISHED = "finished.json"
QUERIES, QUICK_QUERIES = 200, 40
MOVIELENS_QUERIES = 1000
CRITEO_QUERIES = 200
BLOCKS = "criteo-blocks"
ARTIFACT_ROWS, ARTIFACT_ITEMS = 100_000, 4096
LEAST_BLOCKS = 8  # queries of the artifact's protocol: of few rows, shorter ones
NO_TORCH = "quality: PyTorch is not installed, and no tiers were given (pip install tailrank[train])"
QUICK_OPTIONS = ("examples=20000", "validation=2000", "candidates=1024")


class Scored(NamedTuple):
    """Score tables by data set, and facts of each; a set that could not be made has `absent` in its facts."""

    tables: dict[str, ScoreTables]
    facts: dict[str, dict[str, Any]]


def score_tables_of(args: argparse.Namespace, folder: Path, progress: Progress) -> Scored:
    """Return score tables of synthetic data, and of MovieLens and Criteo where `args` has them.

    `folder` keeps the tiers of each data set; where it is a result of `explore`, its tables stand for synthetic data.
    """
    found = Scored({}, {})
    if (folder / "scores").is_dir():
        name, told = _explored(folder)
        found.tables[name], found.facts[name] = load_score_tables(folder / "scores"), told
    elif find_spec("torch") is None:
        found.facts["synthetic"] = {"absent": NO_TORCH}
    else:
        queries = QUICK_QUERIES if args.quick else QUERIES
        _make("synthetic", None, queries, QUICK_OPTIONS if args.quick else (), args, folder, progress, found)
    if args.criteo is not None:
        _make("criteo", args.criteo, CRITEO_QUERIES, (), args, folder, progress, found)
        _blocks(args, folder, progress, found)
    if args.movielens is not None:
        _make(_movielens(args.movielens), args.movielens, MOVIELENS_QUERIES, (), args, folder, progress, found)
    return found


def _blocks(args: argparse.Namespace, folder: Path, progress: Progress, found: Scored) -> None:
    """Add the same rows by the artifact's protocol: queries are blocks of consecutive rows that do not overlap."""
    rows = min(int(found.facts["criteo"]["data"]["ranked_rows"]), ARTIFACT_ROWS)
    size = max(1, min(ARTIFACT_ITEMS, rows // LEAST_BLOCKS))
    tiers, kept = (_kept(folder, name, args) / "tiers" for name in ("criteo", BLOCKS))
    if tiers.is_dir() and not kept.exists():  # trained on the same rows: only what is ranked differs
        shutil.copytree(tiers, kept)
    options = ("protocol=artifact", f"candidates={size}")
    _make("criteo", args.criteo, rows // size, options, args, folder, progress, found, under=BLOCKS)


def _movielens(root: Path) -> str:
    """Return the name of the MovieLens set whose files are in `root`; 1M where that cannot be told."""
    known = [name for name, names in FILES.items() if any((root / each).exists() for each in names)]
    return known[0] if len(known) == 1 else "movielens-1m"


def _kept(folder: Path, name: str, args: argparse.Namespace) -> Path:
    return folder / (f"{name}-quick" if args.quick else name)


def _make(
    name: str,
    root: Path | None,
    queries: int,
    options: tuple[str, ...],
    args: argparse.Namespace,
    folder: Path,
    progress: Progress,
    found: Scored,
    *,
    under: str = "",
) -> None:
    """Add the score tables of one data set to `found`: those that an earlier run finished, or new ones."""
    kept = _kept(folder, under or name, args)
    wanted = {
        "data": name,
        "seed": args.seed,
        "queries": min(queries, QUICK_QUERIES) if args.quick else queries,
        "quick": args.quick,
        "option": list(options),
    }
    told = _finished(kept, wanted)
    if told is None:
        told = _trained(kept, wanted, root, progress)
    found.tables[under or name], found.facts[under or name] = load_score_tables(kept / "scores"), told


def _trained(kept: Path, wanted: dict[str, Any], root: Path | None, progress: Progress) -> dict[str, Any]:
    """Train and score the tiers in `kept`, note there that they are finished, and return their facts."""
    from tailrank.cli.explore_tiers import prepared

    with disk_errors(kept):
        kept.mkdir(parents=True, exist_ok=True)
    steps = Steps(progress)
    made = prepared(argparse.Namespace(root=root, networks=None, **wanted), kept, steps)
    steps.end()
    told = {"data": made.facts["data"], "training": _each_told(made.facts["training"])}
    write_json(kept / FINISHED, {"made_with": __version__, "wanted": wanted, "facts": told})
    return told


def _finished(kept: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the facts of score tables that an earlier run finished for just what is `wanted`, or None."""
    try:
        noted = json.loads((kept / FINISHED).read_text(encoding="utf-8"))
        same = (noted["made_with"], noted["wanted"]) == (__version__, wanted)
        return dict(noted["facts"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _each_told(training: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {network: _told(each) for network, each in training.items()}


def _told(training: dict[str, Any]) -> dict[str, Any]:
    """Return what a training found, without what differs from host to host."""
    looks = training.get("hold_out") or []
    return {
        "steps": training.get("steps"),
        "hold_out": max((value for _, value in looks), default=None),
        "flops_per_item": training.get("flops_per_item"),
    }


def _explored(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the data's name and facts of a result of `explore`; a folder without a result counts as synthetic."""
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        data = result["data"]
        return str(data["data"]), {
            "data": data,
            "training": _each_told(result["training"]),
            "taken_from": "a result of `explore`",
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "synthetic", {"training": _checkpoints(folder / "tiers"), "taken_from": "score tables without a result"}


def _checkpoints(tiers: Path) -> dict[str, dict[str, Any]]:
    """Return what the checkpoints in `tiers` say of their training."""
    found = {}
    for path in sorted(tiers.glob("*/model.json")):
        try:
            found[path.parent.name] = _told(json.loads(path.read_text(encoding="utf-8"))["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
