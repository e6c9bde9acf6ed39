"""A ranking model of your own.

Name it wherever Tailrank takes a model, from the folder that holds this file:

    tailrank tune own_model:build --sla-ms 20 --out runs/mine

`build` is a function that returns a module and a way to make its inputs. The module scores n items at once and
returns one score per item, higher is better; `make_inputs(n)` returns a tuple of tensors, each with n rows. Run this
file to see it load and score: `python own_model.py`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

USERS, ITEMS, DIM = 10_000, 50_000, 32


class TwoTower(nn.Module):
    """A user vector and an item vector, joined by a small network."""

    def __init__(self) -> None:
        super().__init__()
        self.users = nn.Embedding(USERS, DIM)
        self.items = nn.Embedding(ITEMS, DIM)
        self.head = nn.Sequential(nn.Linear(2 * DIM, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Score users (n,) with items (n,) -> (n, 1)."""
        return torch.sigmoid(self.head(torch.cat([self.users(users), self.items(items)], dim=1)))


def build() -> tuple[nn.Module, Callable[[int], tuple[Tensor, ...]]]:
    """Return the model and its maker of inputs; load your trained weights here."""
    torch.manual_seed(0)

    def make_inputs(n: int) -> tuple[Tensor, ...]:
        return torch.randint(0, USERS, (n,)), torch.randint(0, ITEMS, (n,))

    return TwoTower(), make_inputs


if __name__ == "__main__":
    from tailrank.models import load

    model = load("own_model:build")
    executor = model.executor()
    scores = executor(model.inputs(5))
    print(f"{model.name}: {executor.kind}, scores of five items: {[round(s, 3) for s in scores.tolist()]}")
