"""The choice among executors: of those that give the model's scores, each batch size goes to the fastest."""

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, sqrt
from statistics import median
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from tailrank.core import BadInputError, SetupError
from tailrank.models.executor import Executor, MakeInputs, first_rows, one_thread, same_scores
from tailrank.models.inputs import Inputs

__all__ = ["SIZES", "AutoExecutor", "Candidate", "Range", "choose"]

Candidate = Callable[[], Executor | None]

SIZES = (1, 4, 16, 64, 256, 1024)
"""Batch sizes at which executors are timed; what lies between two goes to the nearer by ratio."""

_COMPARED_SIZES = (1, 3, 64, 257)
_GAIN = 0.9  # an executor must take at most this share of the time of an earlier one to replace it
_LEAST_ROUNDS, _MOST_ROUNDS = 3, 15
_SIZE_BUDGET_NS = 400_000_000  # of timing one size, unless the least rounds take longer


class Range(NamedTuple):
    """Batches of at least `first` items go to `executor`."""

    first: int
    executor: Executor


@final
class AutoExecutor:
    """An `Executor` that hands each batch to another by its size.

    `ranges` ascend and begin at 1; `refused` says of executors left out why.
    """

    def __init__(self, ranges: Sequence[Range], refused: dict[str, str] | None = None) -> None:
        self.kind = "auto"
        self.precision = "fp32"
        self.ranges = tuple(ranges)
        self.refused = refused or {}
        self._firsts = [0, *(each.first for each in ranges[1:])]
        self._executors = [each.executor for each in ranges]

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`."""
        return self._executors[bisect_right(self._firsts, len(inputs[0])) - 1](inputs)

    def warm(self, inputs: Inputs) -> None:
        """Warm each executor with as many rows as it will ever get."""
        ends = [each.first - 1 for each in self.ranges[1:]] + [len(inputs[0])]
        for each, end in zip(self.ranges, ends, strict=True):
            if each.first <= len(inputs[0]):
                each.executor.warm(first_rows(inputs, end))

    def facts(self) -> dict[str, Any]:
        """Return who serves which sizes, in words and as data."""
        words = ", ".join(f"{executor.kind} from {first} items" for first, executor in self.ranges)
        ranges = [{"from_items": first} | executor.facts() for first, executor in self.ranges]
        only = self.ranges[0].executor.facts() if len(self.ranges) == 1 else {"executor": words}
        return {"ranges": ranges, "refused": self.refused, "precision": self.precision} | only


def choose(
    candidates: Sequence[Candidate],
    make_inputs: MakeInputs,
    sizes: Sequence[int] = SIZES,
    *,
    reference: Callable[[Inputs], Tensor],
) -> Executor:
    """Return the fastest executor for each batch size, of the `candidates` whose scores are those of `reference`.

    A candidate makes an executor, or None where this host cannot run it. All are run on one thread, in turn and over
    changing rows, at ascending `sizes`; a later one replaces an earlier one where it is a tenth faster. One that wins
    at every size is returned itself. Raises `SetupError` where there is no executor, and `BadInputError` where none
    gives the scores of `reference`.
    """
    made = [executor for make in candidates if (executor := make()) is not None]
    if not made:
        raise SetupError("no executor runs on this host", hint="install tailrank[torch]")
    with one_thread():
        sample = make_inputs(2 * max(*sizes, *_COMPARED_SIZES))
        refused = _refused(made, sample, reference)
        agreeing = [each for each in made if each.kind not in refused]
        if not agreeing:
            message = f"no executor gives the model's scores: {'; '.join(f'{k} {w}' for k, w in refused.items())}"
            raise BadInputError(message, hint="does the model give the same scores for the same inputs twice?")
        winners = [_fastest(agreeing, sample, size) for size in sizes] if len(agreeing) > 1 else [agreeing[0]]
    ranges = [Range(1, winners[0])]
    for (size, before), (larger, after) in pairwise(zip(sizes, winners, strict=False)):
        if after is not before:
            ranges.append(Range(ceil(sqrt(size * larger)), after))
    return winners[0] if len(ranges) == 1 and not refused else AutoExecutor(ranges, refused)


def _refused(made: Sequence[Executor], sample: Inputs, reference: Callable[[Inputs], Tensor]) -> dict[str, str]:
    """Return by kind why an executor does not give the scores of `reference`."""
    torch.set_float32_matmul_precision("highest")
    refused: dict[str, str] = {}
    expected = {size: reference(first_rows(sample, size)) for size in _COMPARED_SIZES}
    for executor in made:
        for size, scores in expected.items():
            for _ in range(2):  # TorchScript optimises after its first run
                found = executor(first_rows(sample, size))
                if not same_scores(found, scores):
                    refused.setdefault(executor.kind, _difference(found, scores))
    return refused


def _difference(found: Tensor, expected: Tensor) -> str:
    if found.shape != expected.shape:
        return f"returns shape {tuple(found.shape)} for {len(expected)} items"
    return f"differs by {(found - expected).abs().max().item():.1e} in batches of {len(expected)}"


def _fastest(executors: Sequence[Executor], sample: Inputs, size: int) -> Executor:
    """Time `executors` in turn, each call on rows that the call before did not bring into a cache."""
    rows, at, began = len(sample[0]), 0, time.thread_time_ns()
    spent: list[list[int]] = [[] for _ in executors]
    while len(spent[0]) < _LEAST_ROUNDS or (
        len(spent[0]) < _MOST_ROUNDS and time.thread_time_ns() - began < _SIZE_BUDGET_NS
    ):
        for executor, times in zip(executors, spent, strict=True):
            inputs = tuple(tensor[at : at + size] for tensor in sample)
            at = at + size if at + 2 * size <= rows else 0
            times.append(_time_ns(executor, inputs))
    best = 0
    for number, times in enumerate(spent):
        if median(times) < _GAIN * median(spent[best]):
            best = number
    return executors[best]


def _time_ns(executor: Executor, inputs: Inputs) -> int:
    begin = time.thread_time_ns()  # on one thread; a busy neighbour does not count
    executor(inputs)
    return time.thread_time_ns() - begin
