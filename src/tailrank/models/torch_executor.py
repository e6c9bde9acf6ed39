"""The fastest way found to run a module in PyTorch on a CPU: one call per batch, which lets go of the GIL once."""

import copy
import math
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, cast, final

import torch
from torch import Tensor, nn

from tailrank.models.executor import MakeInputs, first_rows, one_thread, same_scores
from tailrank.models.inputs import Inputs
from tailrank.models.packed import packed, row_counts

__all__ = ["MatmulPrecision", "TorchExecutor", "in_bf16", "make_torch_executor"]

Run = Callable[..., Tensor]
Way = Literal["torchscript", "eager"]
MatmulPrecision = Literal["highest", "medium"]

_SIZES = (1, 3, 64, 257)
_TIMED_SIZES = (1, 4, 16, 64, 256)
_JUDGED_SIZES = (16, 256)
_REPEATS = 7
_GAIN = 0.9  # a way must take at most this share of the time of a simpler one to replace it


@final
class TorchExecutor:
    """An `Executor` in PyTorch, fp32 or bf16 as its module is.

    `kind` says what runs. Batches of at least `packed_from` items (None: no batch) run their FC layers in oneDNN with
    packed weights. `matmul_precision` is what the process is set to during the call: torch has one such setting per
    process, so an executor puts its own in force when it finds another. "medium" is chosen only where its scores
    agree with full fp32 to `TOLERANCE`; on CPUs without bf16 matrix units it is fp32 by another library.
    """

    def __init__(
        self,
        plain: Run,
        kind: Way,
        matmul_precision: MatmulPrecision,
        *,
        packed: Run | None,
        packed_from: int | None,
        precision: str = "fp32",
    ) -> None:
        self.kind: Way = kind
        self.precision = precision
        self.matmul_precision: MatmulPrecision = matmul_precision
        self.packed_from = packed_from if packed is not None else None
        self._plain = plain
        self._large = packed if packed is not None else plain
        self._large_from = sys.maxsize if packed_from is None else packed_from

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`."""
        if torch.get_float32_matmul_precision() != self.matmul_precision:
            torch.set_float32_matmul_precision(self.matmul_precision)
        run = self._large if len(inputs[0]) >= self._large_from else self._plain
        with torch.inference_mode():
            return run(*inputs)

    def warm(self, inputs: Inputs) -> None:
        """Run every size that compiles something, up to all of `inputs`, once: call before serving."""
        most = len(inputs[0])
        sizes: tuple[int, ...] | range = _SIZES
        if self.matmul_precision == "medium":  # oneDNN compiles a kernel for every size; see `packed`
            sizes = range(1, most + 1)
        elif self.packed_from is not None:
            sizes = row_counts(most)
        for _ in range(2):  # TorchScript settles after its second run of a graph
            for size in sizes:
                self(first_rows(inputs, min(size, most)))

    def facts(self) -> dict[str, Any]:
        """Return the kind, the precisions, and the batch size from which packed layers run."""
        return {
            "executor": self.kind,
            "precision": self.precision,
            "matmul_precision": self.matmul_precision,
            "packed_from": self.packed_from,
        }


def make_torch_executor(module: nn.Module, make_inputs: MakeInputs, precision: str = "fp32") -> TorchExecutor:
    """Return the fastest of the ways whose scores agree with those of `module` run eagerly at every size tried.

    `precision` is what the weights of `module` are held in already; see `in_bf16`.

    The ways are TorchScript (or eager, where `module` cannot be traced for every size), the same with packed FC
    layers from some batch size on, and both under "medium" precision, judged by their time at 16 and 256 items.
    """
    sample = make_inputs(max(_SIZES))
    with one_thread(), torch.inference_mode():
        torch.set_float32_matmul_precision("highest")
        expected = [module(*first_rows(sample, size)) for size in _SIZES]
        plain, kind, twin = _ways(module, sample, expected)
        highest = _measured(plain, twin, sample)
        torch.set_float32_matmul_precision("medium")
        allowed = all(_agrees(run, sample, expected) for run in (plain, twin) if run is not None)
        medium = _measured(plain, twin, sample) if allowed else None
    chosen: MatmulPrecision = "highest"
    if medium is not None and medium.cost < _GAIN * highest.cost:
        chosen, highest = "medium", medium
    return TorchExecutor(plain, kind, chosen, packed=twin, packed_from=highest.packed_from, precision=precision)


def _ways(module: nn.Module, sample: Inputs, expected: list[Tensor]) -> tuple[Run, Way, Run | None]:
    """Return the plain way, its kind, and the packed way if there is one; each agrees with `expected`."""
    script = _frozen(module, sample)
    if script is None or not _agrees(script, sample, expected):
        return module, "eager", None
    twin = packed(module)
    faster = _frozen(twin, sample) if twin is not None else None
    return script, "torchscript", faster if faster is not None and _agrees(faster, sample, expected) else None


class _Measured(NamedTuple):
    """What one precision gives: the size from which to use packed layers, and the cost with them."""

    packed_from: int | None
    cost: float


def _measured(plain: Run, twin: Run | None, sample: Inputs) -> _Measured:
    times = {size: _time(plain, sample, size) for size in _TIMED_SIZES}
    packed_from = None
    if twin is not None:
        for size in reversed(_TIMED_SIZES):
            time_ns = _time(twin, sample, size)
            if time_ns > _GAIN * times[size]:
                break
            packed_from, times[size] = size, time_ns
    return _Measured(packed_from, math.sqrt(math.prod(times[size] for size in _JUDGED_SIZES)))


def _frozen(module: nn.Module, sample: Inputs) -> Run | None:
    """Return `module` as frozen TorchScript, or None where it cannot be traced (a user's module may do anything)."""
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated, and what tracing makes of a user's code
            traced = torch.jit.trace(module, first_rows(sample, 8), check_trace=False)  # type: ignore[no-untyped-call]
            return cast(Run, torch.jit.freeze(traced))
    except Exception:
        return None


def _agrees(run: Run, sample: Inputs, expected: list[Tensor]) -> bool:
    """Compare twice: TorchScript optimises after its first runs."""
    try:
        for _ in range(2):
            for size, scores in zip(_SIZES, expected, strict=True):
                if not same_scores(run(*first_rows(sample, size)), scores):
                    return False
    except RuntimeError:  # a traced size that another size does not fit
        return False
    return True


def _time(run: Run, sample: Inputs, size: int) -> int:
    """Return the least of a few times, ns: a guide, not a profile."""
    inputs, least = first_rows(sample, size), sys.maxsize
    for _ in range(_REPEATS):
        begin = time.thread_time_ns()  # on one thread; a busy neighbour does not count
        run(*inputs)
        least = min(least, time.thread_time_ns() - begin)
    return max(least, 1)


def in_bf16(module: nn.Module) -> nn.Module:
    """Return a copy of `module` with weights in bf16, which takes the same inputs and returns float32 scores.

    Raises `RuntimeError` or `TypeError` when called where some operation of it mixes types.
    """
    return _InBf16(module).eval()


class _InBf16(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        held = {id(weight): nn.Parameter(_bf16(weight.detach()), False) for weight in module.parameters()}
        self.inner = copy.deepcopy(module, dict(held)).to(torch.bfloat16)  # tables are converted, never held twice

    def forward(self, *inputs: Tensor) -> Tensor:
        return cast(Tensor, self.inner(*[_bf16(each) for each in inputs]).float())


def _bf16(tensor: Tensor) -> Tensor:
    return tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
