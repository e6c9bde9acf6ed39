"""The optimised variant of `Mlp`: oneDNN with weights packed once, ReLU fused, full fp32.

torch's own fp32 products use MKL, which takes its AVX2 path on AMD CPUs: oneDNN gives about twice the speed on wide
layers from a few items on, and loses at one. It needs operators that torch's compiler uses and that are not promised
to stay, so `packed` says None where they are absent; the executor compares scores, then times, before it uses them.

oneDNN compiles a kernel for each layer and count of rows, at a millisecond or so each, and keeps 1,024 of them.
Query sizes are anything up to a thousand, so rows are padded to one of a few `row_counts`: no batch of a serving
process then waits for a compiler, once `Executor.warm` has run each of them.
"""

import copy
import warnings
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from tailrank.models.layers import Mlp

__all__ = ["packed", "row_counts"]

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
        self.linear, self.pad, self.cut = _scripted(_pointwise), _scripted(_padded), _scripted(_cut)
        for number, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
            layout = torch.ops.mkldnn._reorder_linear_weight(weight.detach(), _HINT)
            self.register_buffer(f"weight_{number}", layout)
            self.register_buffer(f"bias_{number}", bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        rows = x
        x = self.pad(x)
        for number in range(self.depth):
            after = self.last if number == self.depth - 1 else "relu"
            x = self.linear(x, self.get_buffer(f"weight_{number}"), self.get_buffer(f"bias_{number}"), after)
        return self.cut(x, rows)


def _pointwise(x: Tensor, weight: Tensor, bias: Tensor, after: str) -> Tensor:
    scores: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, after, [], None)
    return scores


def _padded(x: Tensor) -> Tensor:
    """Add rows of zeros up to the next of `row_counts`; (N, W) -> (M, W)."""
    rows = x.shape[0]
    step = 1 if rows <= 8 else (8 if rows <= 256 else (16 if rows <= 512 else 32))
    more = (step - rows % step) % step
    if more == 0:
        return x.view_as(x)  # not `x` itself: the tracer would take the two for one tensor
    return torch.constant_pad_nd(x, [0, 0, 0, more])


def _cut(x: Tensor, like: Tensor) -> Tensor:
    """Take the padding off again: as many rows as `like` has."""
    return x.narrow(0, 0, like.shape[0])


def row_counts(most: int) -> tuple[int, ...]:
    """Return the counts of rows up to and including the one that holds `most`: what `_padded` pads to."""
    counts = (*range(1, 8), *range(8, 256, 8), *range(256, 512, 16), *range(512, most + 32, 32))
    end = next(number for number, count in enumerate(counts) if count >= most)
    return counts[: end + 1]


def _scripted(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return `function` scripted: tracing would record the size it saw, and cannot record an empty list at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return cast(Callable[..., Tensor], torch.jit.script(function))
