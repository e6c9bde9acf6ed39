"""What one batch of a network makes a device do, operator by operator: FLOPs, bytes, rows, launches.

Counts follow the conventions of `zoo`: the FLOPs, weights and rows of the operators add up to the network's own.
Activations, which `zoo` does not count, are the fp32 numbers an operator reads and writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from tailrank.zoo import Chain, Network, Operator, TableConfig

__all__ = ["Inputs", "Kind", "OperatorWork", "inputs", "intensity", "operators"]

FP32_BYTES = 4
STEP_LAUNCHES = 2  # beside its product, a step of a recurrence adds and squashes

Kind = Literal["lookup", "matmul", "elementwise"]


@dataclass(frozen=True, kw_only=True)
class OperatorWork:
    """One operator, or one kind of operator that runs `launches` times.

    `operator` is its class in `zoo`, `kind` how it computes. `flops_per_item` counts all steps and copies;
    `weight_bytes` are read once a batch. `steps` follow one another; in each, `positions` rows per item go through
    together. A lookup reads `rows_per_item` rows of `row_bytes_per_item` in all, sums them into `bags_per_item`
    vectors, and takes one launch per table (`launches_per_table`) unless all tables share one (`launches`).
    `outputs` is the width a matrix product writes; `table_bytes` and `table_rows` are of all its tables.
    """

    name: str
    operator: Operator
    kind: Kind
    flops_per_item: float = 0.0
    weight_bytes: int = 0
    row_bytes_per_item: int = 0
    rows_per_item: int = 0
    bags_per_item: int = 0
    activation_bytes_per_item: int = 0
    launches: int = 1
    launches_per_table: int = 1
    steps: int = 1
    positions: int = 1
    outputs: int = 1
    table_bytes: int = 0
    table_rows: int = 0

    def all_launches(self, *, fused_lookup: bool) -> int:
        """Return how many operators, or kernels, a batch starts, one after another."""
        return self.steps * (self.launches if fused_lookup else self.launches_per_table)


@dataclass(frozen=True)
class Inputs:
    """What a batch brings along: ids, bags (each with its length) and dense numbers per item, in so many tensors."""

    ids_per_item: int
    bags_per_item: int
    dense_per_item: int
    tensors: int

    def bytes_per_item(self, *, int32_ids: bool) -> int:
        """Return the bytes to hand over for one item; lengths are int32, dense numbers fp32."""
        return self.ids_per_item * (4 if int32_ids else 8) + 4 * self.bags_per_item + FP32_BYTES * self.dense_per_item


@lru_cache(maxsize=256)
def operators(network: Network) -> tuple[OperatorWork, ...]:
    """Return the operators of `network` in about the order they run: lookups, chains, the rest."""
    found = [_lookup(network, group) for group in network.groups]
    for chain in network.chains:
        found.extend(_chain(chain))
    found.extend(_rest(network))
    return tuple(found)


def inputs(network: Network) -> Inputs:
    """Return what a batch of `network` brings along; tables that read another's ids bring none."""
    own = [table for table in network.tables if table.ids_of is None]
    bags = sum(1 for table in own if not table.sequence)
    tensors = len(own) + bags + (1 if network.dense else 0)
    return Inputs(sum(table.pooling for table in own), bags, network.dense, tensors)


def intensity(network: Network, items: int) -> float:
    """Return FLOPs per byte of a batch: weights read once, embedding rows for every item, activations not counted."""
    read_bytes = FP32_BYTES * network.fc_parameters + items * network.embedding_bytes_per_item
    return items * network.flops_per_item / read_bytes


def _lookup(network: Network, group: str) -> OperatorWork:
    tables: list[TableConfig] = [table for table in network.tables if table.group == group]
    bags = sum(table.pooling if table.sequence else 1 for table in tables)
    first = tables[0]
    return OperatorWork(
        name=f"lookup.{group}",
        operator="lookup",
        kind="lookup",
        flops_per_item=sum((t.pooling - 1) * t.dim for t in tables if not t.sequence),
        row_bytes_per_item=sum(t.pooling * t.dim * FP32_BYTES for t in tables),
        rows_per_item=sum(t.pooling for t in tables),
        bags_per_item=bags,
        activation_bytes_per_item=bags * first.dim * FP32_BYTES,
        launches_per_table=len(tables),
        table_bytes=sum(t.size_bytes for t in tables),
        table_rows=sum(t.rows for t in tables),
    )


def _chain(chain: Chain) -> Iterator[OperatorWork]:
    """Yield the matrix products of a chain and, per layer, the element-wise work after it."""
    serial = chain.operator == "recurrent" and chain.name.endswith("_state")  # inputs of all steps go together
    steps, positions = (chain.steps, 1) if serial else (1, max(chain.steps, 1))
    width = steps * positions * chain.copies
    for number, (rows, columns) in enumerate(pairwise(chain.widths)):
        yield OperatorWork(
            name=f"{chain.name}.{number}",
            operator=chain.operator,
            kind="matmul",
            flops_per_item=2.0 * chain.copies * chain.steps * rows * columns,
            weight_bytes=FP32_BYTES * chain.copies * (rows * columns + (columns if chain.bias else 0)),
            activation_bytes_per_item=FP32_BYTES * width * (rows + columns),
            launches=chain.copies,
            launches_per_table=chain.copies,
            steps=steps,
            positions=positions,
            outputs=columns,
        )
    after = chain.copies * (STEP_LAUNCHES if serial else len(chain.widths) - 1)
    yield OperatorWork(
        name=f"{chain.name}.activations",
        operator="other" if chain.operator == "fc" else chain.operator,
        kind="elementwise",
        activation_bytes_per_item=2 * FP32_BYTES * width * sum(chain.widths[1:]),
        launches=after,
        launches_per_table=after,
        steps=steps,
        positions=positions,
    )


def _rest(network: Network) -> Iterator[OperatorWork]:
    """Yield the joining of vectors, before the top and before each attention unit, and the products of `zoo`."""
    widest = max(chain.widths[0] for chain in network.chains if chain.operator == "fc")
    joins: list[tuple[str, Operator, int, int]] = [("concat", "interaction", 1, widest)]
    joins += [
        (f"{chain.name}.concat", "attention", chain.copies, chain.copies * chain.widths[0])
        for chain in network.chains
        if chain.operator == "attention" and chain.steps == 1
    ]
    for name, operator, launches, width in joins:
        yield OperatorWork(
            name=name,
            operator=operator,
            kind="elementwise",
            activation_bytes_per_item=2 * FP32_BYTES * width,
            launches=launches,
            launches_per_table=launches,
        )
    for number, (operator, flops) in enumerate(network.products):
        yield OperatorWork(
            name=f"product.{number}",
            operator=operator,
            kind="elementwise",
            flops_per_item=float(flops),
            activation_bytes_per_item=FP32_BYTES * flops,
        )
