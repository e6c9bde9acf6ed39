"""A model: a network with weights, ready to score."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast, final

import torch
from torch import Tensor, nn

from tailrank.models.artifact import DeepOnly, DienOfArtifact, DinOfArtifact, NcfOfArtifact, SharedTrunk
from tailrank.models.executor import Executor, make_executor
from tailrank.models.inputs import UNIFORM, Accesses, Inputs, draw_inputs
from tailrank.models.interest import Dien, Din
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

    `module` maps inputs to scores (items,). `scale` is the factor by which the tables' rows were multiplied to fit
    memory, `table_bytes` what they take; `network` is None for a model of the user's own.
    """

    name: str
    module: nn.Module
    draw: Callable[[int, Accesses, int], Inputs]
    network: Network | None = None
    scale: float = 1.0
    table_bytes: int = 0

    def inputs(self, items: int, accesses: Accesses = UNIFORM, seed: int = 0) -> Inputs:
        """Return inputs of `items` candidates, each tensor with one row per item; same seed, same bits."""
        return self.draw(items, accesses, seed)

    def score(self, inputs: Inputs) -> Tensor:
        """Return the ranking score of every item, float32 (items,), higher is better."""
        with torch.inference_mode():
            return cast(Tensor, self.module(*inputs))

    def executor(self) -> Executor:
        """Return the fastest way found to score a batch here: a few seconds of tracing and measuring."""
        return make_executor(self.module, self.inputs)


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
