"""`tailrank accel sweep`: a funnel on every choice of equal slices, items and sub-batches."""

import argparse
import csv
import io
import time
from typing import Any

from tailrank.cli.arguments import positive_int
from tailrank.cli.output import print_json, table

HELP = "evaluate a funnel on every choice of slices, items and sub-batches: the artifact's sweep, and more"
EXAMPLE = """tailrank accel sweep --stages rm-small:4096,rm-large:512
  tailrank accel sweep --stages rm-small:4096,rm-med:512,rm-large:128 --mode released --csv
  tailrank accel sweep --stages rm-small:4096,rm-large:128/256/512 --slices 4 8 16 --sub-batches 1 2 4 --json"""

FIGURES = ("latency_ms", "capacity_qps", "energy_mj", "area_mm2")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--stages", required=True, metavar="LIST", help="NETWORK:ITEMS[/ITEMS...][,...]: items a stage may get"
    )
    parser.add_argument(
        "--mode",
        choices=("released", "corrected"),
        default="corrected",
        help="released: the formulas of RecPipe's artifact, bugs included (default corrected)",
    )
    parser.add_argument(
        "--slices",
        type=positive_int,
        nargs="+",
        default=[1, 4, 16, 64],
        metavar="N",
        help="slices of 1/N of the chip that a stage may use; 1: for all stages, in turns (default 1 4 16 64)",
    )
    parser.add_argument(
        "--sub-batches", type=positive_int, nargs="+", default=[1], metavar="N", help="parts of a query (default 1)"
    )
    parser.add_argument("--filter", choices=("chip", "host"), default="chip", help="where the best are chosen")
    parser.add_argument("--resident", action="store_true", help="weights stay in SRAM")
    parser.add_argument("--double-buffered", action="store_true", help="load weights while the layer before computes")
    parser.add_argument("--look-ahead", action="store_true", help="rows of later stages arrive before they begin")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--csv", action="store_true", help="print comma-separated values and nothing else to stdout")
    shape.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")


def run(args: argparse.Namespace) -> int:
    """Sweep and print."""
    from tailrank.tuner.rpaccel import parse_funnel, sweep

    stages = parse_funnel(args.stages)
    began = time.perf_counter()
    rows = sweep(
        stages,
        mode=args.mode,
        slices=args.slices,
        sub_batches=args.sub_batches,
        filter=args.filter,
        resident=args.resident,
        double_buffered=args.double_buffered,
        hidden_rows=args.look_ahead,
    )
    seconds = time.perf_counter() - began
    if args.json:
        document = {"stages": args.stages, "mode": args.mode, "designs": len(rows), "seconds": seconds, "rows": rows}
        print_json(document)
    elif args.csv:
        print(_csv(rows), end="")
    else:
        print(_text(rows, seconds))
    return 0


def _cells(row: dict[str, Any]) -> list[Any]:
    return [" > ".join(map(str, row["items"])), row["sub_batches"], row["name"], *(row.get(name) for name in FIGURES)]


def _text(rows: list[dict[str, Any]], seconds: float) -> str:
    able = sorted((row for row in rows if "why" not in row), key=lambda row: float(row["latency_ms"]))
    lines = [table(("items", "parts", "slices", "latency ms", "capacity q/s", "mJ", "mm2"), map(_cells, able))]
    refused = [row for row in rows if "why" in row]
    if refused:
        lines += ["", f"{len(refused)} refused, such as {refused[0]['name']}: {refused[0]['why']}"]
    return "\n".join([*lines, "", f"{len(rows)} designs in {seconds:.2g} s"])


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["items", "sub_batches", "slices", *FIGURES, "why"])
    for row in rows:
        writer.writerow([*_cells(row), row.get("why", "")])
    return text.getvalue()
