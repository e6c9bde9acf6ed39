"""All cells of one network: build every way, compare its scores with eager's, time it."""

import gc
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from rivals.measure import Feed, differences, interleaved, on_one_core, spread, two_workers
from rivals.native_ways import MAKERS as NATIVE
from rivals.onnx_ways import MAKERS as ONNX
from rivals.roofline import Roofline
from rivals.torch_ways import MAKERS as TORCH
from rivals.way import Absent, Bench, Maker, Way
from tailrank.models import build

__all__ = ["MAKERS", "Effort", "measure_network"]

MAKERS: tuple[Maker, ...] = (*NATIVE, *TORCH, *ONNX)
TOLERANCE = 1e-4  # of an fp32 score from eager's: beyond it another network would be timed
WORKER_ITEMS = 64
SCALED = ("native", "TorchScript, packed", "torch eager", "ONNX Runtime")  # what two workers are tried with


@dataclass(frozen=True)
class Effort:
    """How much is measured: `build_s` is what slow builds of one network may take together."""

    batches: tuple[int, ...]
    rounds: int
    block_s: float
    cell_s: float
    build_s: float
    memory_bytes: int
    core: int
    slow: bool
    only: tuple[str, ...] = ()


def measure_network(name: str, effort: Effort) -> dict[str, Any]:
    """Return the cells of `name`, what could not be built and why, the roofline and the two workers."""
    torch.set_num_threads(1)
    began = time.monotonic()
    with ExitStack() as files:
        bench = Bench(build(name, memory_bytes=effort.memory_bytes), files)
        feed, workshop = Feed(bench.model), _Workshop(bench, effort)
        cells: list[dict[str, Any]] = []
        for items in effort.batches:
            cells += _cell(workshop, feed, items, effort)
        with on_one_core(effort.core):
            roofline = Roofline(bench.model, feed, effort.rounds, effort.block_s).measure(cells)
        return {
            "network": name,
            "table_bytes": bench.model.table_bytes,
            "row_scale": bench.model.scale,
            "items_prepared": feed.items,
            "cells": cells,
            "failed": workshop.failed,
            "notes": workshop.notes,
            "roofline": roofline,
            "workers": _workers(workshop, feed, effort),
            "build_s": workshop.spent_s,
            "seconds": time.monotonic() - began,
        }


class _Workshop:
    """Makes ways, remembers those that serve every count of items, and notes down what cannot be made."""

    def __init__(self, bench: Bench, effort: Effort) -> None:
        self.bench, self.effort, self.spent_s = bench, effort, 0.0
        self.failed: list[dict[str, Any]] = []
        self.notes: dict[str, str] = {}
        self._kept: dict[Maker, Way] = {}
        self._given_up: set[Maker] = set()
        only = effort.only
        self.makers = [m for m in MAKERS if (not only or m.name in only) and (effort.slow or not m.slow)]

    def ways(self, items: int, *, slow: bool = True) -> dict[Maker, Way]:
        able = [maker for maker in self.makers if maker not in self._given_up and (slow or not maker.slow)]
        made = {maker: self._way(maker, items) for maker in able}
        return {maker: way for maker, way in made.items() if way is not None}

    def _way(self, maker: Maker, items: int) -> Way | None:
        if maker in self._kept:
            return self._kept[maker]
        if maker.slow and self.spent_s > self.effort.build_s:
            self.fail(maker, items, f"not built: compilers have had their {self.effort.build_s:g} s")
            return None
        began = time.monotonic()
        try:
            way = maker.make(self.bench, items)
        except Absent as error:
            return self.fail(maker, None, str(error))
        except Exception as error:  # whatever a library says of this network is part of the result
            first = str(error).strip().partition("\n")[0][:300]
            return self.fail(maker, items if maker.per_batch else None, f"{type(error).__name__}: {first}")
        finally:
            self.spent_s += (time.monotonic() - began) if maker.slow else 0.0
        self.notes[f"{maker.name}, {maker.precision}"] = way.note
        if not maker.per_batch:
            self._kept[maker] = way
        return way

    def fail(self, maker: Maker, items: int | None, why: str) -> None:
        """Note a failure down; without `items`, of every count of them."""
        if items is None:
            self._given_up.add(maker)
        self._kept.pop(maker, None)
        row = {"executor": maker.name, "precision": maker.precision, "batch": items, "error": why}
        self.failed.append(row)
        print(f"  {maker.name} {maker.precision}: {why}", file=sys.stderr, flush=True)


def _cell(workshop: _Workshop, feed: Feed, items: int, effort: Effort) -> list[dict[str, Any]]:
    makers = {f"{maker.name} {maker.precision}": maker for maker in workshop.makers}
    ways = {f"{maker.name} {maker.precision}": way for maker, way in workshop.ways(items).items()}
    inputs = feed.next(items)
    expected = workshop.bench.model.score(inputs).numpy()
    apart: dict[str, float] = {}
    for key, way in list(ways.items()):
        try:
            apart |= differences({key: way}, inputs, expected)
        except Exception as error:
            workshop.fail(makers[key], items, f"{type(error).__name__}: {str(error).strip()[:300]}")
            del ways[key]
            continue
        if makers[key].precision == "fp32" and not apart[key] <= TOLERANCE:
            workshop.fail(makers[key], items, f"scores differ from eager's by {apart[key]:.1e}")
            del ways[key]
    gc.collect()
    with on_one_core(effort.core):
        times = interleaved(ways, feed, items, rounds=effort.rounds, block_s=effort.block_s, budget_s=effort.cell_s)
    cells = []
    for key, values in times.items():
        maker, name = makers[key], workshop.bench.model.name
        cell = {"network": name, "batch": items, "executor": maker.name, "precision": maker.precision}
        cells.append({**cell, "ours": maker.ours, **spread(values), "max_abs_diff": apart[key]})
    for cell in sorted(cells, key=lambda cell: (cell["precision"], cell["us"])):
        print(
            f"  {name:>6} {items:>5} {cell['precision']:>5} {cell['executor']:<24}{cell['us']:>11,.1f} us "
            f"({cell['q1_us']:,.1f} .. {cell['q3_us']:,.1f})  {cell['max_abs_diff']:.0e}",
            file=sys.stderr,
            flush=True,
        )
    return cells


def _workers(workshop: _Workshop, feed: Feed, effort: Effort) -> list[dict[str, Any]]:
    """Two threads over one, fp32, in wall time."""
    made = workshop.ways(WORKER_ITEMS, slow=False)
    ways = {maker.name: way for maker, way in made.items() if maker.precision == "fp32" and maker.name in SCALED}
    found = two_workers(ways, feed, WORKER_ITEMS, rounds=max(3, effort.rounds // 2), block_s=10 * effort.block_s)
    rows = []
    for name, rates in found.items():
        ratio = spread([two / one for one, two in rates])
        rows.append(
            {
                "executor": name,
                "batch": WORKER_ITEMS,
                "one_items_per_s": spread([one for one, _ in rates])["us"],
                "two_items_per_s": spread([two for _, two in rates])["us"],
                "ratio": ratio["us"],
                "q1_ratio": ratio["q1_us"],
                "q3_ratio": ratio["q3_us"],
                "rounds": ratio["rounds"],
            }
        )
    return rows
