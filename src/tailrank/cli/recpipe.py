"""`tailrank reproduce recpipe`: the run, its document, and the text for people."""

import argparse
import shlex
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tailrank.cli.output import print_json, significant, table
from tailrank.cli.progress import Progress
from tailrank.cli.results import made_at, versions, write_docs
from tailrank.core import BadInputError
from tailrank.core.files import check_out, result_directory, write_json

__all__ = ["add_flags", "describe", "document", "run", "write"]

SCHEMA = 1
NOTE = (
    "p95 is simulated: from times in the artifact's logs, or on rooflines of described hosts; quality is measured on "
    "tiers trained here"
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags that only this study has."""
    group = parser.add_argument_group("recpipe only")
    group.add_argument(
        "--tiers",
        type=Path,
        metavar="DIR",
        help="where trained tiers are, or will be kept (default: OUT-tiers); a result of `explore` serves, too",
    )
    group.add_argument(
        "--movielens", type=Path, metavar="ROOT", help="MovieLens (1M as the paper; or 100K): rank its users, too"
    )
    group.add_argument("--criteo", type=Path, metavar="ROOT", help="Criteo rows (Kaggle layout): rank them, too")


def run(args: argparse.Namespace) -> int:
    """Run the study and write the result directory."""
    from tailrank.cli.kernels import prepare_kernels
    from tailrank.cli.recpipe_page import page
    from tailrank.cli.recpipe_tiers import score_tables_of

    _refuse(args)
    began = time.monotonic()
    out = args.out or Path("runs") / args.study
    check_out(out)
    with Progress(quiet=args.quiet) as progress:
        prepare_kernels(progress)
        found = score_tables_of(args, args.tiers or out.with_name(f"{out.name}-tiers"), progress)
        trained_s = time.monotonic() - began
        result = document(found.tables, found.facts, args, progress)
        result["seconds"] = round(time.monotonic() - began, 2)
        result["seconds_after_tiers"] = round(time.monotonic() - began - trained_s, 2)
        progress.step("writing the result")
        write(out, result)
        if args.write_docs is not None:
            write_docs(args.write_docs, page(result))
    if args.json:
        print_json(result)
    else:
        print(describe(result, out))
    return 0


def document(
    tables: Mapping[str, Any], facts: Mapping[str, Any], args: argparse.Namespace, progress: Progress
) -> dict[str, Any]:
    """Return the result document; all but `made_at`, `versions` and what took how long is the same for a seed."""
    from tailrank.tuner.recpipe import FULL, QUICK, study

    progress.step("the study")
    found = study(tables, seed=args.seed, effort=QUICK if args.quick else FULL, told=progress.update)
    return {
        "schema": SCHEMA,
        "verb": "reproduce",
        "study": "recpipe",
        "command": _command(args),
        "seed": args.seed,
        "quick": args.quick,
        "made_at": made_at(),
        "versions": versions(),
        "note": NOTE,
        "data": dict(facts),
        **found,
    }


def write(out: Path, result: dict[str, Any]) -> None:
    """Write the result directory, whole or not at all: result and report."""
    from tailrank.report import recpipe

    with result_directory(out) as folder:
        write_json(folder / "result.json", result)
        recpipe.write(folder)


def describe(result: dict[str, Any], out: Path) -> str:
    """Return the result as text for people: the checks one by one, and what the logs hide."""
    said = {True: "holds", False: "FAILS", None: "not told"}
    inferred, last = result["latency"]["inferred"], result["latency"]["errors"][-1]
    rows = [
        [each["check"], said[each["holds"]], each["where"], each["text"], each["ours"]] for each in result["checks"]
    ]
    lines = [
        table(["", "", "where", "check", "ours"], rows),
        "",
        f"logged tails   {last['same_stability']} of {last['points']} keep up where the log's do; those "
        f"{last['steady']} are off by {100 * last['median_error']:.1f} % (median)",
        f"load           its generator was {inferred['late_ms']:.2f} ms late with each query: a nominal 1,000 qps are "
        f"{1e3 / (1 + inferred['late_ms']):.0f}",
        f"the cut        two stages win above {_cuts(result)} %",
    ]
    lines += [f"not measured   {words}" for each in result["data"].values() if (words := each.get("absent"))]
    held = [each["holds"] for each in result["checks"]]
    lines += [
        f"checks         {sum(each is True for each in held)} of {len(held)} lines hold",
        f"result         {out / 'result.json'} after {result['seconds']:.0f} s",
        f"report         {out / 'report.html'}",
    ]
    return "\n".join(lines)


def _cuts(result: dict[str, Any]) -> str:
    found = result["cut"]["vanishes"]
    return ", ".join(f"{significant(found[name]['67'], 4)} ({words})" for name, words in WHOSE.items())


WHOSE = {"logged": "its logs", "ours": "its times simulated", "modern": "modelled host"}


def _refuse(args: argparse.Namespace) -> None:
    """Refuse flags of the other study, and folders that are not there."""
    if args.networks is not None:
        raise BadInputError("--networks: this study compares all of its networks", hint="leave it out")
    for flag in ("movielens", "criteo"):
        root = getattr(args, flag)
        if root is not None and not root.exists():
            raise BadInputError(f"--{flag} {root}: there is no such file or folder", hint="give the data's folder")


def _command(args: argparse.Namespace) -> str:
    words = ["tailrank", "reproduce", "recpipe", "--seed", str(args.seed)]
    words += ["--quick"] if args.quick else []
    for flag in ("movielens", "criteo"):
        words += [f"--{flag}", "ROOT"] if getattr(args, flag) is not None else []
    words += ["--tiers", "DIR"] if args.tiers is not None else []
    return shlex.join(words)
