"""The workload as flags: a file, and shorthands that override its parts."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailrank.workload import Workload

__all__ = ["add_workload", "workload_of"]


def add_workload(parser: argparse.ArgumentParser) -> None:
    """Add `--workload FILE` and the shorthands `--arrivals`, `--sizes` and `--accesses`."""
    parser.add_argument("--workload", type=Path, metavar="FILE", help="workload TOML (see docs/workloads.md)")
    for name, examples in (
        ("arrivals", "poisson or bursty:cv=4"),
        ("sizes", "production or fixed:size=256"),
        ("accesses", "uniform or zipf:exponent=1.05"),
    ):
        parser.add_argument(f"--{name}", metavar="KIND", help=f"such as {examples}; overrides the file")


def workload_of(args: argparse.Namespace) -> "Workload":
    """Return the workload of the flags: the file's or the default, with the shorthands in place of its parts.

    A query and an access are drawn, so that a trace that cannot be read is refused before any work begins.
    """
    from msgspec.structs import replace

    from tailrank.core import stream
    from tailrank.workload import Workload, load_workload, parse_accesses, parse_arrivals, parse_sizes

    workload = Workload() if args.workload is None else load_workload(args.workload)
    if args.arrivals is not None:
        workload = replace(workload, arrivals=parse_arrivals(args.arrivals))
    if args.sizes is not None:
        workload = replace(workload, sizes=parse_sizes(args.sizes))
    if args.accesses is not None:
        workload = replace(workload, accesses=parse_accesses(args.accesses))
    workload.trace(1, 1.0, 0)
    workload.accesses.draw(1, 1, stream(0, "accesses"))
    return workload
