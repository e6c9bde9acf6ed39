"""The fastest way found to run a module on a CPU: one call per batch, which lets go of the GIL once."""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple, Protocol, cast, final

import torch
from torch import Tensor, nn

from tailrank.models.inputs import Inputs
from tailrank.models.packed import packed

__all__ = ["TOLERANCE", "Executor", "Kind", "Precision", "make_executor"]

Kind = Literal["torchscript", "eager"]
Precision = Literal["highest", "medium"]

TOLERANCE = 1e-5
"""Largest difference of a score that counts as the same score."""

_SIZES = (1, 3, 64, 257)
_TIMED_SIZES = (16, 256)
_REPEATS = 7
_GAIN = 0.9  # a way must take at most this share of the time of a simpler one to replace it


class MakeInputs(Protocol):
    """Inputs of so many items."""

    def __call__(self, items: int, /) -> Inputs: ...


@final
class Executor:
    """Scores a batch: inputs -> (items,) float32. Threads may share one.

    `kind` says what runs, and `packed` whether its FC layers run in oneDNN with packed weights. `matmul_precision` is
    what the process is set to during the call: torch has one such setting per process, so an executor puts its own in
    force when it finds another. "medium" is chosen only where its scores agree with full fp32 to `TOLERANCE`; on
    CPUs without bf16 matrix units it is fp32 by another library.
    """

    def __init__(self, run: Callable[..., Tensor], kind: Kind, matmul_precision: Precision, *, packed: bool) -> None:
        self._run = run
        self.kind: Kind = kind
        self.matmul_precision: Precision = matmul_precision
        self.packed = packed

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`."""
        if torch.get_float32_matmul_precision() != self.matmul_precision:
            torch.set_float32_matmul_precision(self.matmul_precision)
        with torch.inference_mode():
            return self._run(*inputs)


class _Way(NamedTuple):
    """One way to run a module, simplest first where several are compared."""

    run: Callable[..., Tensor]
    kind: Kind
    packed: bool


def make_executor(module: nn.Module, make_inputs: MakeInputs) -> Executor:
    """Return the fastest of the ways whose scores agree with eager fp32 at every size tried.

    The ways are TorchScript (or eager, where `module` cannot be traced for every size), the same with packed FC
    layers, and either under "medium" precision; they are compared by their time at 16 and 256 items.
    """
    sample = make_inputs(max(_SIZES))
    with _one_thread(), torch.inference_mode():
        torch.set_float32_matmul_precision("highest")
        expected = [module(*_first(sample, size)) for size in _SIZES]
        chosen, best = None, math.inf
        precisions: tuple[Precision, ...] = ("highest", "medium")
        for way in _ways(module, sample, expected):
            for precision in precisions:
                torch.set_float32_matmul_precision(precision)
                if precision == "highest" or _agrees(way.run, sample, expected):
                    cost = _cost(way.run, sample)
                    if chosen is None or cost < _GAIN * best:
                        chosen, best = Executor(way.run, way.kind, precision, packed=way.packed), cost
            torch.set_float32_matmul_precision("highest")
    assert chosen is not None  # eager agrees with itself
    return chosen


def _ways(module: nn.Module, sample: Inputs, expected: list[Tensor]) -> list[_Way]:
    """Return the ways that agree with `expected`; eager is there only where tracing fails."""
    script = _frozen(module, sample)
    if script is None or not _agrees(script, sample, expected):
        return [_Way(module, "eager", packed=False)]
    ways = [_Way(script, "torchscript", packed=False)]
    twin = packed(module)
    faster = _frozen(twin, sample) if twin is not None else None
    if faster is not None and _agrees(faster, sample, expected):
        ways.append(_Way(faster, "torchscript", packed=True))
    return ways


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


def _cost(run: Callable[..., Tensor], sample: Inputs) -> float:
    """Return the geometric mean over sizes of the least of a few times, ns: a guide, not a profile."""
    logs = 0.0
    for size in _TIMED_SIZES:
        inputs, least = _first(sample, size), math.inf
        for _ in range(_REPEATS):
            begin = time.thread_time_ns()  # on one thread; a busy neighbour does not count
            run(*inputs)
            least = min(least, time.thread_time_ns() - begin)
        logs += math.log(max(least, 1))
    return math.exp(logs / len(_TIMED_SIZES))
