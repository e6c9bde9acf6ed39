"""torch.compile as an executor: C++ made of the whole module, at seconds for each shape it has not met."""

import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, Final, cast, final

import torch
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack

from tailrank.core import BadInputError, SetupError
from tailrank.models.executor import first_rows, one_thread
from tailrank.models.inputs import Inputs

__all__ = ["CompiledExecutor"]

# One item is a graph of its own to the compiler; any other count shares one, if the first it sees equals no width.
_SIZES = (61, 1, 64)
_OPTIONS: Final[dict[str, str | int | bool | Callable[..., Any]]] = {
    "freezing": True,
    "cpp.threads": 1,
    "compile_threads": 1,
}

Run = Callable[..., Tensor]


@final
class CompiledExecutor:
    """An `Executor` of the C++ that torch.compile (inductor, weights frozen, any batch size) makes of `module`.

    Compiling takes about ten seconds for a network, in `warm`, and a second or so on the first call of every further
    thread: what the compiler checks before it runs a graph is not safe among threads, so each has graphs of its own,
    from the cache that the compiler keeps on disk. It holds the GIL while it compiles, and between operators while it
    runs. It falls back to plain Python in many a case without saying so: a module that does not compile whole is
    refused here.
    """

    def __init__(self, module: nn.Module, precision: str = "fp32") -> None:
        self.kind = "compiled"
        self.precision = precision
        self.graphs = 0
        self._module = module
        self._of_thread = threading.local()
        self._sample: Inputs | None = None

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`; compiles on the first call of a thread."""
        run: Run | None = getattr(self._of_thread, "run", None)
        if run is None:
            run = self._compiled(self._sample or inputs)
        with torch.inference_mode():
            return run(*_alike(inputs))

    def warm(self, inputs: Inputs) -> None:
        """Compile for one item and for several, for the calling thread.

        Raises `SetupError` without a C++ compiler, and `BadInputError` where the module cannot be compiled whole.
        """
        from torch._dynamo import exc
        from torch._dynamo.utils import counters
        from torch._inductor.exc import InvalidCxxCompiler

        self._sample = first_rows(inputs, max(_SIZES))
        before = counters["stats"]["unique_graphs"]
        try:
            self(inputs)
        except (exc.TorchDynamoException, InvalidCxxCompiler) as error:
            if isinstance(error, InvalidCxxCompiler) or "InvalidCxxCompiler" in str(error):
                message = "torch.compile found no C++ compiler that works"
                raise SetupError(message, hint="install g++ or clang, or choose another executor") from error
            line = str(error).strip().partition("\n")[0]
            hint = "choose the executor `torch`, which runs any module"
            raise BadInputError(f"torch.compile cannot compile the module whole: {line}", hint=hint) from error
        self.graphs += counters["stats"]["unique_graphs"] - before
        if self.graphs == 0:
            hint = "unset TORCHDYNAMO_DISABLE and TORCH_COMPILE_DISABLE, or choose the executor `torch`"
            raise SetupError("torch.compile ran the module without compiling it", hint=hint)

    def facts(self) -> dict[str, Any]:
        """Return the kind, the precision, and how many graphs were compiled."""
        return {"executor": self.kind, "precision": self.precision, "compiled_graphs": self.graphs}

    def _compiled(self, sample: Inputs) -> Run:
        """Compile for this thread, one intra-op thread each."""
        run = cast(Run, torch.compile(_alone(self._module), fullgraph=True, dynamic=True, options=_OPTIONS))
        with one_thread(), torch.inference_mode():
            for size in _SIZES:
                run(*_alike(first_rows(sample, size)))
        self._of_thread.run = run
        return run


def _alike(inputs: Inputs) -> list[Tensor]:
    """Return `inputs`, not copied, without what the compiler would tell apart: views, and tensors kept for autograd."""
    return [
        from_dlpack(tensor) if tensor.dtype is torch.bfloat16 else torch.from_numpy(tensor.numpy()) for tensor in inputs
    ]


def _alone(module: nn.Module) -> Run:
    """Return a function with code of its own that calls `module`.

    The compiler keeps what it made with the code it was made of. All modules of a class share theirs, so that one
    would meet graphs, weights frozen in, of another, and their number is limited.
    """

    def run(*inputs: Tensor) -> Tensor:
        return cast(Tensor, module(*inputs))

    return FunctionType(run.__code__.replace(), run.__globals__, run.__name__, closure=run.__closure__)
