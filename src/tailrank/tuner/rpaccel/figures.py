"""Figures 10a, 11, 12 and 13 of the paper as data, ours in both modes beside the artifact's values."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tailrank.accelerator import Array, Chip, Design, Mode, area, demand, evaluate, run, run_all
from tailrank.accelerator.bugs import RELEASED
from tailrank.tuner.rpaccel.configurations import MODES, NETWORKS, configurations, funnel, name_of
from tailrank.tuner.rpaccel.published import artifact_values
from tailrank.tuner.rpaccel.tails import Arrivals, Loaded

__all__ = ["array_sizes", "best_by_load", "by_configuration", "more_items", "silicon", "utilisation_map"]

SIDES = (128, 64, 32, 16, 8)
KINDS: tuple[Arrivals, ...] = ("paper", "poisson")
AT = (100.0, 500.0, 1000.0, 2000.0)  # loads at which the artifact's configurations are known


def layers_of(network: str) -> list[Any]:
    """Return the layers of `network` as the artifact has them: its top MLP reads all rows end to end."""
    return [layer for group in demand(network, RELEASED).groups for layer in group.layers]


def array_sizes(items: int = 4096) -> list[dict[str, Any]]:
    """Return cycles and utilisation of each network on square arrays, weight stationary, convention `v1`."""
    known = {each.side: each for each in artifact_values().array}
    rows = []
    for side in SIDES:
        for network in NETWORKS:
            found = run_all(Array(side, side), layers_of(network), items)
            row = {"side": side, "network": network, "cycles": found.cycles, "utilisation": found.utilisation}
            theirs = known.get(side)
            row["artifact_cycles"] = theirs.cycles[network] if theirs else None
            row["artifact_utilisation"] = theirs.utilisation[network] if theirs else None
            rows.append(row)
    return rows


def utilisation_map(items: int = 4096) -> list[dict[str, Any]]:
    """Return the utilisation of each layer of each network on square arrays."""
    return [
        {
            "network": network,
            "layer": f"{layer.inputs}:{layer.outputs}",
            "side": side,
            "utilisation": run(Array(side, side), layer, items).utilisation,
        }
        for network in NETWORKS
        for layer in layers_of(network)
        for side in SIDES
    ]


def silicon(chip: Chip | None = None) -> dict[str, Any]:
    """Return area and synthesised power by block, of the baseline and of RPAccel."""
    of = chip or Chip()
    built = {name: area(of, rpaccel=name == "rpaccel") for name in ("baseline", "rpaccel")}
    return {
        f"{name}_{unit}": asdict(blocks) | {"total": blocks.total}
        for name, each in built.items()
        for unit, blocks in (("mm2", each.area_mm2), ("mw", each.power_mw))
    }


def by_configuration(loaded: Loaded, depths: Sequence[int] = (1, 2, 3)) -> list[dict[str, Any]]:
    """Return every configuration of the sweep in both modes: latency alone, capacity, and tails by load.

    The loads are those of figure 12; `p95_ms`, `p99_ms` and `stable` are by arrivals, then as the loads are.
    """
    gaps = artifact_values().loads.gap_ms
    known = {each.slices: each for each in artifact_values().configuration}
    rows = []
    for mode in MODES:
        for depth in depths:
            for slices in configurations(depth):
                design = funnel(slices, mode)
                found = evaluate(design)
                row: dict[str, Any] = {
                    "mode": mode,
                    "stages": depth,
                    "slices": list(slices),
                    "name": name_of(slices),
                    "latency_ms": found.latency_ns / 1e6,
                    "capacity_qps": found.capacity_qps,
                    "energy_mj": found.energy.total_mj or None,
                }
                row |= _by_arrivals(loaded, design, [1000 / gap for gap in gaps])
                theirs = known.get(slices)
                row["artifact_p95_ms"] = None if theirs is None else dict(zip(map(str, AT), theirs.p95_ms, strict=True))
                rows.append(row)
    return rows


def _by_arrivals(loaded: Loaded, design: Design, loads: Sequence[float]) -> dict[str, Any]:
    found: dict[str, Any] = {"p95_ms": {}, "p99_ms": {}, "stable": {}}
    for kind in KINDS:
        tails = [loaded.tail(design, qps, kind) for qps in loads]
        found["p95_ms"][kind] = [each.p95_ms for each in tails]
        found["p99_ms"][kind] = [each.p99_ms for each in tails]
        found["stable"][kind] = [each.stable for each in tails]
    return found


def best_by_load(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return figure 12, top: by mode, arrivals, stages and load the configuration with the lowest p95.

    `rows` are those of `by_configuration`. Where none keeps up, the one that falls behind least, and `stable` is false.
    """
    loads = artifact_values().loads
    theirs = {1: loads.one, 2: loads.two, 3: loads.three}
    found = []
    for mode in MODES:
        for kind in KINDS:
            for depth in sorted({row["stages"] for row in rows}):
                same = [row for row in rows if (row["mode"], row["stages"]) == (mode, depth)]
                for at, qps in enumerate(loads.qps):
                    best = min(same, key=lambda row: (not row["stable"][kind][at], row["p95_ms"][kind][at]))
                    found.append(
                        {
                            "mode": mode,
                            "arrivals": kind,
                            "stages": depth,
                            "qps": qps,
                            "name": best["name"],
                            "p95_ms": best["p95_ms"][kind][at],
                            "p99_ms": best["p99_ms"][kind][at],
                            "stable": best["stable"][kind][at],
                            "artifact_p95_ms": theirs[depth][at],
                        }
                    )
    return found


def more_items(loaded: Loaded) -> list[dict[str, Any]]:
    """Return figure 13: the best configuration of one and of two stages as queries bring more items."""
    known = artifact_values().items
    rows = []
    for mode in MODES:
        for kind in KINDS:
            for first, second, one_ms, two_ms in zip(
                known.first, known.second, known.one_ms, known.two_ms, strict=True
            ):
                one = _best(loaded, mode, kind, (first,), known.qps)
                two = _best(loaded, mode, kind, (first, second), known.qps)
                rows.append(
                    {"mode": mode, "arrivals": kind, "first": first, "second": second}
                    | {"one_ms": one[0], "one": one[1], "two_ms": two[0], "two": two[1]}
                    | {"ratio": one[0] / two[0], "artifact_one_ms": one_ms, "artifact_two_ms": two_ms}
                )
    return rows


def _best(loaded: Loaded, mode: Mode, kind: Arrivals, items: Sequence[int], qps: float) -> tuple[float, str]:
    tried = [
        (loaded.tail(funnel(slices, mode, items=items), qps, kind), name_of(slices))
        for slices in configurations(len(items))
    ]
    tail, name = min(tried, key=lambda each: (not each[0].stable, each[0].p95_ms))
    return tail.p95_ms, name
