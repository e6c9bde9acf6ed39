"""What a reduced precision does to the ranking, measured on queries of the workload."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailrank.cli.subject import Subject
from tailrank.metrics import fidelity, t_interval
from tailrank.workload import Workload

if TYPE_CHECKING:
    from tailrank.models import Executor, Inputs
    from tailrank.models.gpu import GpuExecutor

__all__ = ["QUERIES", "TOP", "effect_words", "effects"]

TOP = 64  # candidates whose order counts
QUERIES = 200
BLOCK = 4096  # candidates drawn at a time once the prepared ones are used up
STEP = 1024  # items scored in one batch
WEIGHTS = "the weights are random until training exists: this says how far the ranking moves, not whether it is worse"


def effects(
    subject: Subject, workload: Workload, *, seconds: float, seed: int, queries: int = QUERIES
) -> dict[str, dict[str, Any]]:
    """Return for each pool in a reduced precision how its ranking differs from that in fp32; mostly none.

    Queries have the workload's sizes and share no candidates. As many are scored as fit `seconds` a pool, at most
    `queries` and at least two. `ndcg` and `overlap` (see `metrics.fidelity`) have a mean and a 95 % interval over
    queries.
    """
    import torch

    from tailrank.models.executor import one_thread

    reduced: dict[str, Executor | GpuExecutor] = {}
    if subject.executor.precision != "fp32":
        reduced["cpu"] = subject.executor
    if subject.on_gpu is not None and subject.on_gpu.gpu.precision != "fp32":
        reduced["gpu"] = subject.on_gpu.executor
    with one_thread():
        torch.set_float32_matmul_precision("highest")  # the reference is fp32 in full
        return {
            pool: {"pool": pool} | _effect(subject, executor, workload, seconds=seconds, seed=seed, most=queries)
            for pool, executor in reduced.items()
        }


def effect_words(effect: dict[str, Any]) -> str:
    """Return an effect in one line."""
    return (
        f"{effect['precision']} on {effect['pool']} changes the ranking: NDCG@{effect['k']} {_share(effect['ndcg'])}, "
        f"overlap {_share(effect['overlap'])}, largest difference of a score {effect['max_difference']:.1e}; "
        f"n = {effect['queries']} queries of {effect['candidates']} candidates; {effect['weights']}"
    )


def _share(found: dict[str, Any]) -> str:
    low, high = found["ci95"]
    return f"{found['mean']:.4f} ({low:.4f} .. {high:.4f})"


def _effect(
    subject: Subject, executor: "Executor | GpuExecutor", workload: Workload, *, seconds: float, seed: int, most: int
) -> dict[str, Any]:
    sizes = workload.trace(most, 1.0, seed, replication=960).size.tolist()
    rankings = []
    began, at, candidates = time.monotonic(), 0, 0
    for inputs in _blocks(subject, workload, max(BLOCK, 2 * max(sizes)), seed):
        first = 0
        while at < most and first + sizes[at] <= len(inputs[0]) and (at < 2 or time.monotonic() - began < seconds):
            rows = tuple(part[first : first + sizes[at]] for part in inputs)
            rankings.append(fidelity(_scores(subject.model.score, rows), _scores(executor, rows), TOP))
            first, candidates, at = first + sizes[at], candidates + sizes[at], at + 1
        if at == most or (at >= 2 and time.monotonic() - began >= seconds):
            break
    return {
        "precision": executor.precision,
        "k": TOP,
        "queries": len(rankings),
        "candidates": candidates,
        "ndcg": _mean([each.ndcg for each in rankings]),
        "overlap": _mean([each.overlap for each in rankings]),
        "max_difference": max(each.max_difference for each in rankings),
        "weights": WEIGHTS,
    }


def _blocks(subject: Subject, workload: Workload, rows: int, seed: int) -> "Iterator[Inputs]":
    """Return the prepared candidates, and others when they are used up."""
    yield subject.loaded.inputs
    number = 0
    while True:
        number += 1
        yield subject.model.inputs(rows, workload.accesses, seed + number)


def _scores(score: Any, inputs: "Inputs") -> NDArray[np.float32]:
    starts = range(0, len(inputs[0]), STEP)
    parts = [score(tuple(part[at : at + STEP] for part in inputs)).numpy() for at in starts]
    return np.concatenate(parts)


def _mean(values: list[float]) -> dict[str, Any]:
    """Return mean and interval of shares, which lie between 0 and 1."""
    found = t_interval(values)
    return {"mean": found.value, "ci95": [max(found.low, 0.0), min(found.high, 1.0)]}
