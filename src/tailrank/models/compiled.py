"""torch.compile as an executor: C++ made of the whole module, at seconds for each shape it has not met."""

from collections.abc import Callable
from typing import Any, Final, cast, final

import torch
from torch import Tensor, nn

from tailrank.core import BadInputError, SetupError
from tailrank.models.executor import first_rows, one_thread
from tailrank.models.inputs import Inputs

__all__ = ["CompiledExecutor"]

_SIZES = (3, 1, 64)  # one item is a graph of its own to the compiler, any other count shares one
_OPTIONS: Final[dict[str, str | int | bool | Callable[..., Any]]] = {
    "freezing": True,
    "cpp.threads": 1,
    "compile_threads": 1,
}
_GRAPHS_AT_MOST = 64  # kept by the compiler for all instances of one class of module


@final
class CompiledExecutor:
    """An `Executor` of the C++ that torch.compile (inductor, weights frozen, any batch size) makes of `module`.

    Compiling happens in `warm`, about ten seconds for a network, and holds the GIL; a call may hold it too, since
    what surrounds the generated loops is Python. The compiler falls back to plain Python in many a case without
    saying so: here a module that does not compile whole is refused.
    """

    def __init__(self, module: nn.Module, precision: str = "fp32") -> None:
        self.kind = "compiled"
        self.precision = precision
        self.graphs = 0
        self._run = torch.compile(module, fullgraph=True, dynamic=True, options=_OPTIONS)

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`; compiles first where `warm` has not seen the like."""
        with torch.inference_mode():
            return cast(Tensor, self._run(*inputs))

    def warm(self, inputs: Inputs) -> None:
        """Compile for one item and for several, up to all of `inputs`.

        Raises `SetupError` without a C++ compiler, and `BadInputError` where the module cannot be compiled whole.
        """
        from torch._dynamo import config, exc
        from torch._dynamo.utils import counters
        from torch._inductor.exc import InvalidCxxCompiler

        before = counters["stats"]["unique_graphs"]
        try:
            with one_thread(), config.patch(recompile_limit=_GRAPHS_AT_MOST):
                for size in (*_SIZES, len(inputs[0])):
                    self(first_rows(inputs, min(size, len(inputs[0]))))
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
