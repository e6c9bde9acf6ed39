"""Fits the devices whose latencies are public and writes them: `python benchmarks/calibrate.py [--check] [NAME ...]`.

The points are in src/tailrank/timing/data/*.csv; the fits go beside them. `--check` writes nothing and fails where a
fit on disk differs from one made now. `--table` prints the errors as docs/roofline.md has them.
"""

import argparse
from pathlib import Path

import numpy as np

import tailrank.timing
from tailrank.core.config import dumps
from tailrank.core.files import write_text
from tailrank.timing.parameters import Fit
from tailrank.timing.published import published_names, refit

DATA = Path(tailrank.timing.__file__).parent / "data"
HEAD = "# Made by `python benchmarks/calibrate.py`: change the points beside it or the recipe, not this file.\n"


def describe(fit: Fit) -> str:
    """Return the parameters and the errors by network."""
    values = ", ".join(f"{name} {getattr(fit.parameters, name):g}" for name in fit.free)
    lines = [f"{fit.device}: {fit.points} points, {len(fit.free)} parameters: {values}"]
    lines += [f"  at a bound: {', '.join(fit.at_bound)}"] if fit.at_bound else []
    for each in fit.residuals:
        lines.append(
            f"  {each.network:16} {each.quantity:16} {each.points:2} points, error median {each.median_error:6.1%}, "
            f"worst {each.worst_error:6.1%}"
        )
    times = [each.median_error for each in fit.residuals if not each.quantity.startswith("share")]
    shares = [each.median_error for each in fit.residuals if each.quantity.startswith("share")]
    for name, errors in (("times and speed-ups", times), ("shares", shares)):
        if errors:
            lines.append(f"  median over networks, {name}: {np.median(errors):.1%}")
    return "\n".join(lines)


def table(fit: Fit) -> str:
    """Return the errors by network as rows of a Markdown table; times together, shares together."""
    rows = []
    for network in dict.fromkeys(each.network for each in fit.residuals):
        theirs = [each for each in fit.residuals if each.network == network]
        for what, shares in (("times", False), ("shares", True)):
            some = [each for each in theirs if each.quantity.startswith("share") == shares]
            if some:
                median = np.average([each.median_error for each in some], weights=[each.points for each in some])
                worst, points = max(each.worst_error for each in some), sum(each.points for each in some)
                unit = " points" if shares else " %"
                rows.append(
                    f"| {fit.device} | {network.removesuffix('-artifact')} | {what} | {points} | "
                    f"{100 * median:.1f}{unit} | {100 * worst:.1f}{unit} |"
                )
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {', '.join(published_names())}")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    differing = []
    for name in args.names or published_names():
        found = refit(name)
        print(table(found) if args.table else describe(found))
        text, path = HEAD + dumps(found), DATA / f"{name}.toml"
        if not (args.check or args.table):
            write_text(path, text)
        elif args.check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            differing.append(name)
    if differing:
        print(f"differ from what is on disk: {', '.join(differing)}")
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
