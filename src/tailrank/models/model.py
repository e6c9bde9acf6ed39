"""A model: a network with weights, ready to score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast, final

import torch
from torch import Tensor, nn

from tailrank.core import BadInputError
from tailrank.models.artifact import DeepOnly, DienOfArtifact, DinOfArtifact, NcfOfArtifact, SharedTrunk
from tailrank.models.executor import Executor
from tailrank.models.inputs import UNIFORM, Accesses, Inputs, draw_inputs
from tailrank.models.interest import Dien, Din
from tailrank.models.kinds import Kind, Precision, make_executor
from tailrank.models.onnx_executor import OnnxExecutor
from tailrank.models.ranking import Dlrm, NeuMf, NeuMfApart, WideAndDeep
from tailrank.models.weights import require_memory
from tailrank.zoo import Network, get, scale

__all__ = ["Model", "build"]

_FAMILIES: Final[dict[str, Callable[[Network, int], nn.Module]]] = {
    "dlrm": Dlrm,
    "ncf": NeuMf,
    "neumf": NeuMfApart,
    "wnd": WideAndDeep,
    "din": Din,
    "dien": Dien,
    "ncf-artifact": NcfOfArtifact,
    "wnd-artifact": DeepOnly,
    "mtwnd-artifact": SharedTrunk,
    "din-artifact": DinOfArtifact,
    "dien-artifact": DienOfArtifact,
}


@final
@dataclass(frozen=True, eq=False)
class Model:
    """What a worker scores with. Its methods may be called from several threads at once.

    `module` maps inputs to scores (items,); it is None for an .onnx file, which has `session` instead. `scale` is the
    factor by which the tables' rows were multiplied to fit memory, `table_bytes` what they take; `network` is None for
    a model of the user's own.
    """

    name: str
    module: nn.Module | None
    draw: Callable[[int, Accesses, int], Inputs]
    network: Network | None = None
    scale: float = 1.0
    table_bytes: int = 0
    session: OnnxExecutor | None = None

    def inputs(self, items: int, accesses: Accesses = UNIFORM, seed: int = 0) -> Inputs:
        """Return inputs of `items` candidates, each tensor with one row per item; same seed, same bits."""
        return self.draw(items, accesses, seed)

    def score(self, inputs: Inputs) -> Tensor:
        """Return the ranking score of every item, float32 (items,), higher is better."""
        if self.session is not None:
            return self.session(inputs)
        with torch.inference_mode():
            return cast(Tensor, self.require_module()(*inputs))

    def executor(self, kind: Kind = "auto", precision: Precision = "fp32") -> Executor:
        """Return what scores batches fastest here, after a few seconds of measuring; or the executor of `kind`."""
        return make_executor(self, kind, precision)

    def require_module(self) -> nn.Module:
        """Return the torch module; raises `BadInputError` for an .onnx file."""
        if self.module is None:
            raise BadInputError(f"`{self.name}` is no torch module", hint="give the module as package.module:attribute")
        return self.module


def build(network: str | Network, *, memory_bytes: int, seed: int = 0, tasks: int | None = None) -> Model:
    """Return `network` with random weights and its tables scaled to fit `memory_bytes`.

    Raises `BadInputError` for an unknown name, and `SetupError` where the scaled tables do not fit this host.
    """
    asked = get(network, tasks=tasks) if isinstance(network, str) else network
    scaled, factor = scale(asked, memory_bytes)
    require_memory(scaled.table_bytes)
    return Model(
        name=scaled.name,
        module=_FAMILIES[scaled.family](scaled, seed).eval(),
        draw=lambda items, accesses, draw_seed: draw_inputs(scaled, items, accesses, draw_seed),
        network=scaled,
        scale=factor,
        table_bytes=scaled.table_bytes,
    )
