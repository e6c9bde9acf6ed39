"""A scorer over an executor: one copy of the weights, one intra-op thread a worker, zero-copy slices."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tailrank.models.auto import AutoExecutor
from tailrank.models.native import NativeExecutor

__all__ = ["Inputs", "TorchScorer"]

Inputs = tuple[torch.Tensor, ...]
F32 = NDArray[np.float32]


class Call(Protocol):
    """A whole batch in one call that releases the GIL."""

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """Return scores of shape (items,)."""
        ...


class TorchScorer:
    """Scores prepared candidates: `inputs` are tensors whose leading dimension is the candidate.

    `native` is for a native crew where `call` is the native executor at every batch size, None otherwise: one that goes
    from executor to executor by the size of the batch needs Python threads.
    """

    def __init__(self, call: Call, inputs: Inputs) -> None:
        self.rows = len(inputs[0])
        only = _only(call)
        self.native: Any = only.bind(inputs) if isinstance(only, NativeExecutor) else None
        self._call, self._inputs = call, inputs

    def prepare(self) -> None:
        """Give this worker thread one intra-op thread: workers are the parallelism."""
        torch.set_num_threads(1)

    def score(self, first: int, stop: int) -> F32:
        """Return the scores of rows `first` to `stop` (exclusive)."""
        scores: F32 = self._call(tuple([t[first:stop] for t in self._inputs])).numpy()
        return scores

    def score_rows(self, rows: NDArray[np.int64]) -> F32:
        """Return the scores of `rows`, gathered first."""
        index = torch.from_numpy(rows)
        scores: F32 = self._call(tuple([t.index_select(0, index) for t in self._inputs])).numpy()
        return scores


def _only(call: Call) -> Call:
    """Return the executor that serves every batch size, where `call` chose the same for all."""
    return call.ranges[0].executor if isinstance(call, AutoExecutor) and len(call.ranges) == 1 else call
