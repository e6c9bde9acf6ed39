"""A network as data: tables, layers and the work they cost per candidate.

Conventions of every number here: one fully connected (FC) multiply-accumulate is two FLOPs, biases and
activations count nothing, a sum over p looked-up vectors of width d counts (p - 1) * d FLOPs. Parameters
are fp32, four bytes each.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, get_args

from tailrank.core import BadInputError

__all__ = ["FP32_BYTES", "OPERATORS", "Chain", "Network", "Operator", "TableConfig", "scale"]

FP32_BYTES = 4

Operator = Literal["lookup", "fc", "interaction", "attention", "recurrent", "other"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)


@dataclass(frozen=True)
class TableConfig:
    """An embedding table of `rows` x `dim` fp32, read `pooling` times per item.

    Tables of one `group` are read together, so they agree in `dim`, `pooling` and `sequence`. The vectors read
    are summed, unless `sequence` keeps them apart and in order (a history). `ids_of` is the number of
    another table whose ids this one reads too, instead of ids of its own.
    """

    rows: int
    dim: int
    pooling: int = 1
    group: str = "features"
    sequence: bool = False
    ids_of: int | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole table."""
        return self.rows * self.dim * FP32_BYTES


@dataclass(frozen=True)
class Chain:
    """Fully connected layers in a row; the first of `widths` is the input's width, the others are outputs.

    `copies` have weights of their own and run once each; `steps` is how often the same weights run per item.
    """

    name: str
    widths: tuple[int, ...]
    copies: int = 1
    steps: int = 1
    operator: Operator = "fc"
    bias: bool = True

    @property
    def multiplies(self) -> int:
        """Multiply-accumulates of one run of one copy."""
        return sum(a * b for a, b in pairwise(self.widths))

    @property
    def parameters(self) -> int:
        """Weights and biases of all copies."""
        return self.copies * (self.multiplies + (sum(self.widths[1:]) if self.bias else 0))

    @property
    def flops(self) -> int:
        """FLOPs per item of all copies and steps."""
        return 2 * self.copies * self.steps * self.multiplies


@dataclass(frozen=True, kw_only=True)
class Network:
    """What a ranking network is, and what one candidate costs.

    `family` names the code in `models` that runs it; `dense` is the count of dense inputs per item;
    `products` are (operator, FLOPs per item) of work outside of chains and pooled lookups; `sla_ms` is the
    default SLA target at the 95th percentile; `notes` state every choice that `source` leaves open.
    """

    name: str
    family: str
    tables: tuple[TableConfig, ...]
    chains: tuple[Chain, ...]
    sla_ms: float
    source: str
    dense: int = 0
    interaction: str = "cat"
    tasks: int = 1
    attention: str = ""
    recurrent: str = ""
    products: tuple[tuple[Operator, int], ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for group in self.groups:
            kinds = {(table.dim, table.pooling, table.sequence) for table in self.tables if table.group == group}
            if len(kinds) != 1:
                raise ValueError(f"tables of group `{group}` differ in dim, pooling or sequence: {kinds}")

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the table groups, in order of first appearance."""
        return tuple(dict.fromkeys(table.group for table in self.tables))

    def chain(self, name: str) -> Chain:
        """Return the chain called `name`."""
        return next(chain for chain in self.chains if chain.name == name)

    @property
    def operator_flops(self) -> dict[Operator, int]:
        """FLOPs per item of each operator class."""
        flops = dict.fromkeys(OPERATORS, 0)
        flops["lookup"] = sum((t.pooling - 1) * t.dim for t in self.tables if not t.sequence)
        for chain in self.chains:
            flops[chain.operator] += chain.flops
        for operator, count in self.products:
            flops[operator] += count
        return flops

    @property
    def flops_per_item(self) -> int:
        """FLOPs to score one item."""
        return sum(self.operator_flops.values())

    @property
    def lookups_per_item(self) -> int:
        """Embedding rows read for one item."""
        return sum(table.pooling for table in self.tables)

    @property
    def embedding_bytes_per_item(self) -> int:
        """Bytes of the embedding rows read for one item."""
        return sum(table.pooling * table.dim * FP32_BYTES for table in self.tables)

    @property
    def fc_parameters(self) -> int:
        """Weights and biases outside of the tables."""
        return sum(chain.parameters for chain in self.chains)

    @property
    def table_bytes(self) -> int:
        """Bytes of all embedding tables."""
        return sum(table.size_bytes for table in self.tables)


def scale(network: Network, memory_bytes: int) -> tuple[Network, float]:
    """Return `network` with rows multiplied so that its tables fit `memory_bytes`, and the factor used.

    The factor is 1.0 where they fit as they are. Work per item does not change, cache behaviour does: state
    the factor beside any result. Raises `BadInputError` when not even one row per table fits.
    """
    if network.table_bytes <= memory_bytes:
        return network, 1.0
    least_bytes = sum(table.dim * FP32_BYTES for table in network.tables)
    if memory_bytes < least_bytes:
        raise BadInputError(
            f"{memory_bytes} bytes cannot hold the {len(network.tables)} tables of `{network.name}`",
            hint=f"give at least {least_bytes} bytes (one row per table)",
        )
    factor = memory_bytes / network.table_bytes
    while (scaled := _with_rows(network, factor)).table_bytes > memory_bytes:
        factor *= min(0.99, memory_bytes / scaled.table_bytes)  # some tables, at one row, take more than their share
    return scaled, factor


def _with_rows(network: Network, factor: float) -> Network:
    tables = tuple(replace(table, rows=max(1, int(table.rows * factor))) for table in network.tables)
    return replace(network, tables=tables)
