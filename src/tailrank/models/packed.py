"""The optimised variant of `Mlp`: oneDNN with weights packed once, ReLU fused, full fp32.

torch's own fp32 products use MKL, which takes its AVX2 path on AMD CPUs: oneDNN gives about twice the speed on wide
layers from a few items on, and loses at one. It needs operators that torch's compiler uses and that are not promised
to stay, so `packed` says None where they are absent; the executor compares scores, then times, before it uses them.
"""

import copy
import warnings
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from tailrank.models.layers import Mlp

__all__ = ["packed"]

_HINT = 64  # items per batch to pack for; the layout depends little on it


def packed(module: nn.Module) -> nn.Module | None:
    """Return a copy of `module` whose chains are packed, or None where it has none or torch cannot.

    All other weights are shared with `module`, so that tables are not copied.
    """
    if not any(isinstance(block, Mlp) for block in module.modules()):
        return None
    twin = copy.deepcopy(module, {id(weight): weight for weight in module.parameters()})
    try:
        with torch.no_grad():
            for block in list(twin.modules()):
                for name, child in list(block.named_children()):
                    if isinstance(child, Mlp):
                        setattr(block, name, _PackedMlp(child))
    except (RuntimeError, AttributeError, NotImplementedError):
        return None
    return twin.eval()


class _PackedMlp(nn.Module):
    """An `Mlp` for inference; the weights are copies."""

    def __init__(self, mlp: Mlp) -> None:
        super().__init__()
        self.last, self.depth = mlp.last, len(mlp.weights)
        self.linear = _linear()
        for number, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
            layout = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _HINT)
            self.register_buffer(f"weight_{number}", layout)
            self.register_buffer(f"bias_{number}", bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        for number in range(self.depth):
            after = self.last if number == self.depth - 1 else "relu"
            x = self.linear(x, self.get_buffer(f"weight_{number}"), self.get_buffer(f"bias_{number}"), after)
        return x


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor, after: str) -> Tensor:
    scores: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, after, [], None)
    return scores


def _linear() -> Callable[[Tensor, Tensor, Tensor, str], Tensor]:
    """Return the operator as a scripted function: tracing cannot record its empty list of scalars itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return cast(Callable[[Tensor, Tensor, Tensor, str], Tensor], torch.jit.script(_pointwise))
