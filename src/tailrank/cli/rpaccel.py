"""`tailrank reproduce rpaccel`: the run, its document, and the text for people."""

import argparse
import shlex
import time
from pathlib import Path
from typing import Any

from tailrank.cli.output import print_json, significant, table
from tailrank.cli.progress import Progress
from tailrank.cli.results import made_at, versions, write_docs
from tailrank.core import BadInputError
from tailrank.core.files import check_out, result_directory, write_json

__all__ = ["add_flags", "describe", "document", "run", "write"]

SCHEMA = 1
NOTE = "modelled: the accelerator was never built, and CPU and GPU beside it are rooflines"
OTHERS = ("networks", "no_engine", "tiers", "movielens", "criteo")  # flags of the other studies


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that only this study has."""
    group = parser.add_argument_group("rpaccel only")
    group.add_argument(
        "--tables",
        type=Path,
        metavar="DIR",
        help="score tables to judge the top-k unit on, first network before last (default: planted scores)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the study and write the result directory."""
    from tailrank.cli.kernels import prepare_kernels
    from tailrank.cli.rpaccel_page import page

    for flag in OTHERS:
        if getattr(args, flag, None):
            raise BadInputError(f"--{flag.replace('_', '-')} says nothing about rpaccel", hint="leave it out")
    began = time.monotonic()
    out = args.out or Path("runs") / args.study
    check_out(out)
    with Progress(quiet=args.quiet) as progress:
        prepare_kernels(progress)
        result = document(args, progress)
        result["seconds"] = round(time.monotonic() - began, 2)
        progress.step("writing the result")
        write(out, result)
        if args.write_docs is not None:
            write_docs(args.write_docs, page(result))
    if args.json:
        print_json(result)
    else:
        print(describe(result, out))
    return 0


def document(args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Return the result document; all but `made_at`, `versions` and `seconds` is the same for the same seed."""
    from tailrank.datasets.score_tables import load_score_tables
    from tailrank.tuner.rpaccel import study

    tables = None if args.tables is None else load_score_tables(args.tables)
    words = ["tailrank", "reproduce", "rpaccel", "--seed", str(args.seed)]
    words += ["--quick"] if args.quick else []
    words += [] if args.tables is None else ["--tables", args.tables.name]
    return {
        "schema": SCHEMA,
        "verb": "reproduce",
        "study": "rpaccel",
        "command": shlex.join(words),
        "seed": args.seed,
        "quick": args.quick,
        "made_at": made_at(),
        "versions": versions(),
        "note": NOTE,
        **study(seed=args.seed, quick=args.quick, tables=tables, say=progress.step),
    }


def write(out: Path, result: dict[str, Any]) -> None:
    """Write the result directory, whole or not at all: result and report."""
    from tailrank.report import rpaccel

    with result_directory(out) as folder:
        write_json(folder / "result.json", result)
        rpaccel.write(folder)


def describe(result: dict[str, Any], out: Path) -> str:
    """Return the result as text for people: claims, checks that fail, where to look."""
    claims = [
        (row["text"], *(f"{row[key]:.2f}" for key in ("claimed", "artifact", "released", "corrected")))
        for row in result["claims"]
    ]
    steps = [
        (mode, row["step"], row["text"], significant(row["latency_ms"]), significant(row["capacity_qps"]))
        for mode, rows in result["waterfall"].items()
        for row in rows
    ]
    checks = result["checks"]
    failed = [f"FAILS       {row['id']}: {row['text']}: {row['ours']}" for row in checks if row["holds"] is False]
    judged = [row["holds"] for row in checks if row["holds"] is not None]
    lines = [
        NOTE,
        "",
        table(("factor", "claimed", "artifact", "released", "corrected"), claims),
        "",
        table(("mode", "step", "", "latency ms", "capacity q/s"), steps),
        "",
        f"checks      {sum(judged)} of {len(judged)} hold; {len(checks) - len(judged)} findings",
        *failed,
        f"result      {out / 'result.json'} after {result['seconds']:.0f} s",
        f"report      {out / 'report.html'}",
    ]
    return "\n".join(lines)
