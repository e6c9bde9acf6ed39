"""What flags accept: argparse types that name the value they refuse, and the flags every verb shares."""

import argparse
import math

__all__ = ["add_common", "count_or_zero", "percentile", "positive_float", "positive_int"]


def positive_float(text: str) -> float:
    """Read a finite number above zero."""
    value = _number(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"must be a number above zero, not `{text}`")
    return value


def positive_int(text: str) -> int:
    """Read a whole number of at least 1; `200_000` and `2e5` are both accepted."""
    value = _whole(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not `{text}`")
    return value


def count_or_zero(text: str) -> int:
    """Read a whole number of at least 0, such as a seed."""
    value = _whole(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 0, not `{text}`")
    return value


def percentile(text: str) -> float:
    """Read a percentile: above 0 and below 100; a leading `p` is accepted (`p99`)."""
    value = _number(text.removeprefix("p"))
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"must be above 0 and below 100, not `{text}`")
    return value


def add_common(parser: argparse.ArgumentParser, *, seed: bool = True) -> None:
    """Add `--seed`, `--json` and `--quiet`, which mean the same for every verb."""
    if seed:
        parser.add_argument(
            "--seed", type=count_or_zero, default=1, metavar="N", help="same seed, same bits (default 1)"
        )
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")
    parser.add_argument("--quiet", action="store_true", help="no progress lines on stderr")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not `{text}`") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        value = _number(text)
    if not (math.isfinite(value) and value.is_integer()):
        raise argparse.ArgumentTypeError(f"must be a whole number, not `{text}`")
    return int(value)
