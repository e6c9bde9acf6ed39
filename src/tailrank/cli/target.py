"""The SLA target as flags; without one, the target published for the network."""

import argparse
from typing import TYPE_CHECKING

from tailrank.cli.arguments import percentile, positive_float

if TYPE_CHECKING:
    from tailrank.metrics import SLATarget

__all__ = ["add_target", "target_of"]


def add_target(parser: argparse.ArgumentParser) -> None:
    """Add `--sla-ms` and `--percentile`."""
    parser.add_argument(
        "--sla-ms", type=positive_float, metavar="MS", help="latency target (default: the network's published one)"
    )
    parser.add_argument("--percentile", type=percentile, default=95.0, metavar="P", help="of latency (default 95)")


def target_of(args: argparse.Namespace) -> "SLATarget":
    """Return the SLA target of the flags; without `--sla-ms`, the published target of the network."""
    from tailrank.core import BadInputError
    from tailrank.metrics import SLATarget

    if args.sla_ms is not None:
        return SLATarget(percentile=args.percentile, latency_ms=args.sla_ms)
    from tailrank import zoo

    if args.model not in zoo.names():
        if ":" not in args.model and not args.model.endswith(".onnx"):
            zoo.get(args.model)  # says which names are known
        raise BadInputError(f"{args.model} has no published target", hint="give --sla-ms")
    return SLATarget(percentile=args.percentile, latency_ms=zoo.get(args.model).sla_ms)
