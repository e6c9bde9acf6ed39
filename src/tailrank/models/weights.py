"""Initial weights: gigabytes of embedding tables in seconds, and the same bits from the same seed."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from tailrank.core import SetupError, stream
from tailrank.zoo import Chain, TableConfig

__all__ = ["available_bytes", "fully_connected", "merged_table", "require_memory"]

_BLOCK = 1 << 20  # floats; 4 MiB stays in a core's cache between drawing and scaling
_THREADS = 2
_LINE_BYTES = 64
_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_FILES = ("memory.max", "memory.current", "memory.stat")  # cached files count as used, yet can be dropped
_SPARE_BYTES = 256 << 20  # left for activations, inputs and the interpreter


def available_bytes() -> int:
    """Return the bytes this process may still take: the host's free memory, or less inside a container."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used, stat = ((_CGROUP / name).read_text(encoding="ascii") for name in _CGROUP_FILES)
        files = next(int(line.split()[1]) for line in stat.splitlines() if line.startswith("inactive_file "))
        return free if limit.strip() == "max" else min(free, int(limit) - int(used) + files)
    except (OSError, ValueError, StopIteration):
        return free


def require_memory(size_bytes: int) -> None:
    """Raise `SetupError` unless `size_bytes` of tables fit this host's free memory with some to spare."""
    free = max(available_bytes(), 0)
    if size_bytes + _SPARE_BYTES > free:
        raise SetupError(
            f"{size_bytes / 1e9:.2f} GB of embedding tables do not fit the {free / 1e9:.2f} GB of free memory",
            hint=f"allow at most {max(free - _SPARE_BYTES, 0) / 1e9:.2f} GB for tables; rows are scaled to fit",
        )


class _Block(NamedTuple):
    part: NDArray[np.float32]
    bound: float
    names: tuple[str | int, ...]


def merged_table(tables: Sequence[TableConfig], seed: int, group: str, *, threads: int = _THREADS) -> torch.Tensor:
    """Return `tables` of one dim as one tensor (all rows, dim), each uniform in +-1/sqrt(its rows).

    Blocks have fixed bounds and random streams of their own, so the bits do not depend on `threads`.
    """
    merged = _aligned(sum(table.rows for table in tables), tables[0].dim)
    blocks, first = [], 0
    for number, table in enumerate(tables):
        part = merged[first : first + table.rows].reshape(-1)
        first += table.rows
        for at in range(0, len(part), _BLOCK):
            names = ("table", group, number, at)
            blocks.append(_Block(part[at : at + _BLOCK], 1.0 / math.sqrt(table.rows), names))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda block: _fill(block, seed), blocks))
    return torch.from_numpy(merged)


def _aligned(rows: int, dim: int) -> NDArray[np.float32]:
    """Return an empty table that begins at a cache line, so that a row of 128 bytes lies in two lines and not three."""
    spare = _LINE_BYTES // 4
    whole = np.empty(rows * dim + spare, dtype=np.float32)
    first = -whole.ctypes.data % _LINE_BYTES // 4
    return whole[first : first + rows * dim].reshape(rows, dim)


def _fill(block: _Block, seed: int) -> None:
    part, bound, names = block
    stream(seed, *names).random(dtype=np.float32, out=part)
    np.multiply(part, np.float32(2 * bound), out=part)
    np.subtract(part, np.float32(bound), out=part)


def fully_connected(chain: Chain, seed: int, copy: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return (weight (outputs, inputs), bias (outputs,)) of each layer of `chain`.

    Weights are normal(0, sqrt(2 / (inputs + outputs))) and biases normal(0, sqrt(1 / outputs)), as in DLRM.
    """
    layers = []
    for number, (inputs, outputs) in enumerate(pairwise(chain.widths)):
        draw = stream(seed, "fc", chain.name, copy, number)
        weight = draw.standard_normal((outputs, inputs), dtype=np.float32)
        bias = draw.standard_normal(outputs, dtype=np.float32)
        weight *= np.float32(math.sqrt(2 / (inputs + outputs)))
        bias *= np.float32(math.sqrt(1 / outputs))
        layers.append((torch.from_numpy(weight), torch.from_numpy(bias)))
    return layers
