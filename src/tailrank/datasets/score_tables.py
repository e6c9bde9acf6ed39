"""Score tables: what every network says of every candidate, computed once, read from disk as memory maps."""

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.core.files import disk_errors, write_json

__all__ = ["ScoreTables", "load_score_tables"]

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_INDEX = "tables.json"
_FORMAT = 1


@dataclass(frozen=True)
class ScoreTables:
    """Labelled queries (the layout of `Queries`) with the scores of each network.

    `first` int64 (Q + 1,); per candidate `item` int32 (M,), `label` float32 (M,) at least 0, and for every network
    `scores` float32 (M,), higher is better. Raises `BadInputError` for lengths that differ, labels below 0 and scores
    that are not finite.
    """

    first: I64
    item: I32
    label: F32
    scores: dict[str, F32]
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        candidates = len(self.item)
        rising = len(self.first) > 1 and self.first[0] == 0 and bool((np.diff(self.first) >= 0).all())
        if not rising or self.first[-1] != candidates:
            raise BadInputError(
                f"`first` does not cut {candidates} candidates into queries",
                hint="start at 0, never fall, and end at the count of candidates",
            )
        if len(self.label) != candidates:
            raise BadInputError(f"{len(self.label)} labels for {candidates} candidates", hint="give one a candidate")
        if not (np.isfinite(self.label).all() and bool((self.label >= 0).all())):
            raise BadInputError("labels must be finite and at least 0", hint="shift or clip them; 0 means irrelevant")
        if not self.scores:
            raise BadInputError("score tables of no network", hint="score at least one")
        for name, scores in self.scores.items():
            if scores.shape != (candidates,):
                raise BadInputError(
                    f"`{name}` has scores of shape {scores.shape} for {candidates} candidates", hint="score each once"
                )
            wrong = np.flatnonzero(~np.isfinite(scores))
            if len(wrong):
                raise BadInputError(
                    f"`{name}` scores candidate {wrong[0]} with {scores[wrong[0]]}, and {len(wrong) - 1} more so",
                    hint="a score must be finite to rank; train again with a lower learning rate",
                )

    def __len__(self) -> int:
        return len(self.first) - 1

    def save(self, folder: Path) -> None:
        """Write the tables to `folder`, whole or not at all; an earlier one there is replaced, nothing else is."""
        if folder.exists() and not (folder / _INDEX).exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInputError(f"{folder}: exists and holds no score tables", hint="choose another folder")
        with disk_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            with disk_errors(folder):
                work.chmod(0o755)
                arrays: dict[str, NDArray[Any]] = {"first": self.first, "item": self.item, "label": self.label}
                arrays |= {f"scores-{number}": each for number, each in enumerate(self.scores.values())}
                for name, array in arrays.items():
                    np.save(work / f"{name}.npy", array, allow_pickle=False)
                write_json(work / _INDEX, {"format": _FORMAT, "networks": list(self.scores), "facts": self.facts})
                if folder.exists():
                    shutil.rmtree(folder)
                work.rename(folder)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise


def load_score_tables(folder: Path) -> ScoreTables:
    """Return the score tables in `folder`, memory-mapped; raises `BadInputError` where they are missing or damaged."""
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        if index["format"] != _FORMAT:
            raise ValueError(f"format {index['format']}, this version reads {_FORMAT}")
        names, facts = list(index["networks"]), dict(index["facts"])
        first, item, label = _read(folder, "first", np.int64), _read(folder, "item", np.int32), _read(folder, "label")
        scores = {name: _read(folder, f"scores-{number}") for number, name in enumerate(names)}
    except FileNotFoundError as error:
        raise BadInputError(f"{folder}: no score tables: {error}", hint="compute them first, or name another") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise BadInputError(f"{folder}: damaged score tables: {error}", hint="remove them and score again") from None
    return ScoreTables(first, item, label, scores, facts)


def _read(folder: Path, name: str, kind: type[np.generic] = np.float32) -> Any:
    array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    if array.dtype != kind or array.ndim != 1:
        raise ValueError(f"{name} holds {array.dtype} of shape {array.shape}, not one row of {np.dtype(kind)}")
    return array
