"""What is tuned: one network on this host, ready to serve, with one copy of its tables for all workers."""

import argparse
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailrank.cli.machine import machine
from tailrank.cli.progress import Progress
from tailrank.engine import Engine, Scorer, keep_freed_memory
from tailrank.workload import Workload

if TYPE_CHECKING:
    from tailrank.models import Executor, Model

__all__ = ["Subject", "build", "default_workers", "load", "memory_budget", "memory_of", "subject_of"]

TOUCHED_BYTES = 512 << 20  # prepared candidates together touch this much of the tables, far beyond any cache
MOST_ID_BYTES = 512 << 20  # ... but their ids stay below this
LARGEST_BATCH = 1024  # profiled, whatever the query sizes
LEAST_ROWS, MOST_ROWS = 4096, 1 << 16


@dataclass(frozen=True, eq=False)
class Subject:
    """A model loaded on this host, and the engine that serves it."""

    name: str
    model: "Model"
    engine: Engine
    workers: int
    facts: dict[str, Any]  # what result.json says under `network`


def default_workers() -> int:
    """Return one worker for each core this process may use."""
    return max(1, int(machine().effective_cores))


def memory_budget(quick: bool) -> int:
    """Return how many bytes of tables to build: half of the memory, less if not free; 1 GiB where quick."""
    host = machine()
    half = (host.memory_bytes or 4 << 30) // 2
    free = int((host.available_bytes or half) * 0.8)
    return min(half, free, 1 << 30) if quick else min(half, free)


def memory_of(args: argparse.Namespace, *, quick: bool = False) -> int:
    """Return how many bytes of tables `--memory-gib` allows, or the budget of this host."""
    return memory_budget(quick) if args.memory_gib is None else int(args.memory_gib * 2**30)


def subject_of(args: argparse.Namespace, workload: Workload, progress: Progress, *, quick: bool = False) -> Subject:
    """Build the model of the flags `model`, `--workers`, `--memory-gib` and `--seed`."""
    return build(
        args.model,
        workload,
        workers=args.workers or default_workers(),
        memory_bytes=memory_of(args, quick=quick),
        seed=args.seed,
        progress=progress,
    )


def build(name: str, workload: Workload, *, workers: int, memory_bytes: int, seed: int, progress: Progress) -> Subject:
    """Build the network or model called `name`, prepare candidates, and choose the fastest executor."""
    model, scorer, facts = load(name, workload, memory_bytes=memory_bytes, seed=seed, progress=progress)
    return Subject(name, model, Engine({name: scorer}, seed=seed), workers, facts)


def load(
    name: str, workload: Workload, *, memory_bytes: int, seed: int, progress: Progress
) -> tuple["Model", Scorer, dict[str, Any]]:
    """Return the model called `name`, a scorer over prepared candidates, and facts about both."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: its pools would fight the workers for cores
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")  # its kernels for all batch sizes, not 1,024
    kept = keep_freed_memory()
    progress.step(f"build {name}: loading PyTorch")
    import torch

    from tailrank.engine.torch_scorer import TorchScorer
    from tailrank.models import resolve

    torch.set_num_threads(1)
    began = time.monotonic()
    progress.step(f"build {name}: filling the tables")
    model = resolve(name, memory_bytes=memory_bytes, seed=seed)
    progress.step(f"build {name}: preparing candidates")
    inputs = model.inputs(_rows(model, workload.sizes.max_size), workload.accesses, seed)
    progress.step(f"build {name}: choosing the executor")
    executor = model.executor()
    progress.step(f"build {name}: warming up")
    executor.warm(tuple(part[: max(workload.sizes.max_size, LARGEST_BATCH)] for part in inputs))
    facts = _facts(model, executor) | {"candidates_prepared": len(inputs[0]), "build_s": time.monotonic() - began}
    facts |= {"allocator_keeps_freed_memory": kept}
    return model, TorchScorer(executor, inputs), facts


def _rows(model: "Model", largest: int) -> int:
    network = model.network
    if network is None:
        return max(LEAST_ROWS, 2 * largest)
    touching = TOUCHED_BYTES // max(network.embedding_bytes_per_item, 1)
    holding = MOST_ID_BYTES // max(8 * network.lookups_per_item, 1)
    return max(min(touching, holding, MOST_ROWS), LEAST_ROWS, 2 * largest)


def _facts(model: "Model", executor: "Executor") -> dict[str, Any]:
    network = model.network
    facts: dict[str, Any] = executor.facts()
    if network is None:
        return facts | {"notes": ["the user's own model: costs per item are not known"]}
    return facts | {
        "tables": len(network.tables),
        "table_bytes": model.table_bytes,
        "row_scale": model.scale,
        "flops_per_item": network.flops_per_item,
        "bytes_per_item": network.embedding_bytes_per_item,
        "lookups_per_item": network.lookups_per_item,
        "notes": list(network.notes),
    }
