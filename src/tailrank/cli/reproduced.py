"""What `tailrank reproduce deeprecsys` found: the document, the result directory, the text for people."""

import shlex
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tailrank.cli.fidelity import NOT_ASKED
from tailrank.cli.output import significant, table
from tailrank.cli.results import made_at, versions
from tailrank.core import BadInputError
from tailrank.core.files import result_directory, write_json
from tailrank.report.study import check, gather
from tailrank.report.study.paper import GAINS
from tailrank.tuner.claims import claims
from tailrank.tuner.readings import NETWORKS, readings, repeats
from tailrank.tuner.study import CellResult, ColumnResult, geomean_gain
from tailrank.workload import Workload

__all__ = ["TARGETS", "describe", "document", "gains_beside", "networks_of", "write"]

TARGETS = ("low", "medium", "high")
SCHEMA = 1


def networks_of(text: str | None) -> tuple[str, ...]:
    """Return the networks of a flag's list, in the study's order; raises `BadInputError` for one it does not have."""
    if text is None:
        return NETWORKS
    asked = {word.strip() for word in text.split(",") if word.strip()}
    unknown = sorted(asked - set(NETWORKS))
    if unknown or not asked:
        raise BadInputError(
            f"--networks: the study has no network `{unknown[0] if unknown else text}`",
            hint=f"known: {', '.join(NETWORKS)}",
        )
    return tuple(name for name in NETWORKS if name in asked)


def document(
    results: Sequence[ColumnResult],
    *,
    seed: int,
    quick: bool,
    networks: Sequence[str],
    fidelity: dict[str, Any],
    began: float,
) -> dict[str, Any]:
    """Return the result document; `began` is the monotonic time at which the command did.

    All but `fidelity`, `made_at`, `versions` and `seconds` is the same for the same seed, on any machine.
    """
    main = [each for each in results if each.column.reading == ""]
    cells = [cell for result in main for cell in result.cells]
    points = [_plain(point) for result in main for point in result.curves]
    built: dict[str, Any] = {
        "schema": SCHEMA,
        "verb": "reproduce",
        "study": "deeprecsys",
        "command": _command(seed, quick, networks, engine=fidelity["absent"] != NOT_ASKED),
        "seed": seed,
        "quick": quick,
        "made_at": made_at(),
        "versions": versions(),
        "workload": Workload().describe(),
        "note": "simulated on rooflines of the catalogue's devices, not verified on an engine",
        "cells": [_cell(cell) for cell in sorted(cells, key=_place)],
        "geomean_gain": geomean_gain(cells),
        "paper_gain": GAINS,
        "curves": {knob: [point for point in points if point["knob"] == knob] for knob in ("batch_size", "offload_at")},
        "penalty": [_plain(row) for result in main for row in result.penalty],
        "poisson": [_plain(row) for result in main for row in result.poisson],
        "regret": [_regret(cell) for cell in sorted(cells, key=_place) if cell.regret is not None],
        "readings": readings(results),
        "repeats": repeats(results),
        "claims": claims(results),
        "fidelity": fidelity,
        "probes": sum(each.probes for each in results),
    }
    built["evidence"] = gather(seed)
    built["checks"] = check(built)
    built["seconds"] = round(time.monotonic() - began, 2)
    return built


def write(out: Path, result: dict[str, Any]) -> None:
    """Write the result directory, whole or not at all: result and report."""
    from tailrank.report import study

    with result_directory(out) as folder:
        write_json(folder / "result.json", result)
        study.write(folder)


def describe(result: dict[str, Any], out: Path) -> str:
    """Return the result as text for people: mean gains beside the paper's, claims, where to look."""
    header = ["host", "scheduler", *(f"{target}: ours / paper" for target in TARGETS)]
    rows = [
        [host, scheduler, *(f"{ours} / {paper}" for ours, paper in pairs)]
        for host, scheduler, pairs in gains_beside(result)
    ]
    said = {True: "holds", False: "FAILS", None: "not judged"}
    lines = [
        "capacity over the static baseline, geometric mean of the networks (simulated, not verified on an engine)",
        "",
        table(header, rows),
        "",
        *(f"{said[claim['holds']]:<10}  {claim['text']}: {claim['ours']}" for claim in result["claims"]),
        f"regret      {_regret_words(result)}",
        f"engine      {_engine_words(result)}",
        f"checks      {sum(each['holds'] is True for each in result['checks'])} of {len(result['checks'])} hold",
        f"result      {out / 'result.json'} after {result['seconds']:.0f} s",
        f"report      {out / 'report.html'}",
    ]
    return "\n".join(lines)


def _regret_words(result: dict[str, Any]) -> str:
    rows = result["regret"]
    if not rows:
        return "not measured"
    worst = max(rows, key=lambda row: row["regret"])
    place = f"{worst['network']} {worst['target']} on {worst['host']}, {worst['scheduler']}"
    return f"at most {100 * worst['regret']:.2f} % against every plan, in {len(rows)} cells ({place})"


def _engine_words(result: dict[str, Any]) -> str:
    found = result["fidelity"]
    if not found["rows"]:
        return f"not compared: {found['absent']}"
    words = [
        f"{100 * statistics.median(errors):.1f} % with {times}"
        for key, times in (("own_times_ms", "the run's own times"), ("profiled_ms", "profiled ones"))
        if (errors := [abs(row["engine_ms"] / row[key] - 1) for row in found["rows"] if row["engine_ms"] and row[key]])
    ]
    return (
        f"p95 over the simulator's in {len(found['rows'])} runs here, median error: {', '.join(words)}; "
        f"other processes took {100 * found['others']:.0f} % of the processors"
    )


def gains_beside(result: dict[str, Any]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return (host, scheduler, [(our mean gain, the paper's) at each of `TARGETS`]), as text."""
    return [
        (
            host,
            scheduler,
            [(significant(by_target.get(at)), f"{GAINS[scheduler][at]:g}") for at in TARGETS],
        )
        for host, by_scheduler in result["geomean_gain"].items()
        for scheduler, by_target in by_scheduler.items()
    ]


def _place(cell: CellResult) -> tuple[str, int, int, str]:
    return cell.host, NETWORKS.index(cell.network), TARGETS.index(cell.target), cell.scheduler


def _command(seed: int, quick: bool, networks: Sequence[str], *, engine: bool) -> str:
    words = ["tailrank", "reproduce", "deeprecsys", "--seed", str(seed)]
    words += ["--quick"] if quick else []
    words += [] if engine else ["--no-engine"]
    words += ["--networks", ",".join(networks)] if tuple(networks) != NETWORKS else []
    return shlex.join(words)


def _cell(cell: CellResult) -> dict[str, Any]:
    """Return a cell's row; what its regret was found with is told apart, by `_regret`."""
    return {**_plain(cell), "regret": None if cell.regret is None else cell.regret.regret}


def _regret(cell: CellResult) -> dict[str, Any]:
    named = {"network": cell.network, "host": cell.host, "target": cell.target, "scheduler": cell.scheduler}
    return {**named, **(_plain(cell.regret) if cell.regret is not None else {})}


def _plain(row: msgspec.Struct) -> Any:
    """Return `row` as a file will give it back: lists, not tuples."""
    return msgspec.json.decode(msgspec.json.encode(row))
