"""The building blocks; each belongs to one operator class, by which `breakdown` accounts for time.

Shapes: N items, T tables or steps, P pooling factor, D dim, W width. Nothing loops over tables.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from tailrank.models.weights import fully_connected, merged_table
from tailrank.zoo import Network, Operator

__all__ = ["Concat", "Dot", "Lookup", "Mlp", "WeightedLookup", "click"]


_LOGITS = 2  # a layer with so few outputs gives scores: bf16 has 256 values between 0.5 and 1, and candidates would tie


class Lookup(nn.Module):
    """All tables of one group, merged: ids (N, T*P) with table offsets added -> pooled rows (N, T, D).

    With `steps_first` the one table's rows stay apart, time-major: ids (N, P) -> (P, N, D); with `apart`,
    item-major: (N, P, D).
    """

    operator: ClassVar[Operator] = "lookup"

    def __init__(self, network: Network, seed: int, group: str = "features", *, steps_first: bool = False) -> None:
        super().__init__()
        tables = [table for table in network.tables if table.group == group]
        self.tables, self.pooling, self.dim = len(tables), tables[0].pooling, tables[0].dim
        self.sequence, self.steps_first = tables[0].sequence, steps_first
        self.weight = nn.Parameter(merged_table(tables, seed, group), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Look up and pool."""
        if self.steps_first:
            return F.embedding(ids.t(), self.weight)
        if self.sequence or self.pooling == 1:
            return F.embedding(ids, self.weight)
        rows = F.embedding_bag(ids.view(-1, self.pooling), self.weight, mode="sum")
        return rows.view(-1, self.tables, self.dim)


class WeightedLookup(nn.Module):
    """A linear layer over one-hot ids: ids (N, T) -> the sum of their weights (N, D)."""

    operator: ClassVar[Operator] = "lookup"

    def __init__(self, network: Network, seed: int, group: str) -> None:
        super().__init__()
        tables = [table for table in network.tables if table.group == group]
        self.weight = nn.Parameter(merged_table(tables, seed, group), requires_grad=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Sum the weights of the ids."""
        return F.embedding_bag(ids, self.weight, mode="sum")


class Mlp(nn.Module):
    """A chain of fully connected layers (N, W) -> (N, W'), ReLU between them and `last` after them."""

    operator: ClassVar[Operator] = "fc"

    def __init__(self, network: Network, seed: int, chain: str, *, last: str = "none", copy: int = 0) -> None:
        super().__init__()
        layers = fully_connected(network.chain(chain), seed, copy)
        self.weights = nn.ParameterList(nn.Parameter(weight) for weight, _ in layers)
        self.biases = nn.ParameterList(nn.Parameter(bias) for _, bias in layers)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Run the chain."""
        end = len(self.weights) - 1
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if len(bias) <= _LOGITS:
                x, weight, bias = x.float(), weight.float(), bias.float()
            x = F.linear(x, weight, bias)
            if number < end or self.last == "relu":
                x = F.relu(x)
        return torch.sigmoid(x) if self.last == "sigmoid" else x


class Concat(nn.Module):
    """The `cat` interaction: parts (N, ...) side by side, as (N, W)."""

    operator: ClassVar[Operator] = "interaction"

    def forward(self, *parts: Tensor) -> Tensor:
        """Flatten and concatenate the parts."""
        return torch.cat([part.flatten(1) for part in parts], dim=1)


class Dot(nn.Module):
    """The `dot` interaction: the dense part, then products of all pairs of the F = 1 + T vectors, none with itself.

    Pair (i, j), j < i, is at D + i * (i - 1) / 2 + j; vector 0 is the dense part.
    """

    operator: ClassVar[Operator] = "interaction"

    def __init__(self, tables: int) -> None:
        super().__init__()
        vectors = tables + 1
        i, j = torch.tril_indices(vectors, vectors, offset=-1)
        self.register_buffer("pairs", i * vectors + j, persistent=False)

    def forward(self, dense: Tensor, rows_NTD: Tensor) -> Tensor:  # noqa: N803 - the suffix is the shape
        """Interact: dense (N, D), rows (N, T, D) -> (N, D + F * (F - 1) / 2)."""
        vectors_NFD = torch.cat([dense.unsqueeze(1), rows_NTD], dim=1)  # noqa: N806
        products = torch.bmm(vectors_NFD, vectors_NFD.transpose(1, 2)).flatten(1)
        return torch.cat([dense, products.index_select(1, self.get_buffer("pairs"))], dim=1)


def click(logits: Tensor) -> Tensor:
    """Return P(click) (N,) of two logits (N, 2): the second output after a softmax."""
    return torch.softmax(logits, dim=1)[:, 1]
