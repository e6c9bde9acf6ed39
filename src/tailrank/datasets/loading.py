"""Data sets by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tailrank.core import BadInputError, Registry
from tailrank.datasets.criteo import load_criteo
from tailrank.datasets.movielens import load_movielens
from tailrank.datasets.ranking_data import RankingData
from tailrank.datasets.ratings import FILES
from tailrank.datasets.source import Progress, Source
from tailrank.datasets.synthetic import load_synthetic

__all__ = ["load", "names"]

_loaders: Registry[Callable[..., RankingData]] = Registry("data set")
_loaders.register("synthetic")(load_synthetic)
_loaders.register("criteo")(load_criteo)
for _name in FILES:
    _loaders.register(_name)(load_movielens)


def names() -> tuple[str, ...]:
    """Return the names of all data sets."""
    return tuple(_loaders)


def load(
    name: str,
    root: Path | str | None = None,
    *,
    seed: int = 0,
    max_queries: int | None = None,
    max_damaged: float = 0.01,
    progress: Progress | None = None,
    **options: Any,
) -> RankingData:
    """Return the data set `name` ready to train on and to rank; same files and arguments, same bits.

    `root` is the folder with its files, or the file itself; synthetic data needs none. At most `max_queries` are
    built, drawn by `seed`. Damaged rows are counted and skipped up to a share of `max_damaged`. `options` are those
    of the data set's own loader: `load_movielens`, `load_criteo`, `load_synthetic`.
    Raises `BadInputError` for an unknown name or option, and for files that are missing or damaged beyond that.
    """
    loader = _loaders.get(name)
    if max_queries is not None and max_queries < 1:
        raise BadInputError(f"max_queries is {max_queries}", hint="give at least 1, or leave it out for all")
    if not 0 <= max_damaged <= 1:
        raise BadInputError(f"max_damaged is {max_damaged}, not a share", hint="between 0 and 1; 0.01 is usual")
    known = tuple(loader.__kwdefaults__ or {})  # loaders have their options as keywords, each with a default
    for option in options:
        if option not in known:
            raise BadInputError(f"`{name}` has no option `{option}`", hint=f"it has {', '.join(known)}")
    root = None if root is None else Path(root)
    data = loader(Source(name, root, seed, max_queries, max_damaged, progress or _silent), **options)
    return replace(data, facts={"data": name, "seed": seed, **data.facts})


def _silent(_: str) -> None:
    pass
