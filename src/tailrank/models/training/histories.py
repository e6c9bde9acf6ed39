"""What users clicked, in order, and vectors made of it: a user is a decaying sum over the items clicked last.

Trained so, a network learns what follows what from every moment of every history, not just from one vector a user
that has to be guessed from that user's few clicks. In the end each user's vector as of now goes into the network's
table: what is served is the network as it is, with its tables of users and items.
Shapes: U users, I items, N clicks, B moments, L clicks looked back, D dim.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from numpy.typing import NDArray
from torch import Tensor

from tailrank.datasets import Examples

__all__ = ["DECAYS", "LENGTH", "Bags", "Histories"]

LENGTH = 64
"""Clicks looked back: older ones weigh less than an eighth of the last."""
DECAYS = (4.0, 30.0)
"""Clicks after which an item's weight has fallen to 1/e: what the user is at, and what the user likes."""


class Histories:
    """Clicks of all users, each user's in the order of `examples`: `item` (N,), those of u from `first[u]`."""

    def __init__(self, *parts: Examples) -> None:
        self.users, self.items = parts[0].rows
        clicks = [part.ids[part.label > 0] for part in parts]
        ids = np.concatenate(clicks)
        order = np.argsort(ids[:, 0], kind="stable")
        user = ids[order, 0].astype(np.int64)
        self.user = torch.from_numpy(user)
        self.item = torch.from_numpy(ids[order, 1].astype(np.int64))
        self.first = torch.from_numpy(np.searchsorted(user, np.arange(self.users + 1)).astype(np.int64))

    def __len__(self) -> int:
        return len(self.item)

    def before(self, user: Tensor, end: Tensor) -> "Bags":
        """Return the clicks of `user` (B,) before position `end` (B,), the latest first."""
        age = torch.arange(LENGTH)
        at = end[:, None] - 1 - age
        there = at >= self.first[user][:, None]
        item = torch.where(there, self.item[at.clamp(min=0)], self.items)
        return Bags(item, [_normed(there * torch.exp(-age / decay)) for decay in DECAYS])

    def after(self, user: Tensor, start: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return the next `count` clicks of `user` (B,) from position `start` on: items and whether they are there."""
        at = start[:, None] + torch.arange(count)
        return self.item[at.clamp(max=len(self) - 1)], at < self.first[user + 1][:, None]

    def now(self, users: Tensor) -> "Bags":
        """Return the last clicks of `users` (B,)."""
        return self.before(users, self.first[users + 1])

    def seen(self, users: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which items each of `users` (B,) has clicked: (B, I)."""
        found = np.zeros((len(users), self.items), dtype=np.bool_)
        for row, user in enumerate(users):
            found[row, self.item[self.first[user] : self.first[user + 1]].numpy()] = True
        return found


class Bags:
    """Items (B, L), `items` where there is none, and for each decay weights (B, L), over the root of their sum."""

    def __init__(self, item: Tensor, weights: list[Tensor]) -> None:
        self.item, self.weights = item, weights

    def vectors(self, tables: list[Tensor], base: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return `base` plus the weighted sums of rows of `tables` (I + 1, D), one a decay: (B, D)."""
        total: Tensor = base
        for table, weight in zip(tables, self.weights, strict=True):
            last = len(table) - 1
            rows = F.embedding_bag(self.item, table, per_sample_weights=weight, mode="sum", padding_idx=last)
            total = total + rows
        return total if keep is None else total * keep


def _normed(weight: Tensor) -> Tensor:
    return (weight / (weight.sum(dim=1, keepdim=True) + 1e-9).sqrt()).float()
