"""A module on a GPU: weights moved once, every batch size recorded once, one copy and one launch a batch."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, final, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tailrank.core import BadInputError, SetupError
from tailrank.models.executor import MakeInputs, first_rows
from tailrank.models.gpu.context import Context, Loaded, rows_between
from tailrank.models.gpu.device import Device
from tailrank.models.gpu.layout import Layout, buckets
from tailrank.models.gpu.placement import activation_bytes, placed, weight_bytes
from tailrank.models.inputs import Inputs

__all__ = ["GpuExecutor", "GpuPrecision"]

GpuPrecision = Literal["fp32", "tf32", "bf16"]

_MATMUL: dict[GpuPrecision, str] = {"fp32": "highest", "tf32": "high", "bf16": "highest"}
_ALLOWED: dict[GpuPrecision, float] = {"fp32": 1e-4, "tf32": 2e-2, "bf16": 0.25}
"""A difference beyond this share of the largest score is no rounding."""
_SPARE_BYTES = 512 << 20  # the libraries' own workspace, and what an allocator cannot use
_LESS = "allow fewer bytes of tables, take bf16, fewer workers of the pool, or smaller batches"
_ONE_AT_A_TIME = threading.Lock()  # recordings, and torch's precision, belong to the process


@final
class GpuExecutor:
    """Scores batches of any size on `device`: inputs -> (items,) float32. Threads may share one.

    Each thread has a `Context` of its own, so that as many batches are in flight as there are threads. Weights are
    moved once: float32, or bfloat16 with `bf16`; `tf32` lets products of float32 use tensor cores. torch has one such
    setting per process (`torch.set_float32_matmul_precision`; torch refuses a mix with its newer settings): it is put
    back after the recordings are made, which keep the kernels chosen, so CPU workers may use another. Only where a
    module cannot be recorded (`plain` says why) is it set again at every batch.

    `difference` is the largest between a score here and in fp32 on the host, at the edges of the sizes.
    """

    kind = "gpu"

    def __init__(
        self,
        module: nn.Module,
        make_inputs: MakeInputs,
        device: Device,
        precision: GpuPrecision = "fp32",
        *,
        largest: int = 1024,
        slots: int = 1,
    ) -> None:
        """Move `module`, record it, and compare; batches beyond `largest` items run in several parts.

        `make_inputs(n)` gives inputs to compare with. Raises `SetupError`, before anything is moved, where the weights
        and one batch do not fit the device's free memory; `BadInputError` for an unknown precision, and where the
        module does not run on the device or gives other scores there.
        """
        if precision not in get_args(GpuPrecision):
            accepted = ", ".join(get_args(GpuPrecision))
            raise BadInputError(f"a GPU has no precision `{precision}`", hint=f"accepted: {accepted}")
        self.precision, self.device, self.sizes = precision, device, buckets(largest)
        self.plain = ""
        self._slots = slots
        self._idle: deque[Context] = deque()
        self._contexts: dict[threading.Thread, Context] = {}
        floats = torch.bfloat16 if precision == "bf16" else torch.float32
        sample = make_inputs(self.sizes[-1] + 1)
        layout = Layout.of(sample)
        self.weight_bytes = weight_bytes(module, floats)
        self.context_bytes = layout.size_bytes(self.sizes[-1]) * slots
        self.context_bytes += activation_bytes(module, lambda items: first_rows(sample, items), self.sizes[-1])
        _require(device, self.weight_bytes, self.context_bytes)
        first = first_rows(sample, 1)
        self._loaded = Loaded(
            placed(module, device, floats), device, floats, _MATMUL[precision], layout, self.sizes, first
        )
        self.difference = self._compared(module, sample)

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`, tensors on the host."""
        return torch.from_numpy(self.context().score(rows_between(inputs, 0), len(inputs[0])))

    def warm(self, inputs: Inputs) -> None:
        """Make the calling thread's context, and score `inputs` once: call before serving."""
        self(inputs)

    def reserve(self, contexts: int) -> None:
        """Make contexts for so many threads now, so that none has to wait, or fails, when it begins.

        Raises `SetupError` where they do not fit the device's free memory.
        """
        self._reclaim()
        while len(self._idle) < contexts:
            self._idle.append(self._made())

    def context(self) -> Context:
        """Return the calling thread's context; one whose thread has ended is used again.

        Raises `SetupError` where another one does not fit the device's free memory.
        """
        thread = threading.current_thread()
        found = self._contexts.get(thread)
        if found is None:
            found = self._lent()
            with _ONE_AT_A_TIME:
                self._contexts[thread] = found
        return found

    @contextmanager
    def borrowed(self) -> Iterator[Context]:
        """Lend a context without keeping it for the calling thread."""
        context = self._lent()
        try:
            yield context
        finally:
            self._idle.append(context)

    def facts(self) -> dict[str, Any]:
        """Return what a result says of this executor."""
        facts: dict[str, Any] = {"executor": self.kind, "device": self.device.name, "precision": self.precision}
        facts |= {"batch_sizes_recorded": 0 if self.plain else len(self.sizes), "not_recorded_because": self.plain}
        return facts | {"weight_bytes": self.weight_bytes, "largest_difference": self.difference}

    def _lent(self) -> Context:
        self._reclaim()
        try:
            return self._idle.popleft()
        except IndexError:
            return self._made()

    def _reclaim(self) -> None:
        """Take back the contexts of threads that have ended: an engine starts new ones for every trace."""
        with _ONE_AT_A_TIME:
            for thread in [each for each in self._contexts if not each.is_alive()]:
                self._idle.append(self._contexts.pop(thread))

    def _made(self) -> Context:
        """Return a new context; a module that cannot be recorded is launched kernel by kernel from then on."""
        with _ONE_AT_A_TIME:
            _require(self.device, 0, self.context_bytes)
            before = torch.get_float32_matmul_precision()
            try:
                if self._loaded.record:
                    try:
                        return Context(self._loaded, slots=self._slots)
                    except torch.OutOfMemoryError:
                        raise
                    except RuntimeError as error:
                        self._give_up_recording(_line(error.__context__ or error))
                return Context(self._loaded, slots=self._slots)
            finally:
                torch.set_float32_matmul_precision(before)

    def _give_up_recording(self, why: str) -> None:
        self.plain, self._loaded = why, replace(self._loaded, record=False)

    def _compared(self, module: nn.Module, sample: Inputs) -> float:
        """Return the largest difference; where a recording is what differs, give up recording."""
        expected = _expected(module, sample)
        allowed = _ALLOWED[self.precision] * max(float(np.abs(expected).max()), 1e-6)
        difference = self._difference(sample, expected)
        if not difference <= allowed and not self.plain:  # not-a-number is a difference too
            self._idle.clear()
            self._give_up_recording(f"recorded scores differ by {difference:.3g}")
            difference = self._difference(sample, expected)
        if not difference <= allowed:
            raise BadInputError(
                f"scores on {self.device.name} differ by {difference:.3g} from fp32 on the host",
                hint="an item's score must not depend on the other items of its batch, nor on chance",
            )
        return difference

    def _difference(self, sample: Inputs, expected: NDArray[np.float32]) -> float:
        """Score at the edges of the sizes, and beyond the largest, on a context that others use later."""
        try:
            with self.borrowed() as context:
                edges = sorted({edge for size in self.sizes for edge in (size, size + 1)})
                found = [context.score(rows_between(sample, 0), items) for items in edges]
        except torch.OutOfMemoryError as error:
            raise SetupError(f"out of memory on {self.device.name}: {_line(error)}", hint=_LESS) from error
        except (RuntimeError, TypeError) as error:
            message = f"the module does not run on {self.device.name}: {_line(error)}"
            raise BadInputError(message, hint="all its tensors must be parameters, buffers or inputs") from error
        return float(np.max([np.abs(scores - expected[: len(scores)]).max() for scores in found]))


def _expected(module: nn.Module, sample: Inputs) -> NDArray[np.float32]:
    """Return what the host says, in full fp32."""
    with _ONE_AT_A_TIME, torch.inference_mode():
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("highest")
        try:
            scores: NDArray[np.float32] = module(*sample).flatten().float().numpy()
            return scores
        finally:
            torch.set_float32_matmul_precision(before)


def _require(device: Device, weights: int, batches: int) -> None:
    """Raise `SetupError` unless the bytes fit with some to spare."""
    free = device.free_bytes()
    if weights + batches + _SPARE_BYTES <= free:
        return
    batch = f"{batches / 1e9:.3f} GB for {'a' if weights else 'one more'} batch in flight"
    need = f"{weights / 1e9:.3f} GB of weights and {batch}" if weights else batch
    spare = f"with {_SPARE_BYTES / 1e9:.3f} GB to spare"
    raise SetupError(f"{need}, {spare}, do not fit the {free / 1e9:.3f} GB free on {device.name}", hint=_LESS)


def _line(error: BaseException) -> str:
    """Return the first line of `error`."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
