"""The page docs/reproductions/deeprecsys.md: the study's tables, the paper's numbers with how far they are known."""

from collections.abc import Iterable, Sequence
from typing import Any

from tailrank.cli.output import significant
from tailrank.cli.reproduced import TARGETS, gains_beside
from tailrank.report.study.paper import TAGS, TITLE_OF_TAG

__all__ = ["page"]

CELL_HEADER = ["network", "host", "target, ms", "scheduler", "capacity, qps", "batch size", "offload from"]
CELL_HEADER += ["queries on GPU", "items on GPU", "qps per watt", "gain"]


def page(result: dict[str, Any]) -> str:
    """Return the page of a result document."""
    quick = ["", "**A quick run: no figure here counts.**"] if result["quick"] else []
    lines = [
        "# DeepRecSys, reproduced",
        "",
        f"Made by `{result['command']} --write-docs FILE` (seed {result['seed']}).",
        "Every number is simulated on the catalogue's devices and verified on no engine; capacities are in queries a",
        "second, with their 95 % interval. The paper's numbers have a tag that says how far they are known.",
        *quick,
        *_gains(result),
        *_readings(result),
        *_asserted(result),
        *_regret(result),
        *_engine(result),
        *_cells(result),
        *_arrivals(result),
        *_sizes(result),
    ]
    return "\n".join(lines) + "\n"


def _gains(result: dict[str, Any]) -> list[str]:
    rows = []
    for host, scheduler, pairs in gains_beside(result):
        tags = [TAGS["gain"][scheduler][at] for at in TARGETS]
        cells = [f"{ours} / {paper} [{tag}]" for (ours, paper), tag in zip(pairs, tags, strict=True)]
        rows.append([host, scheduler, *cells])
    return [
        *_title("Gain over the static baseline, geometric mean of the networks"),
        *_table(["host", "scheduler", *(f"{target}: ours / paper" for target in TARGETS)], rows),
        "",
        "Tags: " + "; ".join(f"{tag}, {words}" for tag, words in TITLE_OF_TAG.items()) + ".",
    ]


def _readings(result: dict[str, Any]) -> list[str]:
    rows = [
        [row["name"], row["assumption"], *(_by_target(row[key]) for key in ("gain", "over_cpu"))]
        for row in result["readings"]
    ]
    return [
        *_title("Which reading gives the paper's factor for the GPU?"),
        *_table(["reading", "assumption", "gain over static", "over CPU only"], rows),
    ]


def _asserted(result: dict[str, Any]) -> list[str]:
    claims = [[claim["text"], _said(claim["holds"]), claim["ours"]] for claim in result["claims"]]
    checks = [[each["id"], each["text"], each["tag"], _said(each["holds"]), each["ours"]] for each in result["checks"]]
    return [
        *_title("What must hold"),
        *_table(["claim", "holds", "ours"], claims),
        *_title("The seventeen checks"),
        *_table(["", "check", "tag", "holds", "ours"], checks),
    ]


def _regret(result: dict[str, Any]) -> list[str]:
    rows = result["regret"]
    lost = [row for row in rows if row["regret"] > 0]
    told = [row for row in rows if max(row["regret"], row["before_joint"] or 0.0) > 0]
    tenths = [row["evaluations"] / row["exhaustive"] for row in rows if row["scheduler"] == "gpu"]
    most = max((row["regret"] for row in rows), default=0.0)
    words = (
        f"Every pair of batch size (1, 2, 3, 4, 6, ..., 1024) and threshold (none, 1, 32, 64, ..., 992) against the "
        f"plan that the search chose, on the same queries: in {len(rows) - len(lost)} of {len(rows)} cells none is "
        f"better, and the most that is lost is {100 * most:.2f} %. With the GPU the search served at most "
        f"{100 * max(tenths, default=0.0):.1f} % of the grid's plans; without it the grid has 20 plans. Fresh queries "
        f"chose neither plan. The last walk moves both knobs jointly over several repetitions; before it the search "
        f"had settled one knob after the other on one trace. The cells where some plan is better, or was before:"
    )
    cells = [
        [
            row["network"],
            row["host"],
            row["target"],
            row["scheduler"],
            *(_knobs(row, which) for which in ("climb", "best")),
            "-" if row["before_joint"] is None else f"{100 * row['before_joint']:.2f} %",
            f"{100 * row['regret']:.2f} %",
            "same plan" if row["fresh"] is None else "{:.3f} ({:.3f} to {:.3f})".format(*row["fresh"]),
            f"{row['evaluations']} of {row['exhaustive']}",
        ]
        for row in told
    ]
    header = ["network", "host", "target", "scheduler", "found", "best", "before the joint walk", "regret"]
    header += ["found over best on fresh queries", "plans served"]
    return [*_title("What the search loses to exhaustive search"), words, "", *_table(header, cells)]


def _knobs(row: dict[str, Any], which: str) -> str:
    at = row[f"{which}_offload_at"]
    return f"{row[f'{which}_batch_size']}" + ("" if at is None else f", offload from {at}")


def _engine(result: dict[str, Any]) -> list[str]:
    found = result["fidelity"]
    if not found["rows"]:
        return [*_title("Engine and simulator"), f"Not compared: {found['absent']}."]
    words = (
        f"Measured on the host that made this page ({found['workers']} workers, small tables), so unlike the rest it "
        f"differs from run to run; other processes took {100 * found['others']:.0f} % of its processors meanwhile. "
        f"95th percentiles of the same trace and plan; own times: each slice takes in the simulator what it took then."
    )
    rows = [
        [
            row["network"],
            f"{100 * row['load']:.0f} %",
            row["queries"],
            *(significant(row[key]) for key in ("engine_ms", "own_times_ms", "profiled_ms")),
            *(significant(_ratio(row, key)) for key in ("own_times_ms", "profiled_ms")),
        ]
        for row in found["rows"]
    ]
    header = ["network", "of full load", "queries", "engine, ms", "own times, ms", "profiled, ms"]
    return [
        *_title("Engine and simulator"),
        words,
        "",
        *_table([*header, "engine over own times", "engine over profiled"], rows),
    ]


def _ratio(row: dict[str, Any], key: str) -> float | None:
    return row["engine_ms"] / row[key] if row["engine_ms"] and row[key] else None


def _cells(result: dict[str, Any]) -> list[str]:
    return [*_title("Every cell"), *_table(CELL_HEADER, map(_cell, result["cells"]))]


def _cell(cell: dict[str, Any]) -> list[object]:
    low, high = cell["capacity_ci95_qps"]
    return [
        cell["network"],
        cell["host"] + (f"+{cell['gpu']}" if cell["gpu"] else ""),
        f"{cell['target']}, {cell['sla_ms']:g}",
        cell["scheduler"],
        f"{significant(cell['capacity_qps'], 4)} ({significant(low, 4)} to {significant(high, 4)})",
        cell["batch_size"],
        "no offload" if cell["offload_at"] is None else cell["offload_at"],
        f"{100 * cell['gpu_query_share']:.1f} %",
        f"{100 * cell['gpu_item_share']:.1f} %",
        significant(cell["qps_per_watt"]),
        significant(cell["gain"]),
    ]


def _arrivals(result: dict[str, Any]) -> list[str]:
    rows = [
        [row["network"], row["target"], *(significant(row[key]) for key in ("exact_qps", "integer_qps", "ratio"))]
        for row in result["poisson"]
    ]
    return [
        *_title("Arrivals: whole milliseconds against a Poisson process"),
        *_table(["network", "target", "Poisson, qps", "whole milliseconds, qps", "ratio"], rows),
    ]


def _sizes(result: dict[str, Any]) -> list[str]:
    rows = [
        [
            row["network"],
            row["target"],
            row["lognormal_batch_size"],
            row["production_batch_size"],
            significant(row["penalty"]),
        ]
        for row in result["penalty"]
    ]
    return [
        *_title("Sizes: the batch size tuned on lognormal sizes, served production's"),
        *_table(["network", "target", "batch size on lognormal", "on production", "penalty"], rows),
    ]


def _by_target(values: dict[str, float]) -> str:
    return ", ".join(f"{significant(value)} ({target})" for target, value in values.items())


def _said(holds: bool | None) -> str:
    return {True: "yes", False: "no", None: "cannot be told"}[holds]


def _title(text: str) -> list[str]:
    return ["", f"## {text}", ""]


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    def line(cells: Sequence[object]) -> str:
        return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"

    return [line(header), f"|{'---|' * len(header)}", *map(line, rows)]
