"""One thread's way to the device: its own streams, pinned buffers and recordings.

host rows ─▶ pinned block ─▶ device block ─▶ scores ─▶ pinned scores ─▶ numpy
  fill        copy stream     compute stream (one launch)  compute stream
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tailrank.models.gpu.device import Device, Work
from tailrank.models.gpu.layout import Layout
from tailrank.models.inputs import Inputs

__all__ = ["Context", "Fill", "Loaded", "Pending", "Stamps", "rows_at", "rows_between"]

F32 = NDArray[np.float32]
Fill = Callable[[int, int, Inputs], None]
"""Writes items `first` to `stop` of a batch into the front rows of pinned views of its inputs."""

_WARM_RUNS = 2  # libraries choose kernels and take workspace in their first runs, which a recording may not


def rows_between(inputs: Inputs, start: int) -> Fill:
    """Return what fills in the rows of `inputs` from row `start` on."""

    def fill(first: int, stop: int, views: Inputs) -> None:
        for view, source in zip(views, inputs, strict=True):
            view[: stop - first].copy_(source[start + first : start + stop])

    return fill


def rows_at(inputs: Inputs, rows: NDArray[np.int64]) -> Fill:
    """Return what gathers `rows` of `inputs`, straight into pinned memory."""
    index = torch.from_numpy(rows)

    def fill(first: int, stop: int, views: Inputs) -> None:
        for view, source in zip(views, inputs, strict=True):
            torch.index_select(source, 0, index[first:stop], out=view[: stop - first])

    return fill


@dataclass(frozen=True, eq=False)
class Loaded:
    """A module on a device, and how to run it: shared by all contexts.

    `sizes` are the batch sizes to run, the last the largest; `first` is one item's inputs; with `record` every size
    is one launch, else the module's kernels are launched one by one. `floats` is the type of weights and activations,
    `matmul_precision` torch's setting for products of float32: a recording keeps what was set when it was made.
    """

    module: nn.Module
    device: Device
    floats: torch.dtype
    matmul_precision: str
    layout: Layout
    sizes: tuple[int, ...]
    first: Inputs
    record: bool = True


@dataclass(frozen=True)
class Stamps:
    """Where one batch's time on the device went, ns."""

    to_device_ns: int
    compute_ns: int
    to_host_ns: int


@final
class _Slot:
    """Buffers, events and launches of one batch in flight."""

    def __init__(self, loaded: Loaded) -> None:
        device, layout, most = loaded.device, loaded.layout, loaded.sizes[-1]
        size_bytes = max(layout.size_bytes(rows) for rows in loaded.sizes)
        self.pinned, self.block = (make((size_bytes,), torch.uint8) for make in (device.pinned, device.empty))
        self.found, self.scores = (make((most,), torch.float32) for make in (device.pinned, device.empty))
        self.views = {rows: layout.views(self.pinned, rows) for rows in loaded.sizes}
        self.begun, self.copied, self.computed, self.done = (device.event() for _ in range(4))
        self.launches = {
            rows: partial(_forward, loaded, layout.views(self.block, rows), self.scores[:rows]) for rows in loaded.sizes
        }
        self.work: dict[int, Work] = dict(self.launches)


@final
@dataclass(frozen=True, eq=False)
class Pending:
    """A batch on its way: items `first` to `stop`."""

    slot: _Slot
    first: int
    stop: int


@final
class Context:
    """Scores batches of one thread at a time; `slots` of them may be on their way at once.

    With two slots the copy of the next batch overlaps the computation of this one, which a batch larger than the
    largest size profits from. Making one runs and records every size, so only one thread may make one at a time.
    Raises `RuntimeError` where the module cannot be recorded.
    """

    def __init__(self, loaded: Loaded, *, slots: int = 1) -> None:
        self._loaded, self._sizes = loaded, loaded.sizes
        self._copies, self._launches = loaded.device.stream(), loaded.device.stream()
        self._free = deque(_Slot(loaded) for _ in range(slots))
        for slot in self._free:
            self._warm(slot)

    def score(self, fill: Fill, items: int) -> F32:
        """Return the scores of a batch of any size, (items,); the GIL is free while the device works."""
        return self._score(fill, items)[0]

    def stamped(self, fill: Fill, items: int) -> tuple[F32, Stamps]:
        """Like `score` for a batch that fits the largest size, and say where the time went."""
        scores, last = self._score(fill, items)
        begun, copied, computed, done = last.begun, last.copied, last.computed, last.done
        ends = ((begun, copied), (copied, computed), (computed, done))
        return scores, Stamps(*(round(start.elapsed_time(end) * 1e6) for start, end in ends))

    def submit(self, fill: Fill, first: int, stop: int) -> Pending:
        """Start items `first` to `stop` of a batch; `fill` is done with when this returns.

        Raises `RuntimeError` where every slot is taken: take a `result` first.
        """
        if not self._free:
            raise RuntimeError("every slot of this context has a batch on its way: take a result first")
        slot = self._free.popleft()
        try:
            rows = self._sizes[bisect_left(self._sizes, stop - first)]
            self._start(slot, fill, first, stop, rows)
        except BaseException:
            self._free.append(slot)
            raise
        return Pending(slot, first, stop)

    def result(self, pending: Pending) -> F32:
        """Wait for a batch and return its scores, (stop - first,)."""
        slot = pending.slot
        slot.done.synchronize()
        scores: F32 = slot.found[: pending.stop - pending.first].numpy().copy()
        self._free.append(slot)
        return scores

    def _score(self, fill: Fill, items: int) -> tuple[F32, _Slot]:
        scores = np.empty(items, dtype=np.float32)
        last, most = self._free[0], self._sizes[-1]
        under_way: deque[Pending] = deque()

        def take() -> None:
            pending = under_way.popleft()
            scores[pending.first : pending.stop] = self.result(pending)

        try:
            for first in range(0, items, most):
                if not self._free:
                    take()
                under_way.append(self.submit(fill, first, min(first + most, items)))
                last = under_way[-1].slot
        finally:
            while under_way:
                take()
        return scores, last

    def _start(self, slot: _Slot, fill: Fill, first: int, stop: int, rows: int) -> None:
        """Fill and launch a batch, padded to `rows`."""
        items, views = stop - first, slot.views[rows]
        fill(first, stop, views)
        if items < rows:  # any valid row will do; what the buffer held before may not be one
            for view in views:
                view[items:] = view[:1]
        copies, launches, size_bytes = self._copies, self._launches, self._loaded.layout.size_bytes(rows)
        copies.record(slot.begun)
        copies.copy(slot.block[:size_bytes], slot.pinned[:size_bytes])
        copies.record(slot.copied)
        launches.wait(slot.copied)
        launches.run(slot.work[rows])
        launches.record(slot.computed)
        launches.copy(slot.found[:items], slot.scores[:items])
        launches.record(slot.done)

    def _warm(self, slot: _Slot) -> None:
        """Run every size, then record it; the largest first, since later recordings use its memory again."""
        fill = rows_between(self._loaded.first, 0)
        for rows in reversed(self._sizes):
            for _ in range(_WARM_RUNS):
                self._start(slot, fill, 0, 1, rows)
                slot.done.synchronize()
            if self._loaded.record:
                slot.work[rows] = self._launches.capture(slot.launches[rows])


def _forward(loaded: Loaded, inputs: Inputs, scores: Tensor) -> None:
    """Score device inputs into `scores` (rows,): what is launched or recorded."""
    if torch.get_float32_matmul_precision() != loaded.matmul_precision:
        torch.set_float32_matmul_precision(loaded.matmul_precision)
    cast = tuple(tensor.to(loaded.floats) if tensor.is_floating_point() else tensor for tensor in inputs)
    with torch.inference_mode():
        scores.copy_(loaded.module(*cast).flatten())
