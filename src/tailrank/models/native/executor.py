"""The native executor: a whole network in one call that lets go of the GIL and allocates nothing but the scores."""

from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from tailrank.models.inputs import Inputs
from tailrank.models.native.lower import lower
from tailrank.native import NativeInputs, available
from tailrank.native.compiled import Compiled
from tailrank.native.program import Precision

if TYPE_CHECKING:
    from tailrank.models.model import Model

__all__ = ["NativeExecutor", "native_executor"]


@final
class NativeExecutor:
    """An `Executor` over a compiled program; see `tailrank.native.Compiled` for its precisions."""

    kind = "native"

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.precision = compiled.precision

    def __call__(self, inputs: Inputs) -> Tensor:
        """Score every item of `inputs`; raises `BadInputError` for an id that is no row, or wrong shapes."""
        return torch.from_numpy(self.compiled(arrays(inputs)))

    def bind(self, inputs: Inputs) -> Any:
        """Return a scorer over prepared candidates for the native pool."""
        return self.compiled.bind(arrays(inputs))

    def warm(self, inputs: Inputs) -> None:
        """Touch the weights and make the scratch memory of one worker: nothing is compiled here."""
        self(inputs)

    def facts(self) -> dict[str, Any]:
        """Return the instruction set, the tile and the memory taken beside the module's own."""
        compiled = self.compiled
        facts = {"executor": self.kind, "precision": self.precision, "instructions": compiled.path}
        return facts | {"tile_items": compiled.tile, "own_bytes": compiled.own_bytes}


def native_executor(model: "Model", precision: Precision = "fp32") -> NativeExecutor | None:
    """Return the native executor of a network of the zoo; None for another model, or where none was built."""
    if not available() or model.network is None or model.module is None:
        return None
    return NativeExecutor(Compiled(lower(model.module, model.network), precision))


def arrays(inputs: Inputs) -> NativeInputs:
    """Return the tensors as arrays that share their memory."""
    shared: NativeInputs = tuple([tensor.numpy() for tensor in inputs])
    return shared
