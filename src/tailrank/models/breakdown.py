"""Where a network's time and FLOPs go, by operator class, taken from the running network.

DeepRecSys sorts ranking networks by the class that takes most of their time (figure 3): lookups in RMC1 and RMC2,
fully connected layers in RMC3, NCF, WnD and MT-WnD, attention in DIN, recurrence in DIEN.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tailrank.models.inputs import UNIFORM, Accesses, Inputs
from tailrank.models.model import Model
from tailrank.zoo import OPERATORS, Operator

__all__ = ["counted_flops", "operators"]

_BEYOND_CACHE_BYTES = 256 << 20


def operators(
    model: Model, items: int, *, accesses: Accesses = UNIFORM, repeats: int = 20, seed: int = 0
) -> dict[str, float]:
    """Return the share of time of each operator class in batches of `items`; the shares sum to 1.

    Measured in eager mode on one thread, where a class is the CPU time inside its blocks and `other` what is between
    them, measuring included; each class counts its median over `repeats` runs. The runs read different rows, as far as
    that matters to a cache. A model of the user's own has no classes: all is `other`.
    """
    batches = min(repeats, _batches_beyond_cache(model, items))
    inputs = model.inputs(items * batches, accesses, seed)
    starts = [number % batches * items for number in range(repeats + 1)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        runs = [_timed(model, tuple(tensor[at : at + items] for tensor in inputs)) for at in starts][1:]
    finally:
        torch.set_num_threads(threads)
    medians = {name: sorted(run[name] for run in runs)[len(runs) // 2] for name in OPERATORS}
    total = sum(medians.values())
    return {name: spent / total for name, spent in medians.items()}


def _batches_beyond_cache(model: Model, items: int) -> int:
    """Return how many batches together read more than a cache holds."""
    read_bytes = items * (model.network.embedding_bytes_per_item if model.network else 0)
    return math.ceil(_BEYOND_CACHE_BYTES / read_bytes) if read_bytes else 1


def _timed(model: Model, inputs: Inputs) -> dict[str, int]:
    """Return the time of each class in one run, ns."""
    spent: dict[str, int] = dict.fromkeys(OPERATORS, 0)
    begun = [0]

    def enter(*_: Any) -> None:
        begun[0] = time.thread_time_ns()

    def leave(block: nn.Module, *_: Any) -> None:
        spent[_class_of(block)] += time.thread_time_ns() - begun[0]

    with _hooks(model.module, enter, leave):
        begin = time.thread_time_ns()
        model.score(inputs)
        whole = time.thread_time_ns() - begin
    spent["other"] = max(whole - sum(spent.values()), 0)
    return spent


def _class_of(block: nn.Module) -> Operator:
    return cast(Operator, block.operator)


@contextmanager
def _hooks(
    module: nn.Module | None, enter: Callable[..., None] | None, leave: Callable[..., None] | None
) -> Iterator[None]:
    """Call `enter` before and `leave` after every block that belongs to an operator class; blocks never nest."""
    handles = []
    for block in module.modules() if module is not None else ():
        if hasattr(block, "operator"):
            if enter:
                handles.append(block.register_forward_pre_hook(enter))
            if leave:
                handles.append(block.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def counted_flops(model: Model, items: int, *, seed: int = 0) -> int:
    """Return the FLOPs of scoring `items`, counted in the running network.

    Matrix products are counted by torch as they are dispatched, additions of pooled lookups from the ids that arrive
    and the rows that leave. Element-wise work is not counted, so `zoo` may say slightly more. Of the F vectors of a
    `dot` interaction torch multiplies each with each, F * F products; `zoo` counts the F * (F - 1) / 2 pairs in use.
    """
    adds = [0]

    def leave(block: nn.Module, inputs: tuple[Tensor, ...], rows: Tensor) -> None:
        if _class_of(block) == "lookup":
            dim = cast(Tensor, block.weight).shape[1]
            adds[0] += inputs[0].numel() * dim - rows.numel()

    counter = FlopCounterMode(display=False)
    module = model.require_module()
    with _hooks(module, None, leave), torch.no_grad(), counter:
        module(*model.inputs(items, seed=seed))
    return int(counter.get_total_flops()) + adds[0]
