"""DLRM (RMC1-3, RecPipe's tiers), NeuMF and Wide & Deep with one or several tasks. Shapes as in `layers`."""

from typing import ClassVar, cast

import torch
from torch import Tensor, nn

from tailrank.models.layers import Concat, Dot, Lookup, Mlp, WeightedLookup
from tailrank.models.weights import fully_connected
from tailrank.zoo import Network, Operator

__all__ = ["Dlrm", "NeuMf", "NeuMfApart", "WideAndDeep"]


class Dlrm(nn.Module):
    """Bottom chain over dense inputs, sum-pooled tables, `cat` or `dot` interaction, top chain, sigmoid."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.bottom = Mlp(network, seed, "bottom", last="relu")
        self.lookup = Lookup(network, seed)
        self.interaction = Dot(len(network.tables)) if network.interaction == "dot" else Concat()
        self.top = Mlp(network, seed, "top", last="sigmoid")

    def forward(self, dense: Tensor, ids: Tensor) -> Tensor:
        """Score: dense (N, W), ids (N, T*P) -> (N,)."""
        return cast(Tensor, self.top(self.interaction(self.bottom(dense), self.lookup(ids))).view(-1))


class _Product(nn.Module):
    operator: ClassVar[Operator] = "interaction"

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return users * items


class NeuMf(nn.Module):
    """NeuMF: the product of user and item vectors beside a chain over two others, then a linear head."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.lookup = Lookup(network, seed)
        self.product = _Product()
        self.mlp = Mlp(network, seed, "mlp", last="relu")
        self.concat = Concat()
        self.head = Mlp(network, seed, "head", last="sigmoid")

    def forward(self, ids: Tensor) -> Tensor:
        """Score: ids (N, 4) of user, item, user, item -> (N,)."""
        rows_NTD = self.lookup(ids)  # noqa: N806 - the suffix is the shape
        factors = self.product(rows_NTD[:, 0], rows_NTD[:, 1])
        return cast(Tensor, self.head(self.concat(factors, self.mlp(rows_NTD[:, 2:].flatten(1)))).view(-1))


class NeuMfApart(nn.Module):
    """`NeuMf` whose branches have tables of different dims, in groups of their own, and a chain that ends linear."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.factors = Lookup(network, seed, "mf")
        self.lookup = Lookup(network, seed, "mlp")
        self.product = _Product()
        self.mlp = Mlp(network, seed, "mlp")
        self.concat = Concat()
        self.head = Mlp(network, seed, "head", last="sigmoid")

    def forward(self, factor_ids: Tensor, mlp_ids: Tensor) -> Tensor:
        """Score: ids (N, 2) of user and item in the tables of each branch -> (N,)."""
        factors_NTD, rows_NTD = self.factors(factor_ids), self.lookup(mlp_ids)  # noqa: N806
        product = self.product(factors_NTD[:, 0], factors_NTD[:, 1])
        return cast(Tensor, self.head(self.concat(product, self.mlp(rows_NTD.flatten(1)))).view(-1))


class _WideDense(nn.Module):
    operator: ClassVar[Operator] = "fc"

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        ((weight, _),) = fully_connected(network.chain("wide"), seed)
        self.weight = nn.Parameter(weight.t().contiguous())

    def forward(self, dense: Tensor) -> Tensor:
        return dense @ self.weight


class WideAndDeep(nn.Module):
    """Parallel towers over the shared concatenation, one per task, each with its wide (linear) part."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.deep = Lookup(network, seed, "deep")
        self.wide = WeightedLookup(network, seed, "wide")
        self.wide_dense = _WideDense(network, seed)
        self.concat = Concat()
        self.towers = nn.ModuleList(Mlp(network, seed, "tower", copy=task) for task in range(network.tasks))

    def probabilities(self, dense: Tensor, deep_ids: Tensor, wide_ids: Tensor) -> Tensor:
        """Return the probability of each task (N, tasks)."""
        shared = self.concat(dense, self.deep(deep_ids))
        deep = [tower(shared) for tower in self.towers]
        logits = deep[0] if len(deep) == 1 else torch.cat(deep, dim=1)
        return torch.sigmoid(logits + self.wide(wide_ids) + self.wide_dense(dense))

    def forward(self, dense: Tensor, deep_ids: Tensor, wide_ids: Tensor) -> Tensor:
        """Score: the mean of the tasks' probabilities (N,)."""
        probabilities = self.probabilities(dense, deep_ids, wide_ids)
        return probabilities.view(-1) if len(self.towers) == 1 else probabilities.mean(dim=1)
