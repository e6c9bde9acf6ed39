"""What is trained, apart from how: a course gives losses and hold-out quality, the loop does the rest."""

import math
from typing import Protocol

import numpy as np
from torch import Tensor

from tailrank.models.model import Model

__all__ = ["Course", "warm_then_cosine"]


class Course(Protocol):
    """How one family of networks learns from one data set. Not aware of optimizers, checkpoints or progress.

    `steps` is the most that are taken; hold-out quality is looked at every `every`.
    """

    steps: int
    every: int

    @property
    def weights(self) -> dict[str, Tensor]:
        """What is learnt, by name, in a fixed order."""
        ...

    @property
    def sparse(self) -> frozenset[str]:
        """Which weights have sparse gradients."""
        ...

    def rates(self, step: int) -> dict[str, float]:
        """Return the learning rate of each weight at `step`; weights left out rest."""
        ...

    def loss(self, step: int, rng: np.random.Generator, /) -> Tensor:
        """Return the loss of the batch of `step`, whose random numbers are all of `rng`."""
        ...

    def quality(self) -> float:
        """Return how well the weights do on the hold-out: higher is better."""
        ...

    def finish(self, model: Model) -> None:
        """Write what was learnt into the weights of `model`."""
        ...


def warm_then_cosine(step: int, steps: int, *, warm: float = 0.1) -> float:
    """Return the share of the highest learning rate at `step` of `steps`: up in a line, then down along a cosine."""
    at = (step + 1) / max(1, steps)
    if at < warm:
        return at / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (at - warm) / (1 - warm))))
