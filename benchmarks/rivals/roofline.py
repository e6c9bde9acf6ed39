"""How far from what the host can do: the time of the rows and of the arithmetic, measured in the same run.

The bound of an item is its rows at the time a random row takes, plus its FLOPs at the peak: no overlap of the two is
assumed, so a share above one says that they do overlap. A row's time is the best over prefetch distances, from the
model's own tables. Shares are bound over measured, for the whole network and for its lookups and its layers alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from rivals.measure import Feed, interleaved, spread
from rivals.native_ways import program_way
from rivals.way import Absent, Way, as_is
from tailrank.models import Inputs, Model
from tailrank.native import available, why_not
from tailrank.native.extension import core
from tailrank.native.program import Bag, Dense, Fc, Op, Program, Score, View

__all__ = ["Roofline"]

DISTANCES = (0, 8, 16, 32, 64, 96, 128, 256)
IDS = 1 << 18  # in one probe
BATCHES = (64, 256)
FMA_S = 0.2
PRECISIONS = ("fp32", "bf16")


class Roofline:
    """Probes of this host, and how close the native executor comes."""

    def __init__(self, model: Model, feed: Feed, rounds: int, block_s: float) -> None:
        assert model.network is not None
        assert model.module is not None
        self.model, self.network, self.module, self.feed = model, model.network, model.module, feed
        self.rounds, self.block_s = rounds, block_s

    def measure(self, cells: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return peaks, bounds, and shares at `BATCHES`; or why there are none."""
        if not available():
            return {"absent": why_not()}
        from tailrank.models.native import lower

        probes = core()
        program = lower(self.module, self.network)
        peaks = {each: [] for each in PRECISIONS}
        tables, row_ns = _tables(program), []
        for _ in range(max(3, self.rounds // 3)):
            for precision, found in peaks.items():
                found.append(float(probes.probe_fma(FMA_S, precision)))
            row_ns.append([_row_ns(probes, bag) for bag in tables])
        peak = {name: float(np.median(found)) for name, found in peaks.items()}
        rows = [
            {
                "dim": int(bag.table.shape[1]),
                "table_bytes": int(bag.table.nbytes),
                "rows_per_item": sum(b.groups * b.pooling for b in program.ops if _same(b, bag)),
                "ns_per_row": float(np.median([each[number][0] for each in row_ns])),
                "distance": int(np.median([each[number][1] for each in row_ns])),
            }
            for number, bag in enumerate(tables)
        ]
        lookups_us = sum(row["rows_per_item"] * row["ns_per_row"] for row in rows) / 1e3
        flops = self.network.flops_per_item - self.network.operator_flops["lookup"]
        fc_flops = _fc_flops(program)
        bounds = {
            "lookup_us_per_item": lookups_us,
            "arithmetic_us_per_item": flops / peak["fp32"] / 1e3,
            "us_per_item": lookups_us + flops / peak["fp32"] / 1e3,
            "fc_us_per_item": fc_flops / peak["fp32"] / 1e3,
        }
        return {
            "peak_gflops": peak,
            "rows": rows,
            "flops_per_item": flops,
            "fc_flops_per_item": fc_flops,
            "bound": bounds,
            "batches": [self._shares(program, items, bounds, cells) for items in BATCHES],
        }

    def _shares(
        self, program: Program, items: int, bounds: dict[str, float], cells: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        row: dict[str, Any] = {"batch": items}
        whole = [c["us"] for c in cells if (c["executor"], c["precision"], c["batch"]) == ("native", "fp32", items)]
        if whole:
            row["share"] = bounds["us_per_item"] * items / whole[0]
        ways: dict[str, Way] = {}
        for name, make in (("lookup", _lookups), ("fc", _layers)):
            try:
                part = make(program)
                ways[name] = program_way(part, as_is if name == "lookup" else _fixed(_noise(part)))
            except (Absent, ValueError, TypeError, RuntimeError) as error:
                row[f"{name}_absent"] = str(error)
        times = interleaved(ways, self.feed, items, rounds=self.rounds, block_s=self.block_s, budget_s=60)
        for name, values in times.items():
            row[f"{name}_us"] = spread(values)["us"]
            row[f"{name}_share"] = bounds[f"{name}_us_per_item"] * items / row[f"{name}_us"]
        return row


def _fixed(inputs: Inputs) -> Callable[[Inputs], Inputs]:
    """Return what puts `inputs` in the place of the network's, as many items."""
    return lambda asked: tuple(each[: len(asked[0])] for each in inputs)


def _tables(program: Program) -> list[Bag]:
    """Return one bag of each table."""
    found: list[Bag] = []
    for op in program.ops:
        if isinstance(op, Bag) and not any(_same(op, other) for other in found):
            found.append(op)
    return found


def _same(op: Op, bag: Bag) -> bool:
    return isinstance(op, Bag) and op.table is bag.table


def _row_ns(probes: Any, bag: Bag) -> tuple[float, int]:
    """Return the least time of a random row, and the prefetch distance that gave it."""
    ids = np.random.default_rng(0).integers(0, len(bag.table), IDS, dtype=np.int32)
    times = {distance: float(probes.probe_rows(bag.table, ids, distance)) / len(ids) for distance in DISTANCES}
    best = min(times, key=lambda distance: times[distance])
    return times[best], best


def _fc_flops(program: Program) -> int:
    return sum(2 * op.repeat * op.layer.weight.size for op in program.ops if isinstance(op, Fc))


def _lookups(program: Program) -> Program:
    """Return the program of the lookups alone; the score is one of their columns."""
    bags: tuple[Op, ...] = tuple(op for op in program.ops if isinstance(op, Bag))
    first = next(op.out for op in bags if isinstance(op, Bag))
    return replace(program, ops=(*bags, Score(replace(first, width=1))))


def _layers(program: Program) -> Program:
    """Return the program of the FC layers alone: each reads the same dense columns, and writes a buffer of its own."""
    layers = [op for op in program.ops if isinstance(op, Fc)]
    if not layers:
        raise Absent("no FC layers")
    width = max(op.source.width for op in layers)
    ops: list[Op] = [Dense(0, View(0, 0, width))]
    for number, op in enumerate(layers, start=1):
        source, out = View(0, 0, op.source.width), View(number, 0, op.out.width)
        ops.append(replace(op, source=source, out=out, accumulate=False))
    buffers = (width, *(op.out.width for op in layers))
    return Program((("dense", width),), buffers, (*ops, Score(View(len(layers), 0, 1))))


def _noise(program: Program) -> Inputs:
    """Return dense inputs for the layers alone; few, since theirs is no question of memory."""
    ((_, width),) = program.inputs
    return (torch.from_numpy(np.random.default_rng(0).random((max(BATCHES), width), dtype=np.float32)),)
