"""How DLRM learns from single labelled examples: logistic loss on the logits, tables with sparse gradients.

Shapes: B examples, T tables, D dim.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from tailrank.core import BadInputError, stream
from tailrank.datasets import Examples, RankingData
from tailrank.models.inputs import Inputs
from tailrank.models.layers import Mlp
from tailrank.models.model import Model, build
from tailrank.models.ranking import Dlrm
from tailrank.models.training.course import warm_then_cosine
from tailrank.models.training.rows import network_inputs
from tailrank.zoo import Network

__all__ = ["ClickSettings", "Clicks"]

_TABLE = "lookup.weight"
_DENSE_TABLE = 1 << 22  # numbers; smaller tables are updated whole, which is faster than finding the rows
_JUDGED = 65_536
_EXAMINED = 12  # looks at the hold-out


@dataclass(frozen=True)
class ClickSettings:
    """How long and how fast; `passes` over the training examples."""

    passes: float = 3.0
    batch: int = 1024
    rate: float = 2e-3
    table_rate: float = 4e-3  # of Adam; Adagrad's, for big tables, is ten times that
    table_spread: float = 0.1  # standard deviation of the first rows, times 1 / sqrt(dim)
    most_steps: int = 20_000


class Clicks:
    """The `Course` of the DLRM family: it trains a module of its own and copies it in the end."""

    def __init__(self, network: Network, data: RankingData, seed: int, settings: ClickSettings | None = None) -> None:
        self.settings = settings or ClickSettings()
        self.network, self.data, self.seed = network, data, seed
        if len(data.train) == 0:
            raise BadInputError(f"`{data.name}` has no examples to train on", hint="check its files")
        self.module = cast(Dlrm, build(network, memory_bytes=network.table_bytes, seed=seed).require_module())
        spread = self.settings.table_spread / network.tables[0].dim ** 0.5
        shape = tuple(self.module.lookup.weight.shape)
        with torch.no_grad():
            rows = stream(seed, "weight", "tables").standard_normal(shape, dtype=np.float32) * np.float32(spread)
            self.module.lookup.weight.copy_(torch.from_numpy(rows))
            for name, bias in self.module.named_parameters():
                if ".biases." in name:
                    bias.zero_()
        self.batches = max(1, len(data.train) // self.settings.batch)
        self.steps = min(self.settings.most_steps, max(1, round(self.settings.passes * self.batches)))
        self.every = max(1, self.steps // _EXAMINED)
        self._order = (-1, np.empty(0, dtype=np.int64))
        held = data.validation.part(0, min(len(data.validation), _JUDGED))
        self._judged = self._batch(held)

    @property
    def weights(self) -> dict[str, Tensor]:
        """The module's parameters."""
        return dict(self.module.named_parameters())

    @property
    def sparse(self) -> frozenset[str]:
        """The tables, where they are big."""
        return frozenset({_TABLE} if self.module.lookup.weight.numel() > _DENSE_TABLE else ())

    def rates(self, step: int) -> dict[str, float]:
        """Up in a line, then down along a cosine; the tables' is higher."""
        share = warm_then_cosine(step, self.steps, warm=0.05)
        table = self.settings.table_rate * (10 if self.sparse else 1)
        return {name: share * (table if name == _TABLE else self.settings.rate) for name in self.weights}

    def loss(self, step: int, _: np.random.Generator) -> Tensor:
        """Mean logistic loss of the step's examples, in an order of each pass's own."""
        number, at = divmod(step, self.batches)
        if self._order[0] != number:
            self._order = (number, stream(self.seed, "order", number).permutation(len(self.data.train)))
        picked = self._order[1][at * self.settings.batch : (at + 1) * self.settings.batch]
        train = self.data.train
        inputs, label = self._batch(Examples(train.label[picked], train.dense[picked], train.ids[picked], train.rows))
        return F.binary_cross_entropy_with_logits(self._logits(inputs), label)

    def _batch(self, examples: Examples) -> tuple[Inputs, Tensor]:
        inputs = network_inputs(self.network, examples.dense, examples.ids)
        return inputs, torch.from_numpy((examples.label > 0).astype(np.float32))

    def _logits(self, inputs: Inputs) -> Tensor:
        """What the module's last sigmoid gets: the loss of a saturated one would be infinite."""
        dense, ids = inputs
        module = self.module
        rows = F.embedding(ids, module.lookup.weight, sparse=bool(self.sparse))
        return _linear_end(module.top, module.interaction(module.bottom(dense), rows)).view(-1)

    def quality(self) -> float:
        """Mean logistic loss on the hold-out, negated."""
        inputs, label = self._judged
        if len(label) == 0:
            return 0.0
        logits = [self._logits(tuple(t[at : at + 4096] for t in inputs)) for at in range(0, len(label), 4096)]
        return -float(F.binary_cross_entropy_with_logits(torch.cat(logits), label))

    @torch.no_grad()
    def finish(self, model: Model) -> None:
        """Copy what was learnt."""
        model.require_module().load_state_dict(self.module.state_dict())


def _linear_end(mlp: Mlp, x: Tensor) -> Tensor:
    end = len(mlp.weights) - 1
    for number, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        x = F.linear(x, weight, bias)
        x = F.relu(x) if number < end else x
    return x
