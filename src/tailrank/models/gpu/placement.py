"""A module's weights on a device, and what it takes there."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tailrank.models.gpu.device import Device
from tailrank.models.inputs import Inputs

__all__ = ["activation_bytes", "placed", "weight_bytes"]

_BLOCK = 1 << 24  # elements moved at a time: a table that changes type is never copied whole on the host
_FEW, _MORE = 4, 12


def weight_bytes(module: nn.Module, floats: torch.dtype) -> int:
    """Return the bytes of all weights, each counted once, with floating point ones as `floats`."""
    return sum(weight.numel() * _kept(weight, floats).itemsize for weight in _weights(module))


def placed(module: nn.Module, device: Device, floats: torch.dtype) -> nn.Module:
    """Return a copy of `module` for inference whose weights lie on `device`, floating point ones as `floats`.

    `module` itself does not change; weights that several blocks share are shared again.
    """
    moved: dict[int, Any] = {}
    for weight in _weights(module):
        there = _copied(weight.detach(), device, _kept(weight, floats))
        moved[id(weight)] = nn.Parameter(there, requires_grad=False) if isinstance(weight, nn.Parameter) else there
    device.synchronize()
    return copy.deepcopy(module, moved).eval()


def activation_bytes(module: nn.Module, make_inputs: Callable[[int], Inputs], items: int) -> int:
    """Return the bytes of everything a forward pass of `items` makes: more than is in use at any one time.

    Counted on two small batches on the host, and continued as a line.
    """
    few, more = (_made_bytes(module, make_inputs(size)) for size in (_FEW, _MORE))
    per_item = max(more - few, 0) / (_MORE - _FEW)
    return few + round(per_item * max(items - _FEW, 0))


def _weights(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _kept(weight: Tensor, floats: torch.dtype) -> torch.dtype:
    return floats if weight.is_floating_point() else weight.dtype


def _copied(weight: Tensor, device: Device, dtype: torch.dtype) -> Tensor:
    source = weight.contiguous().view(-1)
    target = device.empty((len(source),), dtype)
    for at in range(0, len(source), _BLOCK):
        target[at : at + _BLOCK].copy_(source[at : at + _BLOCK])
    return target.view(weight.shape)


def _made_bytes(module: nn.Module, inputs: Inputs) -> int:
    with torch.no_grad(), _Made() as made:
        module(*inputs)
    return int(made.made_bytes)


@final
class _Made(TorchDispatchMode):
    """Counts the bytes of results that are not views of what went in."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.made_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        given = {_place(tensor) for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)}
        for tensor in tree_leaves(results):
            if isinstance(tensor, Tensor) and _place(tensor) not in given:
                self.made_bytes += tensor.numel() * tensor.element_size()
        return results


def _place(tensor: Tensor) -> int:
    return int(tensor.untyped_storage().data_ptr())
