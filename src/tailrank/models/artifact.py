"""The shapes the public DeepRecSys artifact really builds, where they differ in kind. Shapes as in `layers`.

Written from the description of what each does; they cost what the artifact's cost, see the networks' notes.
"""

from typing import ClassVar, cast

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from tailrank.models.layers import Concat, Lookup, Mlp, click
from tailrank.models.weights import fully_connected
from tailrank.zoo import Network, Operator

__all__ = ["DeepOnly", "DienOfArtifact", "DinOfArtifact", "NcfOfArtifact", "SharedTrunk"]


class _Sum(nn.Module):
    operator: ClassVar[Operator] = "interaction"

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


class NcfOfArtifact(nn.Module):
    """A sum where NCF has a product, and a head of 64 ReLU outputs whose mean is the score."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.lookup = Lookup(network, seed)
        self.sum = _Sum()
        self.mlp = Mlp(network, seed, "mlp", last="relu")
        self.concat = Concat()
        self.head = Mlp(network, seed, "head", last="relu")

    def forward(self, ids: Tensor) -> Tensor:
        """Score: ids (N, 4) -> (N,)."""
        rows_NTD = self.lookup(ids)  # noqa: N806 - the suffix is the shape
        factors = self.sum(rows_NTD[:, 0], rows_NTD[:, 1])
        return cast(Tensor, self.head(self.concat(factors, self.mlp(rows_NTD[:, 2:].flatten(1)))).mean(dim=1))


class DeepOnly(nn.Module):
    """Wide & Deep without a wide part: one chain over dense inputs and tables."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.lookup = Lookup(network, seed)
        self.concat = Concat()
        self.top = Mlp(network, seed, "top", last="sigmoid")

    def forward(self, dense: Tensor, ids: Tensor) -> Tensor:
        """Score: dense (N, W), ids (N, T) -> (N,)."""
        return cast(Tensor, self.top(self.concat(dense, self.lookup(ids))).view(-1))


class SharedTrunk(nn.Module):
    """Multi-task with a shared trunk; each tower has 128 sigmoid outputs, and the score is the mean of all."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.lookup = Lookup(network, seed)
        self.concat = Concat()
        self.trunk = Mlp(network, seed, "trunk", last="relu")
        towers = (Mlp(network, seed, "tower", last="sigmoid", copy=task) for task in range(network.tasks))
        self.towers = nn.ModuleList(towers)

    def forward(self, dense: Tensor, ids: Tensor) -> Tensor:
        """Score: dense (N, W), ids (N, T) -> (N,)."""
        shared = self.trunk(self.concat(dense, self.lookup(ids)))
        return torch.cat([tower(shared) for tower in self.towers], dim=1).mean(dim=1)


class _Units(nn.Module):
    """One unit per behaviour table, each with its own weights, summed: (N, U, D), ad (N, D) -> (N, D)."""

    operator: ClassVar[Operator] = "attention"

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        units = network.chain("unit_in").copies
        first = [fully_connected(network.chain("unit_in"), seed, unit)[0] for unit in range(units)]
        second = [fully_connected(network.chain("unit_out"), seed, unit)[0] for unit in range(units)]
        self.first = nn.Parameter(torch.stack([weight.t() for weight, _ in first]))  # (U, 3D, 1)
        self.first_bias = nn.Parameter(torch.stack([bias for _, bias in first]).unsqueeze(1))  # (U, 1, 1)
        self.second = nn.Parameter(torch.stack([weight.t() for weight, _ in second]))  # (U, 1, D)
        self.second_bias = nn.Parameter(torch.stack([bias for _, bias in second]).unsqueeze(1))  # (U, 1, D)

    def forward(self, users_NUD: Tensor, ad_ND: Tensor) -> Tensor:  # noqa: N803
        users_UND = users_NUD.transpose(0, 1)  # noqa: N806
        ads_UND = ad_ND.unsqueeze(0).expand_as(users_UND)  # noqa: N806
        inputs = torch.cat([users_UND, ads_UND, users_UND + ads_UND], dim=2)
        hidden = F.relu(torch.baddbmm(self.first_bias, inputs, self.first))  # (U, N, 1)
        return F.relu(torch.baddbmm(self.second_bias, hidden, self.second)).sum(dim=0)


class DinOfArtifact(nn.Module):
    """DIN with unshared units of one hidden value each and ReLU outputs."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.features = Lookup(network, seed)
        self.history = Lookup(network, seed, "history")
        self.attention = _Units(network, seed)
        self.concat = Concat()
        self.top = Mlp(network, seed, "top", last="relu")

    def forward(self, features: Tensor, history: Tensor) -> Tensor:
        """Score: ids of profile, ad, context (N, 3*P) and behaviours (N, U*P) -> (N,)."""
        rows_NTD = self.features(features)  # noqa: N806
        interest = self.attention(self.history(history), rows_NTD[:, 1])
        return click(self.top(self.concat(rows_NTD, interest)))


class _Tanh(nn.Module):
    """A plain tanh network over x (T, N, D), from a zero state; all states (T, N, H) or the last (N, H)."""

    operator: ClassVar[Operator] = "recurrent"

    def __init__(self, network: Network, seed: int, name: str, *, last: bool) -> None:
        super().__init__()
        ((weight, bias),) = fully_connected(network.chain(f"{name}_input"), seed)
        ((state, state_bias),) = fully_connected(network.chain(f"{name}_state"), seed)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias + state_bias)  # one sum serves every step
        self.state = nn.Parameter(state.t().contiguous())
        self.last = last

    def forward(self, x_TND: Tensor) -> Tensor:  # noqa: N803
        inputs = F.linear(x_TND, self.weight, self.bias).unbind(0)
        h_NH, states = torch.zeros_like(inputs[0]), []  # noqa: N806
        for x_NH in inputs:  # noqa: N806
            h_NH = torch.addmm(x_NH, h_NH, self.state).tanh_()  # noqa: N806
            states.append(h_NH)
        return h_NH if self.last else torch.stack(states)


class _Discarded(nn.Module):
    """FC and softmax over the hidden axis, added with weight zero: the artifact's work without effect."""

    operator: ClassVar[Operator] = "attention"

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        ((weight, bias),) = fully_connected(network.chain("attention"), seed)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, states_TNH: Tensor) -> Tensor:  # noqa: N803
        weights = torch.softmax(F.linear(states_TNH, self.weight, self.bias), dim=2)
        return torch.add(states_TNH, weights, alpha=0.0)


class DienOfArtifact(nn.Module):
    """Two tanh networks with a softmax between them that changes nothing, and ReLU outputs."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.features = Lookup(network, seed)
        self.history = Lookup(network, seed, "history")
        self.first = _Tanh(network, seed, "first", last=False)
        self.attention = _Discarded(network, seed)
        self.second = _Tanh(network, seed, "second", last=True)
        self.concat = Concat()
        self.top = Mlp(network, seed, "top", last="relu")

    def forward(self, features: Tensor, history: Tensor) -> Tensor:
        """Score: ids of profile, ad, context (N, 3) and behaviours (N, T) -> (N,)."""
        rows_NTD = self.features(features)  # noqa: N806
        states = self.attention(self.first(self.history(history).transpose(0, 1)))
        return click(self.top(self.concat(rows_NTD, self.second(states))))
