"""`tailrank explore`: from labelled data to the funnel of highest capacity that keeps its quality, proved by serving.

The steps of the job are `_explored`, in order; what each finds is in the result document.
"""

import argparse
import shlex
import sys
import time
from pathlib import Path

from tailrank.cli.arguments import add_common, percentile, positive_float, positive_int
from tailrank.cli.hosts import add_host, refuse_switches
from tailrank.cli.output import print_json
from tailrank.cli.progress import Progress

NAME = "explore"
HELP = "train the tiers on labelled data, search the funnels of them, and prove the best one on the engine"
EXAMPLE = """tailrank explore --data movielens-1m --root ml-1m --quality-drop 0.5% --sla-ms 50 --out runs/ml1m
  tailrank explore --data synthetic --quick --out runs/funnel
  tailrank explore --data criteo --root train.txt --host cascade-lake:cores=16+t4 --objectives quality,capacity,cost
  tailrank explore --data synthetic --space space.toml --resume --out runs/funnel"""
DATA = ("movielens-1m", "movielens-100k", "movielens-20m", "movielens-25m", "criteo", "synthetic")
REPEATED = (
    *("data", "root", "networks", "quality_drop", "sla_ms", "percentile", "load", "objectives", "space", "queries"),
    *("workers", "host", "switches", "sampler", "trials"),
)
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    data = parser.add_argument_group("data and networks")
    data.add_argument("--data", required=True, choices=DATA, help="labelled data (see docs/datasets.md)")
    data.add_argument("--root", type=Path, metavar="PATH", help="folder or file of the data; synthetic needs none")
    data.add_argument("--networks", metavar="A,B,C", help="tiers, cheapest first (default: those meant for the data)")
    data.add_argument("--queries", type=positive_int, metavar="N", help="queries to rate funnels by (default 1000)")
    data.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="of the data set, such as candidates=4096"
    )
    what = parser.add_argument_group("what is asked")
    what.add_argument(
        "--quality-drop", type=share, default=0.005, metavar="X%", help="quality that may be lost (default 0.5%%)"
    )
    what.add_argument("--sla-ms", type=positive_float, default=50.0, metavar="MS", help="latency target (default 50)")
    what.add_argument("--percentile", type=percentile, default=95.0, metavar="P", help="of latency (default 95)")
    what.add_argument(
        "--load",
        type=positive_float,
        metavar="QPS",
        help="where latencies are compared (default: 70%% of the capacity of the best single stage)",
    )
    what.add_argument(
        "--objectives",
        default="quality,p95,capacity",
        metavar="LIST",
        help="of the front: quality, p95, capacity, "
        "cost, energy (default quality,p95,capacity; the last two need --host)",
    )
    how = parser.add_argument_group("how it is searched")
    how.add_argument("--space", type=Path, metavar="FILE", help="the space to search, TOML (see docs/explore.md)")
    how.add_argument("--workers", type=positive_int, metavar="N", help="worker threads (default: one a core)")
    how.add_argument(
        "--sampler",
        choices=("auto", "exhaustive", "nsga2", "tpe"),
        default="auto",
        help="every funnel, or those that Optuna proposes (default: every one where they are not too many)",
    )
    how.add_argument("--trials", type=positive_int, metavar="N", help="plans that Optuna proposes (default 2000)")
    add_host(how)  # type: ignore[arg-type]
    parser.add_argument(
        "--verify",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="serve the chosen funnel and the best "
        "single stage on the engine with the data's queries (default; never with --host)",
    )
    parser.add_argument("--quick", action="store_true", help="a couple of minutes: less data, fewer samples")
    parser.add_argument("--resume", action="store_true", help="take tiers, scores and trials from --out where finished")
    parser.add_argument("--out", type=Path, metavar="DIR", help="result directory (default runs/explore-DATA)")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Explore and write the result directory."""
    out = args.out or Path("runs") / f"explore-{args.data}"
    if args.host is None:
        refuse_switches(args)
    try:
        return _explored(args, out)
    except KeyboardInterrupt:
        print(f"interrupted; {out} keeps what was finished: --resume goes on from there", file=sys.stderr)
        return INTERRUPTED


def share(text: str) -> float:
    """Read a share below one: `0.5%` or `0.005`."""
    number = text.removesuffix("%")
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be a share such as 0.5% or 0.005, not `{text}`")
    return value


def _explored(args: argparse.Namespace, out: Path) -> int:
    from tailrank.cli.explore_proof import prove
    from tailrank.cli.explore_question import question, wanted
    from tailrank.cli.explore_result import document, write
    from tailrank.cli.explore_search import searched
    from tailrank.cli.explore_steps import Steps, prepared_out
    from tailrank.cli.explore_tiers import prepared
    from tailrank.cli.explore_words import describe

    began = time.monotonic()
    flags = wanted(args)
    prepared_out(out, resume=args.resume)
    with Progress(quiet=args.quiet) as progress:
        steps = Steps(progress)
        tiers = prepared(args, out, steps)
        asked = question(args, flags, tiers, out, steps)
        found = searched(args, asked, out, steps)
        proof = prove(asked, found, steps, seed=args.seed, quick=args.quick) if args.verify else None
        steps.begin("writing the result")
        result = document(asked, found, proof, command=_command(args), seed=args.seed)
        steps.end()
        result["seconds"] = time.monotonic() - began
        result["seconds_by_step"] = steps.seconds
        write(out, result, asked, found, proof)
    if args.json:
        print_json(result)
    else:
        print(describe(result, out))
    return 0


def _command(args: argparse.Namespace) -> str:
    """Return the command line that repeats this run, every flag that matters spelt out."""
    words = ["tailrank", "explore", "--seed", str(args.seed)]
    for flag in REPEATED:
        value = getattr(args, flag)
        if value is not None:
            words += [f"--{flag.replace('_', '-')}", str(value)]
    for option in args.option:
        words += ["--option", option]
    if not args.verify:
        words.append("--no-verify")
    if args.quick:
        words.append("--quick")
    return shlex.join(words)
