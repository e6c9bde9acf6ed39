"""What is tuned: one network on this host, ready to serve, with one copy of its tables for all workers."""

import argparse
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tailrank.cli.gpu import OnGpu, open_device, place
from tailrank.cli.hardware import Gpu, gpu_of
from tailrank.cli.machine import machine
from tailrank.cli.progress import Progress
from tailrank.core import Plan, Pool
from tailrank.core.plan import ExecutorKind, Precision
from tailrank.engine import Engine, Scorer, keep_freed_memory
from tailrank.tuner import static_baseline
from tailrank.workload import Workload

if TYPE_CHECKING:
    from tailrank.models import Executor, Inputs, Model
    from tailrank.models.gpu import Device

__all__ = [
    "Loaded",
    "Subject",
    "build",
    "default_workers",
    "engine_for",
    "load",
    "memory_budget",
    "memory_of",
    "on_device",
    "settle_torch",
    "subject_of",
]

TOUCHED_BYTES = 512 << 20  # prepared candidates together touch this much of the tables, far beyond any cache
MOST_ID_BYTES = 512 << 20  # ... but their ids stay below this
LARGEST_BATCH = 1024  # profiled, whatever the query sizes
LEAST_ROWS, MOST_ROWS = 4096, 1 << 16


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model on this host's CPU: its executor, a scorer over prepared candidates, and facts about all."""

    name: str
    model: "Model"
    executor: "Executor"
    inputs: "Inputs"  # the prepared candidates
    scorer: Scorer
    facts: dict[str, Any]  # what result.json says under `network`


@dataclass(frozen=True, eq=False)
class Subject:
    """A model loaded on this host, perhaps on a GPU too, and the engine that serves it."""

    loaded: Loaded
    engine: Engine
    workers: int
    asked: tuple[ExecutorKind, Precision] = ("auto", "fp32")
    on_gpu: OnGpu | None = None

    @property
    def name(self) -> str:
        """The model's name in plans."""
        return self.loaded.name

    @property
    def model(self) -> "Model":
        """The model itself."""
        return self.loaded.model

    @property
    def executor(self) -> "Executor":
        """What scores a batch on a CPU worker."""
        return self.loaded.executor

    @property
    def facts(self) -> dict[str, Any]:
        """What result.json says under `network`."""
        return self.loaded.facts

    @property
    def pools(self) -> dict[str, Pool]:
        """The pools that plans of this subject may use: `cpu`, and `gpu` where there is one."""
        found = {"cpu": Pool(workers=self.workers)}
        return found if self.on_gpu is None else found | {"gpu": self.on_gpu.gpu.pool()}

    def baseline(self, largest: int) -> Plan:
        """Return the static split of queries of up to `largest` candidates over the CPU workers."""
        plan = static_baseline(self.name, largest, self.workers)
        executor, precision = self.asked
        return replace(plan, stages=(replace(plan.stages[0], executor=executor, precision=precision),))


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
    """Build the model of the flags `model`, `--seed`, and those of `add_hardware`."""
    return build(
        args.model,
        workload,
        workers=args.workers or default_workers(),
        memory_bytes=memory_of(args, quick=quick),
        seed=args.seed,
        progress=progress,
        asked=(args.executor, args.precision),
        gpu=gpu_of(args),
    )


def build(
    name: str,
    workload: Workload,
    *,
    workers: int,
    memory_bytes: int,
    seed: int,
    progress: Progress,
    asked: tuple[ExecutorKind, Precision] = ("auto", "fp32"),
    gpu: Gpu | None = None,
) -> Subject:
    """Build the network or model called `name`, prepare candidates, choose the executor, and place it on `gpu`.

    Raises `SetupError` at once where there is no such GPU.
    """
    settle_torch(progress)
    device = None if gpu is None else open_device(gpu.device)
    loaded = load(name, workload, memory_bytes=memory_bytes, seed=seed, progress=progress, asked=asked)
    if gpu is None or device is None:
        return Subject(loaded, Engine({name: loaded.scorer}, seed=seed), workers, asked)
    placed = on_device(loaded, gpu, device, workload, progress)
    scorers: dict[str | tuple[str, str], Scorer] = {name: loaded.scorer, (name, gpu.device): placed.scorer}
    return Subject(loaded, Engine(scorers, seed=seed), workers, asked, placed)


def engine_for(
    plan: Plan, workload: Workload, *, memory_bytes: int, seed: int, progress: Progress
) -> tuple[Engine, dict[str, Any]]:
    """Return an engine that can serve `plan`, and facts about each model of it, `MODEL on DEVICE` for a GPU's."""
    settle_torch(progress)
    used = {(s.model, at): s for s in plan.stages for at in (s.pool, s.offload_pool) if at is not None}
    devices = {plan.pools[at].device for _, at in used} - {"cpu"}
    opened = {name: open_device(name) for name in sorted(devices)}
    room = memory_bytes // len({model for model, _ in used})
    models: dict[str, Loaded] = {}
    scorers: dict[str | tuple[str, str], Scorer] = {}
    facts: dict[str, Any] = {}
    for (name, _), stage in used.items():
        if name not in models:
            asked = (stage.executor, stage.precision)
            models[name] = load(name, workload, memory_bytes=room, seed=seed, progress=progress, asked=asked)
            scorers[name], facts[name] = models[name].scorer, models[name].facts
    for name, device in {(name, plan.pools[at].device): None for name, at in used}:
        if device != "cpu":
            pools = [pool for pool in plan.pools.values() if pool.device == device]
            gpu = Gpu(device, sum(pool.workers for pool in pools), pools[0].precision)
            placed = on_device(models[name], gpu, opened[device], workload, progress)
            scorers[name, device], facts[f"{name} on {device}"] = placed.scorer, placed.facts()
    return Engine(scorers, seed=seed), facts


def on_device(loaded: Loaded, gpu: Gpu, device: "Device", workload: Workload, progress: Progress) -> OnGpu:
    """Place a loaded model on an open device, for batches as large as the workload's queries."""
    progress.step(f"build {loaded.name}: placing it on {device.name}")
    largest = max(workload.sizes.max_size, LARGEST_BATCH)
    return place(loaded.model, loaded.inputs, gpu, device, largest=largest)


def settle_torch(progress: Progress) -> bool:
    """Load PyTorch with settings that must be made before; return whether the allocator keeps freed memory."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: its pools would fight the workers for cores
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16384")  # its kernels for all batch sizes, not 1,024
    kept = keep_freed_memory()
    if "torch" not in sys.modules:
        progress.step("loading PyTorch")
    import torch

    torch.set_num_threads(1)
    return kept


def load(
    name: str,
    workload: Workload,
    *,
    memory_bytes: int,
    seed: int,
    progress: Progress,
    asked: tuple[ExecutorKind, Precision] = ("auto", "fp32"),
) -> Loaded:
    """Return the model called `name` with the executor `asked` for, ready to serve prepared candidates."""
    kept = settle_torch(progress)
    from tailrank.engine.torch_scorer import TorchScorer
    from tailrank.models import resolve

    began = time.monotonic()
    progress.step(f"build {name}: filling the tables")
    model = resolve(name, memory_bytes=memory_bytes, seed=seed)
    progress.step(f"build {name}: preparing candidates")
    inputs = model.inputs(_rows(model, workload.sizes.max_size), workload.accesses, seed)
    progress.step(f"build {name}: choosing the executor")
    executor = model.executor(*asked)
    progress.step(f"build {name}: warming up")
    executor.warm(tuple(part[: max(workload.sizes.max_size, LARGEST_BATCH)] for part in inputs))
    facts = _facts(model, executor) | {"executor_asked": asked[0]}
    facts |= {"candidates_prepared": len(inputs[0]), "build_s": time.monotonic() - began}
    facts |= {"allocator_keeps_freed_memory": kept}
    return Loaded(name, model, executor, inputs, TorchScorer(executor, inputs), facts)


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
