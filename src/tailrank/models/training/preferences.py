"""How NeuMF learns preferences from clicks: what will this user click next, of all items?

The product of vectors learns first, from a softmax over all items. Then the chain joins as a correction of it, from a
softmax over the next clicks and rivals: items drawn where the product ranks them high, and some anywhere.
Shapes: B moments, T next clicks, K candidates, I items, D dim, W width.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor

from tailrank.core import BadInputError, stream
from tailrank.datasets import RankingData
from tailrank.models.model import Model
from tailrank.models.ranking import NeuMfApart
from tailrank.models.training.calibrate import fitted
from tailrank.models.training.course import warm_then_cosine
from tailrank.models.training.histories import DECAYS, Histories
from tailrank.zoo import Network

__all__ = ["Preferences", "Settings"]

_NEVER = -1e9
_JUDGED_USERS, _JUDGED_RIVALS = 1024, 160
_CALIBRATED = 2048  # examples of the hold-out
_BLOCK = 64  # users at a time through the chain: what lies between its layers stays in the cache
_EXAMINED = 8  # looks at the hold-out


@dataclass(frozen=True)
class Settings:
    """How long and how fast: `factor_steps` of the product, then `chain_steps` of everything."""

    factor_steps: int = 1200
    chain_steps: int = 200
    batch: int = 512
    chain_batch: int = 256
    factor_rate: float | None = None  # None: the narrower the product, the higher
    chain_rate: float = 1e-3
    tune_rate: float = 3e-4  # of the product while the chain learns
    ahead: int = 20
    fade: float = 0.95  # worth of a click against that of the one before it
    rivals: int = 80
    dropout: float = 0.1
    decay: float = 1e-5
    bf16: bool | None = None  # the chain's products in training; None: where the processor has them, far faster there


def multiplies_bf16() -> bool:
    """Tell whether this processor has products of bf16, which torch asks it in private only."""
    ask = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(ask()) if ask is not None else False


class Preferences:
    """The `Course` of the NeuMF family on users (table 0) and items (table 1)."""

    sparse: frozenset[str] = frozenset()

    def __init__(self, network: Network, data: RankingData, seed: int, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.histories = Histories(data.train)
        if len(self.histories) == 0:
            raise BadInputError(f"`{data.name}` has no clicks to train on", hint="labels above 0 are clicks")
        self.data = data
        self.steps = self.settings.factor_steps + self.settings.chain_steps
        self.every = max(1, self.steps // _EXAMINED)
        self.weights = self._drawn(network, seed)
        self.layers = len(network.chain("mlp").widths) - 1
        self.half = network.chain("mlp").widths[0] // 2
        bf16 = multiplies_bf16() if self.settings.bf16 is None else self.settings.bf16
        narrow = min(max(0.5 / len(self.weights["mf.base"]), 4e-3), 0.015)
        self._factor_rate = narrow if settings is None or settings.factor_rate is None else settings.factor_rate
        self._kind = torch.bfloat16 if bf16 else torch.float32
        self._judged = self._hold_out(seed)

    def _drawn(self, network: Network, seed: int) -> dict[str, Tensor]:
        items = self.histories.items
        dims = {"mf": network.chain("head").widths[0] - 1, "mlp": network.chain("mlp").widths[0] // 2}
        drawn: dict[str, Tensor] = {}

        def normal(name: str, scale: float, *shape: int) -> None:
            values = stream(seed, "weight", name).standard_normal(shape, dtype=np.float32)
            drawn[name] = torch.from_numpy(values * np.float32(scale))

        for branch, dim in dims.items():
            for number in range(len(DECAYS)):
                normal(f"{branch}.history.{number}", 0.05, items + 1, dim)
            normal(f"{branch}.items", 0.05 if branch == "mf" else 0.3, items, dim)
            drawn[f"{branch}.base"] = torch.zeros(dim)
        widths = network.chain("mlp").widths
        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            last = number == len(widths) - 2  # small: the chain begins as next to no correction
            normal(f"chain.{number}.weight", (0.1 if last else 1.0) * (2 / inputs) ** 0.5, outputs, inputs)
            drawn[f"chain.{number}.bias"] = torch.zeros(outputs)
        return drawn

    def rates(self, step: int) -> dict[str, float]:
        """The product's weights first, then all."""
        settings = self.settings
        at = step - settings.factor_steps
        if at < 0:
            share = warm_then_cosine(step, settings.factor_steps)
            return {name: self._factor_rate * share for name in self.weights if name.startswith("mf.")}
        share = warm_then_cosine(at, settings.chain_steps)
        return {n: share * (settings.tune_rate if n.startswith("mf.") else settings.chain_rate) for n in self.weights}

    def loss(self, step: int, rng: np.random.Generator) -> Tensor:
        """Cross-entropy of the next clicks of random moments, later ones worth less."""
        settings, histories = self.settings, self.histories
        deep = step >= settings.factor_steps
        count = settings.chain_batch if deep else settings.batch
        end = torch.from_numpy(rng.integers(0, len(histories), count))
        user = histories.user[end]
        bags = histories.before(user, end)
        users = bags.vectors(self._tables("mf"), self.weights["mf.base"])
        scores = users @ self.weights["mf.items"].T
        seen = torch.zeros(count, histories.items + 1).scatter_(1, bags.item, _NEVER)
        scores = scores + seen[:, :-1]
        target, there = histories.after(user, end, settings.ahead)
        worth = there * settings.fade ** torch.arange(settings.ahead)
        worth = worth / worth.sum(dim=1, keepdim=True)
        norm = users.square().sum() / count + self.weights["mf.items"].square().sum() / histories.items
        penalty = 100 * settings.decay * norm
        if not deep:
            return penalty - (torch.log_softmax(scores, dim=1).gather(1, target) * worth).sum(dim=1).mean()
        rival, log_share = self._rivals(scores.detach(), rng, settings.rivals)
        chosen = torch.cat([target, rival], dim=1)
        keep = self._keep((count, self.half), rng)
        vectors = bags.vectors(self._tables("mlp"), self.weights["mlp.base"], keep)
        total = scores.gather(1, chosen) + self._chain(vectors, chosen, rng)
        twice = (rival[:, :, None] == target[:, None, :]).any(dim=-1)
        total = torch.cat([total[:, : settings.ahead], total[:, settings.ahead :] - log_share], dim=1)
        share = torch.log_softmax(total.masked_fill(torch.cat([~there, twice], dim=1), _NEVER), dim=1)
        share = share[:, : settings.ahead]
        return penalty - (share * worth).sum(dim=1).mean()

    def _tables(self, branch: str) -> list[Tensor]:
        return [self.weights[f"{branch}.history.{number}"] for number in range(len(DECAYS))]

    def _rivals(self, scores: Tensor, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor]:
        """Draw items (B, K), half by the product's softmax and half alike; and the log of how often each is expected.

        With that taken off their scores, the softmax over them is that over all items, on average.
        """
        chance = torch.softmax(scores, dim=1)
        possible = (scores > _NEVER / 2).float()
        chance = 0.5 * chance + 0.5 * possible / possible.sum(dim=1, keepdim=True)
        drawn = torch.from_numpy(rng.random((len(scores), count), dtype=np.float32))
        edges = chance.cumsum(dim=1)
        rival = torch.searchsorted(edges, drawn * edges[:, -1:]).clamp(max=scores.shape[1] - 1)
        return rival, torch.log(chance.gather(1, rival) * count + 1e-20)

    def _keep(self, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
        """Dropout's mask: 0 or what makes up for it."""
        share = self.settings.dropout
        return torch.from_numpy((rng.random(shape, dtype=np.float32) >= share) / np.float32(1 - share))

    def _chain(self, users: Tensor, chosen: Tensor, rng: np.random.Generator | None = None) -> Tensor:
        """The chain's output for `users` (B, W) and their `chosen` (B, K) items: (B, K).

        The first layer's halves are run once a user and once an item, and added: the same sum, in another order.
        """
        weight = self.weights["chain.0.weight"]
        of_items = self.weights["mlp.items"] @ weight[:, self.half :].T
        x = (users @ weight[:, : self.half].T + self.weights["chain.0.bias"])[:, None]
        x = (x + F.embedding(chosen, of_items)).to(self._kind)
        for number in range(1, self.layers):
            x = F.relu(x)
            if rng is not None and number < self.layers - 1:
                x = x * self._keep((1, 1, x.shape[-1]), rng).to(self._kind)  # one mask a batch: cheap, and enough
            weight, bias = self.weights[f"chain.{number}.weight"], self.weights[f"chain.{number}.bias"]
            kind = self._kind if number < self.layers - 1 else torch.float32  # scores keep all their bits
            x = F.linear(x.to(kind), weight.to(kind), bias.to(kind))
        return x.squeeze(-1)

    def _hold_out(self, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Users whose next click is judged, that click, and what they had clicked before, as (row, item) pairs."""
        clicks = self.data.validation.ids[self.data.validation.label > 0]
        picked = stream(seed, "judged").permutation(len(clicks))[:_JUDGED_USERS]
        user = clicks[picked, 0].astype(np.int64)
        item = torch.from_numpy(clicks[picked, 1].astype(np.int64))
        return torch.from_numpy(user), item, torch.from_numpy(np.argwhere(self.histories.seen(user)))

    def quality(self) -> float:
        """Mean log-probability of the hold-out's clicks among all items not clicked before, by sampled rivals."""
        user, item, seen = self._judged
        if len(user) == 0:
            return 0.0
        bags = self.histories.now(user)
        scores = bags.vectors(self._tables("mf"), self.weights["mf.base"]) @ self.weights["mf.items"].T
        scores[seen[:, 0], seen[:, 1]] = _NEVER
        rival, log_share = self._rivals(scores, stream(0, "rivals"), _JUDGED_RIVALS)
        chosen = torch.cat([item[:, None], rival], dim=1)
        vectors = bags.vectors(self._tables("mlp"), self.weights["mlp.base"])
        total = scores.gather(1, chosen)
        for at in range(0, len(user), _BLOCK):
            total[at : at + _BLOCK] += self._chain(vectors[at : at + _BLOCK], chosen[at : at + _BLOCK])
        total[:, 1:] -= log_share
        total[:, 1:].masked_fill_(rival == item[:, None], _NEVER)
        return float(torch.log_softmax(total, dim=1)[:, 0].mean())

    @torch.no_grad()
    def finish(self, model: Model) -> None:
        """Write users as of their last click, items, chain, and a head that turns sums into probabilities."""
        module = model.require_module()
        assert isinstance(module, NeuMfApart)
        scale, shift = self._calibration()
        now = Histories(self.data.train, self.data.validation).now(torch.arange(self.histories.users))
        for branch, lookup in (("mf", module.factors), ("mlp", module.lookup)):
            users = now.vectors(self._tables(branch), self.weights[f"{branch}.base"])
            lookup.weight[: len(users)] = users
            lookup.weight[len(users) :] = self.weights[f"{branch}.items"]
        for number in range(self.layers):
            module.mlp.weights[number].copy_(self.weights[f"chain.{number}.weight"])
            module.mlp.biases[number].copy_(self.weights[f"chain.{number}.bias"])
        module.head.weights[0].fill_(scale)
        module.head.biases[0].fill_(shift)

    def _calibration(self) -> tuple[float, float]:
        """Scale and shift by which sums become log-odds of a click among the hold-out's examples."""
        held = self.data.validation.part(0, min(len(self.data.validation), _CALIBRATED))
        user, item = (torch.from_numpy(held.ids[:, column].astype(np.int64)) for column in (0, 1))
        bags = self.histories.now(user)
        users = bags.vectors(self._tables("mf"), self.weights["mf.base"])
        logits = (users * self.weights["mf.items"][item]).sum(dim=1)
        logits += self._chain(bags.vectors(self._tables("mlp"), self.weights["mlp.base"]), item[:, None])[:, 0]
        return fitted(logits.numpy().astype(np.float64), held.label > 0)
