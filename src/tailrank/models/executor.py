"""The fastest way found to run a module on a CPU: one call per batch, which lets go of the GIL once."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, cast, final

import torch
from torch import Tensor, nn

from tailrank.models.inputs import Inputs

__all__ = ["TOLERANCE", "Executor", "Kind", "Precision", "make_executor"]

Kind = Literal["torchscript", "eager"]
Precision = Literal["highest", "medium"]

TOLERANCE = 1e-5
"""Largest difference of a score that counts as the same score."""

_SIZES = (1, 3, 64, 257)
_TIMED_SIZES = (16, 256)
_REPEATS = 5
_GAIN = 0.95  # a setting must be at least this much faster to leave the default


class MakeInputs(Protocol):
    """Inputs of so many items."""

    def __call__(self, items: int, /) -> Inputs: ...


@final
class Executor:
    """Scores a batch: inputs -> (items,) float32. Threads may share one.

    `kind` says what runs. `matmul_precision` is what the process is set to during the call: torch has one such setting
    per process, so an executor puts its own in force when it finds another. "medium" was chosen only where its scores
    agreed with full fp32 to `TOLERANCE`; on CPUs without bf16 matrix units it is fp32 by another library.
    """

    def __init__(self, run: Callable[..., Tensor], kind: Kind, matmul_precision: Precision) -> None:
        self._run = run
        self.kind: Kind = kind
        self.matmul_precision: Precision = matmul_precision

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`."""
        if torch.get_float32_matmul_precision() != self.matmul_precision:
            torch.set_float32_matmul_precision(self.matmul_precision)
        with torch.inference_mode():
            return self._run(*inputs)


def make_executor(module: nn.Module, make_inputs: MakeInputs) -> Executor:
    """Trace and freeze `module`, keep that where it agrees with eager at every size, then choose the precision."""
    sample = make_inputs(max(_SIZES))
    with _one_thread(), torch.inference_mode():
        torch.set_float32_matmul_precision("highest")
        expected = [module(*_first(sample, size)) for size in _SIZES]
        script = _frozen(module, sample)
        kind: Kind = "torchscript" if script is not None and _agrees(script, sample, expected) else "eager"
        run = cast(Callable[..., Tensor], script if kind == "torchscript" else module)
        return Executor(run, kind, _precision(run, sample, expected))


def _first(inputs: Inputs, items: int) -> Inputs:
    return tuple(tensor[:items] for tensor in inputs)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Measure as workers run: one thread each; the process's precision is put back too."""
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


def _frozen(module: nn.Module, sample: Inputs) -> Callable[..., Tensor] | None:
    """Return `module` as frozen TorchScript, or None where it cannot be traced (a user's module may do anything)."""
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated, and what tracing makes of a user's code
            traced = torch.jit.trace(module, _first(sample, 8), check_trace=False)  # type: ignore[no-untyped-call]
            return cast(Callable[..., Tensor], torch.jit.freeze(traced))
    except Exception:
        return None


def _agrees(run: Callable[..., Tensor], sample: Inputs, expected: list[Tensor]) -> bool:
    """Compare twice: TorchScript optimises after its first runs."""
    try:
        for _ in range(2):
            for size, scores in zip(_SIZES, expected, strict=True):
                found = run(*_first(sample, size))
                if found.shape != scores.shape or not torch.allclose(found, scores, rtol=0, atol=TOLERANCE):
                    return False
    except RuntimeError:  # a traced size that another size does not fit
        return False
    return True


def _precision(run: Callable[..., Tensor], sample: Inputs, expected: list[Tensor]) -> Precision:
    highest = _times(run, sample)
    torch.set_float32_matmul_precision("medium")
    if not _agrees(run, sample, expected):
        return "highest"
    ratio = 1.0
    for slow, fast in zip(highest, _times(run, sample), strict=True):
        ratio *= fast / slow
    return "medium" if ratio ** (1 / len(_TIMED_SIZES)) < _GAIN else "highest"


def _times(run: Callable[..., Tensor], sample: Inputs) -> list[int]:
    """Return the least of a few times at each timed size, ns: a guide, not a profile."""
    times = []
    for size in _TIMED_SIZES:
        inputs, least = _first(sample, size), 1 << 62
        for _ in range(_REPEATS):
            begin = time.perf_counter_ns()
            run(*inputs)
            least = min(least, time.perf_counter_ns() - begin)
        times.append(least)
    return times
