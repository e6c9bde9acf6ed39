"""`tailrank reproduce`: a published study, run again in the simulator on the catalogue of hardware.

Needs no torch, but for one of its questions: where torch is installed, the engine is compared with the simulator.
"""

import argparse
import time
from pathlib import Path

from tailrank.cli import recpipe, rpaccel
from tailrank.cli.arguments import add_common
from tailrank.cli.output import print_json
from tailrank.cli.progress import Progress
from tailrank.cli.sweeping import add_sweep, swept

NAME = "reproduce"
HELP = "run a published study again: DeepRecSys, RecPipe or RPAccel, without their machines"
EXAMPLE = """tailrank reproduce deeprecsys --out runs/deeprecsys
  tailrank reproduce deeprecsys --quick --networks rmc1,wnd --json
  tailrank reproduce deeprecsys --write-docs docs/reproductions/deeprecsys.md
  tailrank reproduce recpipe --out runs/recpipe --tiers runs/tiers
  tailrank reproduce rpaccel --out runs/rpaccel"""

STUDIES = ("deeprecsys", "recpipe", "rpaccel")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("study", choices=STUDIES, help="which study")
    parser.add_argument("--out", type=Path, metavar="DIR", help="result directory (default runs/STUDY)")
    parser.add_argument(
        "--write-docs", type=Path, metavar="FILE", help="write the tables to this Markdown file, too (default: none)"
    )
    parser.add_argument("--networks", metavar="LIST", help="only these, separated by commas (default all eight)")
    parser.add_argument(
        "--quick", action="store_true", help="short runs with wide intervals, to see that it works: no figure counts"
    )
    parser.add_argument(
        "--no-engine",
        action="store_true",
        help="do not compare the simulator with the engine on this host (default: compare, where PyTorch is installed)",
    )
    recpipe.add_flags(parser)
    rpaccel.add_flags(parser)
    add_sweep(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Run the study and write the result directory."""
    if args.study == "recpipe":
        return recpipe.run(args)
    if args.study == "rpaccel":
        return rpaccel.run(args)
    return _deeprecsys(args)


def _deeprecsys(args: argparse.Namespace) -> int:
    from tailrank.cli.fidelity import NETWORKS, NOT_ASKED, absent, fidelity
    from tailrank.cli.kernels import prepare_kernels
    from tailrank.cli.reproduced import describe, document, networks_of, write
    from tailrank.cli.reproduction_page import page
    from tailrank.cli.results import write_docs
    from tailrank.core.files import check_out
    from tailrank.tuner.column import run_column
    from tailrank.tuner.readings import QUICK, columns

    began = time.monotonic()
    out = args.out or Path("runs") / args.study
    check_out(out)
    networks = networks_of(args.networks)
    with Progress(quiet=args.quiet) as progress:
        prepare_kernels(progress)
        cells = columns(networks, seed=args.seed, effort=QUICK if args.quick else None)
        found = swept(
            run_column, cells, args, progress, title="columns of the study", label=lambda column: column.label
        )
        served = NETWORKS[:1] if args.quick else NETWORKS
        compared = absent(NOT_ASKED) if args.no_engine else fidelity(args.seed, progress, networks=served)
        progress.step("evidence and checks")
        result = document(found, seed=args.seed, quick=args.quick, networks=networks, fidelity=compared, began=began)
        progress.step("writing the result")
        write(out, result)
        if args.write_docs is not None:
            write_docs(args.write_docs, page(result))
    if args.json:
        print_json(result)
    else:
        print(describe(result, out))
    return 0
