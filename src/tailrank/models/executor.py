"""What runs a batch: one small interface, and what every way of running is held to."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor

from tailrank.models.inputs import Inputs

__all__ = ["TOLERANCE", "Executor", "MakeInputs", "first_rows", "one_thread", "same_scores"]

TOLERANCE = 1e-5
"""Largest difference of a score, absolute plus relative, that counts as the same score."""


class Executor(Protocol):
    """Scores a batch: inputs -> (items,) float32. Threads may share one; each runs on the thread that calls it."""

    @property
    def kind(self) -> str:
        """What runs: "torchscript", "eager", "compiled", "onnxruntime", "native", or "auto" for several by size."""
        ...

    @property
    def precision(self) -> str:
        """What weights are held in: "fp32", "bf16" or "int8"; scores are float32 always."""
        ...

    def __call__(self, inputs: Inputs) -> Tensor:
        """Return the score of every item of `inputs`, float32 (items,)."""
        ...

    def warm(self, inputs: Inputs) -> None:
        """Run what is compiled or cached on first use, up to all of `inputs`: call before serving."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return what a result says of it: JSON values, with at least `executor` and `precision`."""
        ...


class MakeInputs(Protocol):
    """Inputs of so many items."""

    def __call__(self, items: int, /) -> Inputs:
        """Return inputs with `items` rows."""
        ...


def first_rows(inputs: Inputs, items: int) -> Inputs:
    """Return the first `items` rows, as views."""
    return tuple(tensor[:items] for tensor in inputs)


def same_scores(found: Tensor, expected: Tensor) -> bool:
    """Tell whether `found` has the shape of `expected`, and its values to `TOLERANCE`."""
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@contextmanager
def one_thread() -> Iterator[None]:
    """Measure as workers run: one thread each; the process's precision is put back too."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)
