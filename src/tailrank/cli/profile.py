"""`tailrank profile`: service time against batch size on this host, alone and with all workers busy."""

import argparse
from pathlib import Path
from typing import Any

from tailrank.cli.arguments import add_common, positive_float, positive_int
from tailrank.cli.output import print_json, significant, table
from tailrank.cli.progress import Progress
from tailrank.cli.traffic import add_workload, workload_of

NAME = "profile"
HELP = "measure how long batches take on this machine"
EXAMPLE = "tailrank profile rmc1 --seconds 20 --out runs/rmc1-profile.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", help="a network by name (`rmc1`, ...), `package.module:attribute`, or a file `*.onnx`")
    add_workload(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="profile to write (read by simulate and bench)")
    parser.add_argument("--seconds", type=positive_float, default=12.0, metavar="S", help="time to spend (default 12)")
    parser.add_argument("--workers", type=positive_int, metavar="N", help="worker threads (default: one a core)")
    parser.add_argument(
        "--memory-gib", type=positive_float, metavar="X", help="room for tables (default: half of the memory)"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Measure one model and print its service times, overheads and operators."""
    from tailrank.cli.results import profile_section
    from tailrank.cli.searching import profiled
    from tailrank.cli.subject import subject_of
    from tailrank.timing import save_profile

    workload = workload_of(args)
    with Progress(quiet=args.quiet) as progress:
        subject = subject_of(args, workload, progress)
        profile, operators = profiled(
            subject, workload, seconds=args.seconds, rounds=4, seed=args.seed, progress=progress
        )
    if args.out is not None:
        save_profile(profile, args.out)
    document = {"model": args.model, "network": subject.facts, "profile": profile_section(profile)}
    document |= {"operators": operators, "seed": args.seed}
    if args.json:
        print_json(document)
    else:
        print(describe(document, subject.workers))
    return 0


def describe(document: dict[str, Any], workers: int) -> str:
    """Return the profile as two tables: times by batch size, and shares of time by operator."""
    times: dict[int, dict[int, dict[str, float]]] = {}
    for point in document["profile"]["points"]:
        times.setdefault(point["items"], {})[point["busy"]] = point
    rows = [
        (
            items,
            by[1]["mean_us"],
            by[workers]["mean_us"],
            f"{by[workers]['mean_us'] / by[1]['mean_us']:.2f}x",
            by[1]["mean_us"] / items,
            by[1]["p95_us"],
            by[1]["samples"] + (by[workers]["samples"] if workers > 1 else 0),
        )
        for items, by in sorted(times.items())
    ]
    header = ["batch", "alone us", f"{workers} busy us", "contention", "us/item", "alone p95 us", "samples"]
    classes = list(document["operators"][0]["shares"]) if document["operators"] else []
    shares = [
        (row["items"], *(f"{100 * row['shares'][name]:.0f} %" for name in classes)) for row in document["operators"]
    ]
    overheads = ", ".join(
        f"{name.removesuffix('_ns')} {significant(value / 1e3)} us"
        for name, value in document["profile"]["overheads"].items()
        if name.endswith("_ns")
    )
    return "\n".join(
        [
            f"{document['model']}: {document['network']['executor']}, {workers} workers",
            table(header, rows),
            "",
            table(["batch", *classes], shares),
            "",
            f"overheads: {overheads}",
        ]
    )
