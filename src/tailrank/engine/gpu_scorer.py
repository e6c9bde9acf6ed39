"""A scorer over a module on a GPU: rows go from prepared inputs straight into each worker's pinned memory."""

import numpy as np
import torch
from numpy.typing import NDArray

from tailrank.models.gpu import GpuExecutor, rows_at, rows_between
from tailrank.models.inputs import Inputs

__all__ = ["GpuScorer"]

F32 = NDArray[np.float32]


class GpuScorer:
    """Scores prepared candidates: `inputs` are tensors on the host whose leading dimension is the candidate.

    Several workers keep several batches in flight. `workers` contexts are made at once, so that a device too small for
    them is known before any worker starts.
    """

    native = None  # Python threads serve it: waiting for the device takes no GIL

    def __init__(self, executor: GpuExecutor, inputs: Inputs, *, workers: int = 1) -> None:
        self.rows = len(inputs[0])
        self._executor, self._inputs = executor, inputs
        executor.reserve(workers)

    def prepare(self) -> None:
        """Give this worker thread its context, and one thread to fill pinned memory with."""
        torch.set_num_threads(1)
        self._executor.context()

    def score(self, first: int, stop: int) -> F32:
        """Return the scores of rows `first` to `stop` (exclusive)."""
        return self._executor.context().score(rows_between(self._inputs, first), stop - first)

    def score_rows(self, rows: NDArray[np.int64]) -> F32:
        """Return the scores of `rows`, gathered into pinned memory."""
        return self._executor.context().score(rows_at(self._inputs, rows), len(rows))
