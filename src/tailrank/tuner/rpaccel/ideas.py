"""The paper's five ideas, one after the other, from the baseline: what each gives in latency and throughput.

- O1 multi-stage: a small network before the large one, which then scores 512 of 4,096 items.
- O2 on-chip top-k: the host no longer filters between stages and after the last.
- O3 fission: sub-arrays for each stage, so that several queries are in flight.
- O4 dual caches: rows of later stages are in SRAM before these begin (look-ahead), behind the part before.
- O5 sub-batches: parts of a query follow each other through the stages; here with weights resident.

O5 stands before O4, which hides nothing where there is only one part.
"""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from tailrank.accelerator import Design, Evaluation, Mode, evaluate
from tailrank.tuner.rpaccel.configurations import MODES, funnel, pipelined
from tailrank.tuner.rpaccel.published import artifact_values
from tailrank.tuner.rpaccel.tails import Loaded

__all__ = ["LATENCY_POINT", "THROUGHPUT_POINT", "baseline", "claims", "headline", "sub_batches", "waterfall"]

PARTS = (1, 2, 4, 8, 16)
TOLD_QPS = (400.0, 2000.0)
LATENCY_POINT, THROUGHPUT_POINT = (1, 1), (4, 4)
"""Where the paper's factor of latency is had, and where that of throughput: two different designs."""


def baseline(mode: Mode) -> Design:
    """Return the paper's baseline: one stage on the undivided array, filtered by the host."""
    return funnel((1,), mode, filter="host")


def _steps(mode: Mode) -> list[tuple[str, str, Design]]:
    split = funnel(THROUGHPUT_POINT, mode)
    resident = mode == "corrected"  # as fp32, the large network's weights do not fit the artifact's SRAM
    parts = best_parts(split, resident=resident, look_ahead=True)
    kept = "resident" if resident else "reloaded"
    return [
        ("baseline", "one stage, undivided array, the host filters", baseline(mode)),
        ("O1", "two stages", funnel(LATENCY_POINT, mode, filter="host")),
        ("O2", "top-k on the chip", funnel(LATENCY_POINT, mode)),
        ("O3", "array split into 2 + 2 sub-arrays", split),
        ("O5", f"{parts} sub-batches, weights {kept}", pipelined(split, parts, resident=resident)),
        ("O4", "look-ahead cache", pipelined(split, parts, resident=resident, look_ahead=True)),
    ]


def best_parts(design: Design, *, resident: bool, look_ahead: bool) -> int:
    """Return into how many parts, two or more, queries are best cut, by the latency of a query alone."""
    each = {n: pipelined(design, n, resident=resident, look_ahead=look_ahead) for n in PARTS[1:]}
    return min(each, key=lambda n: evaluate(each[n]).latency_ns)


def waterfall(loaded: Loaded) -> dict[str, list[dict[str, Any]]]:
    """Return by mode one row a step, each with what it gains over the step before and over the baseline.

    `p99_ms` is by offered load, under Poisson arrivals; None where the design cannot keep up.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for mode in MODES:
        rows: list[dict[str, Any]] = []
        for name, text, design in _steps(mode):
            row = {"step": name, "text": text, **_row(evaluate(design)), "p99_ms": _tails(loaded, design)}
            first, last = (rows[0], rows[-1]) if rows else (row, row)
            row["latency_gain"] = last["latency_ms"] / row["latency_ms"]
            row["capacity_gain"] = row["capacity_qps"] / last["capacity_qps"]
            row["latency_over_baseline"] = first["latency_ms"] / row["latency_ms"]
            row["capacity_over_baseline"] = row["capacity_qps"] / first["capacity_qps"]
            rows.append(row)
        found[mode] = rows
    return found


def _tails(loaded: Loaded, design: Design) -> dict[str, float | None]:
    found = {f"{qps:g}": loaded.tail(design, qps) for qps in TOLD_QPS}
    return {at: tail.p99_ms if tail.stable else None for at, tail in found.items()}


def _row(found: Evaluation) -> dict[str, Any]:
    return {
        "latency_ms": found.latency_ns / 1e6,
        "capacity_qps": found.capacity_qps,
        "energy_mj": found.energy.total_mj or None,
        "qps_per_watt": found.qps_per_watt,
        "area_mm2": found.area.total,
        "stage_ms": found.stage_latency_ms,
    }


def claims() -> list[dict[str, Any]]:
    """Return the paper's factors beside the artifact's and ours in both modes."""
    ours = {mode: _factors(mode) for mode in MODES}
    return [
        {
            "name": claim.name,
            "text": claim.text,
            "claimed": claim.claimed,
            "artifact": claim.artifact,
            "tag": claim.tag,
            **{mode: ours[mode][claim.name] for mode in MODES},
        }
        for claim in artifact_values().claims
    ]


def _factors(mode: Mode) -> dict[str, float]:
    base, one = evaluate(baseline(mode)), evaluate(funnel((1,), mode))
    whole, split = evaluate(funnel(LATENCY_POINT, mode)), evaluate(funnel(THROUGHPUT_POINT, mode))
    host = evaluate(funnel(LATENCY_POINT, mode, filter="host"))
    return {
        "latency": base.latency_ns / whole.latency_ns,
        "throughput": split.capacity_qps / base.capacity_qps,
        "O1": one.latency_ns / whole.latency_ns,
        "O2": host.latency_ns / whole.latency_ns,
        "O3": split.capacity_qps / whole.capacity_qps,
    }


def headline() -> list[dict[str, Any]]:
    """Return both operating points, each with both factors over the baseline."""
    rows = []
    for mode in MODES:
        base = evaluate(baseline(mode))
        for text, slices in (("undivided array", LATENCY_POINT), ("2 + 2 sub-arrays", THROUGHPUT_POINT)):
            found = evaluate(funnel(slices, mode))
            rows.append(
                {
                    "mode": mode,
                    "point": text,
                    "latency_ms": found.latency_ns / 1e6,
                    "capacity_qps": found.capacity_qps,
                    "latency_gain": base.latency_ns / found.latency_ns,
                    "capacity_gain": found.capacity_qps / base.capacity_qps,
                }
            )
    return rows


def sub_batches(slices: Sequence[int] = THROUGHPUT_POINT) -> list[dict[str, Any]]:
    """Return latency and capacity by parts, with weights reloaded, resident, and with look-ahead besides.

    `released, link once` is the artifact's model but for the link, which a query pays once, and weights of 16 bits,
    as fp32 weights of the large network do not fit the SRAM to be resident.
    """
    released, corrected = (funnel(slices, mode) for mode in MODES)
    once = replace(released, bugs=replace(released.bugs, link_every_stage=False, four_byte_weights=False))
    rows = []
    for setting, design, ways in (
        ("released", released, (("reloaded", False, False),)),
        ("released, link once", once, _WAYS),
        ("corrected", corrected, _WAYS),
    ):
        for way, resident, look_ahead in ways:
            for parts in PARTS[:4] if look_ahead is False else PARTS[1:4]:
                found = evaluate(pipelined(design, parts, resident=resident, look_ahead=look_ahead))
                row = {"setting": setting, "weights": way, "parts": parts}
                rows.append(row | {"latency_ms": found.latency_ns / 1e6, "capacity_qps": found.capacity_qps})
    return rows


_WAYS = (("reloaded", False, False), ("resident", True, False), ("resident, look-ahead", True, True))
