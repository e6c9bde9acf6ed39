"""Click logs as Criteo gives them: the files, streamed, and their features.

Kaggle's train.txt and each day of the Terabyte data have a label, 13 counts and 26 hexadecimal ids a row, no header;
rows are in the order of time. Samples as CSV name their columns, and `Id` tells the time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.datasets.rows import HEX, MISSING, Block, Column, Damage, read_rows
from tailrank.datasets.source import Source

__all__ = ["DENSE", "TABLES", "Clicks", "files", "read_clicks", "stream_clicks"]

F32 = NDArray[np.float32]
U32 = NDArray[np.uint32]
I64 = NDArray[np.int64]

DENSE, TABLES = 13, 26
COUNTS = tuple(Column(f"I{number + 1}", empty=True) for number in range(DENSE))
IDS = tuple(Column(f"C{number + 1}", HEX, empty=True) for number in range(TABLES))
PLAIN = (Column("label"), *COUNTS, *IDS)
SAMPLED = (Column("Label"), *COUNTS, *IDS, Column("Id"))
LOGS = ("train.txt", "day_0, day_1, ...", "train_head_*.txt")
SAMPLES = "train*.csv"


@dataclass(frozen=True)
class Clicks:
    """n rows in the order of time: `label` float32 (n,) 0 or 1, `dense` float32 (n, 13), `raw` uint32 (n, 26).

    `dense` is log(1 + max(count, 0)), 0 where the count is missing; `raw` are the ids as numbers, 0 where missing.
    """

    label: F32
    dense: F32
    raw: U32

    def __len__(self) -> int:
        return len(self.label)


def files(source: Source) -> tuple[Path, ...]:
    """Return the files in the root of `source` in the order of time: the log's, days by their number, then samples.

    Of a file that is there twice, plain and as .gz, the plain one.
    Raises `BadInputError` if there is none.
    """
    if source.root is None or not source.root.is_dir():
        return (source.find(),)
    there = {path.name.removesuffix(".gz"): path for path in sorted(source.root.iterdir(), reverse=True)}  # plain last
    days = sorted((int(name[4:]), name) for name in there if name.startswith("day_") and name[4:].isdecimal())
    heads = sorted(name for name in there if fnmatch(name, LOGS[-1]))
    logs = ["train.txt"] if "train.txt" in there else [name for _, name in days] or heads
    found = tuple(there[name] for name in (*logs, *sorted(name for name in there if fnmatch(name, SAMPLES))))
    if not found:
        raise BadInputError(
            f"{source.root}: no files of `{source.name}`; looked for {', '.join((*LOGS, SAMPLES))}, plain or .gz",
            hint="name the folder with one of these files, or the file itself",
        )
    return found


def stream_clicks(path: Path, damage: Damage) -> Iterator[tuple[Clicks, I64]]:
    """Yield the sound rows of `path` in blocks, each with its rows' `Id` (n,), empty where the layout has none.

    Memory is that of a block, whatever the file's length. `damage` counts what is not sound.
    """
    sampled = damage.columns is SAMPLED
    for block in read_rows(path, damage.columns, "," if sampled else "\t", header=sampled):
        label = block.values[:, 0]
        values = damage.sound(block, ((label != 0) & (label != 1), "a label other than 0 and 1"), *_refused(block))
        counts, ids = values[:, 1 : 1 + DENSE], values[:, 1 + DENSE : 1 + DENSE + TABLES]
        dense = np.log1p(np.maximum(counts, 0)).astype(np.float32)  # MISSING is far below 0
        raw = np.where(ids == MISSING, 0, ids).astype(np.uint32)
        yield Clicks(values[:, 0].astype(np.float32), dense, raw), values[:, 1 + DENSE + TABLES :].ravel()


def read_clicks(source: Source, most: int) -> tuple[Clicks, dict[str, object]]:
    """Return the first `most` rows of the files of `source`, in the order of time, and facts about them.

    Stops reading when it has them; a sample is put in order after that. Raises `BadInputError` for missing files or
    columns, and for too many damaged rows.
    """
    parts: list[Clicks] = []
    rows, facts = 0, []
    for path in files(source):
        damage = Damage(path, SAMPLED if ".csv" in path.suffixes else PLAIN)
        blocks, ids = [], []
        for clicks, id_ in stream_clicks(path, damage):
            blocks.append(clicks)
            ids.append(id_)
            rows += len(clicks)
            source.progress(f"reading {path.name}: {damage.rows:,} rows")
            if rows >= most:
                break
        damage.check(source.max_damaged)
        parts.append(_in_time(_joined(blocks), np.concatenate(ids)))
        facts.append({"file": path.name, **damage.facts})
        if rows >= most:
            break
    clicks = _joined(parts)
    whole = Clicks(clicks.label[:most], clicks.dense[:most], clicks.raw[:most])
    return whole, {"files": facts, "rows": len(whole), "cut_at_max_rows": rows > most}


def _refused(block: Block) -> tuple[tuple[NDArray[np.bool_], str], ...]:
    if block.values.shape[1] == len(PLAIN):
        return ()
    return ((block.values[:, -1] < 0, "a negative Id"),)


def _joined(parts: list[Clicks]) -> Clicks:
    return Clicks(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.dense for part in parts]),
        np.concatenate([part.raw for part in parts]),
    )


def _in_time(clicks: Clicks, ids: I64) -> Clicks:
    if len(ids) == 0:
        return clicks
    order = np.argsort(ids, kind="stable")
    return Clicks(clicks.label[order], clicks.dense[order], clicks.raw[order])
