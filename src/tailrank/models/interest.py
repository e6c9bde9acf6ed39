"""DIN and DIEN: networks that read a user's history in the light of the candidate ad.

Shapes: N items, T history positions, D dim, U hidden units, H hidden width of a recurrence. A history is item-major
(N, T, D) where attention reads it and time-major (T, N, D) where a recurrence does.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn

from tailrank.models.layers import Concat, Lookup, Mlp, click
from tailrank.models.weights import fully_connected
from tailrank.zoo import Network, Operator

__all__ = ["SLOPE", "Dien", "Din"]

SLOPE = 0.25
"""Of the activation unit below zero: PReLU's initial value."""


class ActivationUnit(nn.Module):
    """DIN's local activation unit and weighted sum: history (N, T, D), ad (N, D) -> interest (N, D).

    The unit's layer over [h, h*a, a] is W_h h + W_p (h*a) + W_a a = (W_h + W_p diag(a)) h + W_a a: one small matrix
    per item instead of a concatenation per position. No softmax over positions, as in DIN.
    """

    operator: ClassVar[Operator] = "attention"

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        ((history, _),) = fully_connected(network.chain("unit_history"), seed)
        ((product, _),) = fully_connected(network.chain("unit_product"), seed)
        ((ad, bias),) = fully_connected(network.chain("unit_ad"), seed)
        ((out, out_bias),) = fully_connected(network.chain("unit_out"), seed)
        self.history = nn.Parameter(history.t().contiguous())  # (D, U)
        self.product = nn.Parameter(product.t().contiguous())  # (D, U)
        self.ad, self.bias = nn.Parameter(ad), nn.Parameter(bias)
        self.out, self.out_bias = nn.Parameter(out), nn.Parameter(out_bias)

    def weights(self, history_NTD: Tensor, ad_ND: Tensor) -> Tensor:  # noqa: N803 - the suffix is the shape
        """Return how much each position counts for this ad (N, T)."""
        mixed_NDU = torch.addcmul(self.history, ad_ND.unsqueeze(2), self.product)  # noqa: N806
        hidden_NTU = torch.bmm(history_NTD, mixed_NDU)  # noqa: N806
        hidden_NTU = hidden_NTU.add_(F.linear(ad_ND, self.ad, self.bias).unsqueeze(1))  # noqa: N806
        return F.linear(F.leaky_relu_(hidden_NTU, SLOPE), self.out, self.out_bias).squeeze(2)

    def forward(self, history_NTD: Tensor, ad_ND: Tensor) -> Tensor:  # noqa: N803
        """Return the weighted sum over positions (N, D)."""
        weights_N1T = self.weights(history_NTD, ad_ND).unsqueeze(1)  # noqa: N806
        return torch.bmm(weights_N1T, history_NTD).squeeze(1)


class Din(nn.Module):
    """Deep Interest Network: attention over the history, then a chain to two outputs."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.features = Lookup(network, seed)
        self.history = Lookup(network, seed, "history")
        self.attention = ActivationUnit(network, seed)
        self.concat = Concat()
        self.top = Mlp(network, seed, "top")

    def forward(self, features: Tensor, history: Tensor) -> Tensor:
        """Score: ids of profile, ad, context (N, 3) and history (N, T) -> P(click) (N,)."""
        rows_NTD = self.features(features)  # noqa: N806
        interest = self.attention(self.history(history), rows_NTD[:, 1])
        return click(self.top(self.concat(rows_NTD, interest)))


class Recurrence(nn.Module):
    """A GRU over x (T, N, D), from a zero state, giving all states (T, N, H), or the last (N, H).

    u = sigma(x W_u + h U_u + b_u), r alike, c = tanh(x W_c + r * (h U_c) + b_c), h' = h + g u (c - h). The gate g is
    one in a GRU; DIEN's attention of the step, (T, N, 1), makes it an AUGRU. Inputs are projected for all steps at
    once; a step is two small products and four element-wise passes.
    """

    operator: ClassVar[Operator] = "recurrent"

    def __init__(self, network: Network, seed: int, name: str) -> None:
        super().__init__()
        inputs, states = network.chain(f"{name}_input"), network.chain(f"{name}_state")
        ((weight, bias),) = fully_connected(inputs, seed)
        ((state, _),) = fully_connected(states, seed)
        self.width = states.widths[0]
        gates = 2 * self.width
        self.gate_input, self.gate_bias = nn.Parameter(weight[:gates].clone()), nn.Parameter(bias[:gates].clone())
        self.new_input, self.new_bias = nn.Parameter(weight[gates:].clone()), nn.Parameter(bias[gates:].clone())
        self.gate_state = nn.Parameter(state[:gates].t().contiguous())  # (H, 2H): update, reset
        self.new_state = nn.Parameter(state[gates:].t().contiguous())  # (H, H)

    def states(self, x_TND: Tensor, attention_TN1: Tensor | None = None) -> list[Tensor]:  # noqa: N803
        """Return the state after every step, each (N, H)."""
        gates = F.linear(x_TND, self.gate_input, self.gate_bias).unbind(0)
        news = F.linear(x_TND, self.new_input, self.new_bias).unbind(0)
        attention = attention_TN1.unbind(0) if attention_TN1 is not None else None
        states: list[Tensor] = []
        h_NH = torch.zeros_like(news[0])  # noqa: N806
        for step, (gate, new) in enumerate(zip(gates, news, strict=True)):
            update, reset = torch.addmm(gate, h_NH, self.gate_state).sigmoid_().chunk(2, dim=1)
            candidate = torch.addcmul(new, reset, h_NH @ self.new_state).tanh_()
            if attention is not None:
                update = update * attention[step]
            h_NH = torch.lerp(h_NH, candidate, update)  # noqa: N806
            states.append(h_NH)
        return states


class Interests(Recurrence):
    """DIEN's interest extractor: all states of a GRU."""

    def forward(self, x_TND: Tensor) -> Tensor:  # noqa: N803
        """Return (T, N, H)."""
        return torch.stack(self.states(x_TND))


class Evolution(Recurrence):
    """DIEN's interest evolution: the last state of an AUGRU."""

    def forward(self, x_TNH: Tensor, attention_TN1: Tensor) -> Tensor:  # noqa: N803
        """Return (N, H)."""
        return self.states(x_TNH, attention_TN1)[-1]


class AdAttention(nn.Module):
    """DIEN's attention: softmax over steps of h_t W e_ad; states (T, N, H), ad (N, D) -> (T, N, 1)."""

    operator: ClassVar[Operator] = "attention"

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        ((weight, _),) = fully_connected(network.chain("attention"), seed)
        self.weight = nn.Parameter(weight)

    def forward(self, states_TNH: Tensor, ad_ND: Tensor) -> Tensor:  # noqa: N803
        """Return how much each step counts for this ad; sums to one over steps."""
        query_NH1 = F.linear(ad_ND, self.weight).unsqueeze(2)  # noqa: N806
        scores_NT = torch.bmm(states_TNH.transpose(0, 1), query_NH1).squeeze(2)  # noqa: N806
        return torch.softmax(scores_NT, dim=1).t().unsqueeze(2)


class Dien(nn.Module):
    """Deep Interest Evolution Network: GRU, attention by the ad, AUGRU, then a chain to two outputs."""

    def __init__(self, network: Network, seed: int) -> None:
        super().__init__()
        self.features = Lookup(network, seed)
        self.history = Lookup(network, seed, "history", steps_first=True)
        self.interests = Interests(network, seed, "interest")
        self.attention = AdAttention(network, seed)
        self.evolution = Evolution(network, seed, "evolution")
        self.concat = Concat()
        self.top = Mlp(network, seed, "top")

    def forward(self, features: Tensor, history: Tensor) -> Tensor:
        """Score: ids of profile, ad, context (N, 3) and history (N, T) -> P(click) (N,)."""
        rows_NTD = self.features(features)  # noqa: N806
        states_TNH = self.interests(self.history(history))  # noqa: N806
        attention = self.attention(states_TNH, rows_NTD[:, 1])
        interest = self.evolution(states_TNH, attention)
        return click(self.top(self.concat(rows_NTD, interest)))
