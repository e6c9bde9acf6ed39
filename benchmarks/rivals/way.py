"""A way to score a batch, and how one is made.

Everything that a caller may do before a batch arrives, or once for many, is left out of the time: wrapping inputs in a
library's own tensors, binding outputs. What is timed is the call alone, for every way alike.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tailrank.models import Inputs, Model

__all__ = ["Absent", "Bench", "Maker", "Way", "as_is", "torch_scores"]


class Absent(Exception):  # noqa: N818 - a fact about this host, not a fault
    """What a way needs is not here."""


def as_is(inputs: Inputs) -> Any:
    return inputs


def torch_scores(found: Any) -> NDArray[np.float32]:
    scores: NDArray[np.float32] = found.detach().float().reshape(-1).numpy()
    return scores


@dataclass(frozen=True)
class Way:
    """`run(prepare(inputs))` scores a batch; `read` makes an array (items,) of what it gave.

    `matmul` is torch's float32 matmul precision while it runs. `note` says what was built.
    """

    run: Callable[[Any], Any]
    prepare: Callable[[Inputs], Any] = as_is
    read: Callable[[Any], NDArray[np.float32]] = torch_scores
    matmul: str = "highest"
    note: str = ""

    def scores(self, inputs: Inputs) -> NDArray[np.float32]:
        torch.set_float32_matmul_precision(self.matmul)
        return np.array(self.read(self.run(self.prepare(inputs))), dtype=np.float32)


@dataclass(frozen=True)
class Maker:
    """Makes the way called `name`, for one model and count of items.

    `per_batch`: one way for each count of items, else one for all. `slow`: seconds to minutes in a compiler, so it
    counts against the time that building may take. `ours`: the native executor, not a rival.
    """

    name: str
    precision: str
    make: Callable[["Bench", int], Way]
    per_batch: bool = False
    slow: bool = False
    ours: bool = False


@dataclass
class Bench:
    """What makers share: the model, files that go away at the end, and what was made already."""

    model: Model
    files: ExitStack
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def module(self) -> torch.nn.Module:
        module = self.model.module
        assert module is not None
        return module

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]
