"""What a network asks of the chip for each item: layers, bytes of embedding rows, products of rows."""

from dataclasses import dataclass
from functools import cache

from tailrank.accelerator.array import Layer, chain
from tailrank.accelerator.bugs import Bugs
from tailrank.zoo import Network, get

__all__ = ["Demand", "Group", "demand", "demand_of"]

FP32_BYTES = 4


@dataclass(frozen=True)
class Group:
    """`layers` in a row; `copies` have weights of their own, and all run `steps` times an item."""

    layers: tuple[Layer, ...]
    copies: int = 1
    steps: int = 1


@dataclass(frozen=True)
class Demand:
    """The work of one item.

    `row_bytes` are those of embedding rows; `pairs` the vectors whose dot products are taken with each other, of
    `pair_dim` numbers each (0: none); `products` the multiplies of two rows element by element.
    """

    network: str
    groups: tuple[Group, ...]
    row_bytes: int
    pairs: int = 0
    pair_dim: int = 0
    products: int = 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates an item, interaction included."""
        layers = sum(group.copies * group.steps * layer.weights for group in self.groups for layer in group.layers)
        return layers + self.pairs * (self.pairs - 1) // 2 * self.pair_dim + self.products

    @property
    def weights(self) -> int:
        """Count of all weights."""
        return sum(group.copies * layer.weights for group in self.groups for layer in group.layers)


# MF dim, dim of the MLP's rows, MLP and head as the artifact's configurations have them.
_NEUMF = {
    "neumf-1m-small": (128, 32, (64, 32, 1), 129),
    "neumf-1m-medium": (16, 128, (800, 512, 256, 128, 64, 32, 1), 17),
    "neumf-1m-large": (128, 384, (1024, 512, 256, 128, 1), 128),
    "neumf-20m-small": (1, 16, (32, 1), 2),
    "neumf-20m-medium": (16, 8, (16, 512, 256, 128, 64, 32, 1), 65),
    "neumf-20m-large": (64, 32, (64, 2048, 512, 256, 128, 64, 1), 257),
}


@cache
def demand(name: str, bugs: Bugs) -> Demand:
    """Return what the network called `name` asks under `bugs`; raises `BadInputError` for an unknown one."""
    return demand_of(get(name), bugs)


def demand_of(network: Network, bugs: Bugs) -> Demand:
    """Return what `network` asks under `bugs`."""
    name = network.name
    if bugs.artifact_neumf and name in _NEUMF:
        return _artifact_neumf(name, bugs)
    groups = tuple(Group(chain(each.widths), each.copies, each.steps) for each in network.chains)
    if network.interaction != "dot":
        products = 0 if bugs.free_interaction else _multiplies(network)
        return Demand(name, groups, network.embedding_bytes_per_item, products=products)
    vectors, dim = len(network.tables) + 1, network.tables[0].dim
    if bugs.concat_width:
        groups = tuple(
            Group(chain((vectors * dim, *each.widths[1:])), each.copies, each.steps) if each.name == "top" else group
            for each, group in zip(network.chains, groups, strict=True)
        )
    pairs = 0 if bugs.free_interaction else vectors
    return Demand(name, groups, network.embedding_bytes_per_item, pairs=pairs, pair_dim=dim)


def _multiplies(network: Network) -> int:
    return sum(flops for operator, flops in network.products if operator == "interaction")


def _artifact_neumf(name: str, bugs: Bugs) -> Demand:
    factors, dim, mlp, head = _NEUMF[name]
    row_bytes = FP32_BYTES * 2 * (dim + factors)  # a user's and an item's rows, of the MLP and of the MF branch
    groups = (Group(chain(mlp)), Group(chain((head, 1))))
    return Demand(name, groups, row_bytes, products=0 if bugs.free_interaction else factors)
