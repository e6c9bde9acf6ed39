"""Reuse of embedding rows: LRU stack distances of real and synthetic accesses, and the hit rates they mean."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailrank.core import stream
from tailrank.workload import Accesses, StackDistance, Uniform, Zipf
from tailrank.workload.text import read_bytes

__all__ = ["real_reuse", "stack_distances", "synthetic_reuse"]

I64 = NDArray[np.int64]

TRACES = (
    ("a recommender service, scarab", "scarab-recs.trace.xz", 8),
    ("product pages, cache2k web07", "cache2k_web07.trace.xz", 4),
    ("shop objects, cache2k orm-busy", "cache2k_orm-busy.trace.xz", 4),
)
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
CACHE_ROWS = 2000  # as the LRU cache of RecSSD's fork, per table
NEW = (0.14, 0.55, 0.71)  # shares of accesses to new rows that the same fork generates
TABLE_ROWS, ACCESSES = 1_000_000, 100_000


def stack_distances(keys: I64) -> I64:
    """Return how many distinct keys lie between each access and the one before to the same key, itself included.

    `keys` has shape (accesses,) and numbers from 0; the first access to a key has distance 0. An LRU cache of C
    rows hits exactly where the distance is between 1 and C.
    """
    found: I64 = _kernel()(keys, int(keys.max(initial=-1)) + 1)
    return found


def real_reuse() -> dict[str, Any]:
    """Return the hit rates of the real traces below `TAILRANK_DATA`, or why there are none.

    {"traces": [{"trace", "accesses", "rows", "curve": [[share of the distinct rows cached, hit rate], ...]}]}, or
    {"absent": reason}. Rates count every access, the first to each row included.
    """
    folder = os.environ.get("TAILRANK_DATA")
    if not folder:
        return {"absent": "TAILRANK_DATA does not name the folder of the real access traces"}
    found = [(name, Path(folder) / "access" / file, width) for name, file, width in TRACES]
    present = [(name, path, width) for name, path, width in found if path.is_file()]
    if not present:
        return {"absent": "the folder that TAILRANK_DATA names holds none of the access traces"}
    return {"traces": [_curve(name, _recorded(path, width)) for name, path, width in present]}


def synthetic_reuse(seed: int) -> list[dict[str, Any]]:
    """Return LRU hit rates of generated accesses with `CACHE_ROWS` of a million rows cached.

    One row per law: {"accesses": its name, "new": the share of accesses to new rows or None, "hit_rate"}.
    """
    laws: list[tuple[Accesses, float | None]] = [(Uniform(), None), (Zipf(), None)]
    laws += [(StackDistance(new=new), new) for new in NEW]
    return [
        {"accesses": law.describe(), "new": new, "hit_rate": _hit_rate(law, seed, number)}
        for number, (law, new) in enumerate(laws)
    ]


def _hit_rate(law: Accesses, seed: int, number: int) -> float:
    """Return the hit rate in the second half of the accesses: the first fills the cache."""
    rows = law.draw(TABLE_ROWS, 2 * ACCESSES, stream(seed, "reuse", number))
    distances = stack_distances(rows)[ACCESSES:]
    return float(np.mean((distances > 0) & (distances <= CACHE_ROWS)))


def _recorded(path: Path, width: int) -> I64:
    """Return the keys of a recorded trace, numbered from 0, in order."""
    _, keys = np.unique(np.frombuffer(read_bytes(str(path)), dtype=f">i{width}"), return_inverse=True)
    return keys.astype(np.int64)


def _curve(name: str, keys: I64) -> dict[str, Any]:
    distances, rows = stack_distances(keys), int(keys.max()) + 1
    again = np.sort(distances[distances > 0])
    upto = np.searchsorted(again, [max(1, round(share * rows)) for share in SHARES], side="right") / len(keys)
    return {
        "trace": name,
        "accesses": len(keys),
        "rows": rows,
        "curve": [[share, float(rate)] for share, rate in zip(SHARES, upto, strict=True)],
    }


@cache
def _kernel() -> Any:
    """Return the compiled kernel; compiling waits for the first use."""
    from tailrank.core.jit import compiled

    return compiled(_stack_distances_plain)


def _stack_distances_plain(keys: I64, rows: int) -> I64:
    """Count with a Fenwick tree over time that holds a one where some key has its latest access."""
    count = len(keys)
    tree = np.zeros(count + 1, dtype=np.int64)
    last = np.zeros(rows, dtype=np.int64)  # time of a key's latest access, from 1; 0: none yet
    out = np.zeros(count, dtype=np.int64)
    distinct = 0
    for index in range(count):
        key, before = keys[index], 0
        if last[key] > 0:
            place = last[key] - 1
            while place > 0:
                before += tree[place]
                place -= place & -place
            out[index] = distinct - before
            place = last[key]
            while place <= count:
                tree[place] -= 1
                place += place & -place
        else:
            distinct += 1
        last[key] = index + 1
        place = index + 1
        while place <= count:
            tree[place] += 1
            place += place & -place
    return out
