"""`tailrank accel`: RPAccel, the accelerator of RecPipe, as a model. One module `accel_*` each for what it can do."""

import argparse
import importlib

NAME = "accel"
HELP = "model RPAccel, the accelerator of RecPipe: latency, capacity, energy and area of a design, cycles of its array"
EXAMPLE = """tailrank accel evaluate --stages rm-small:4096@4,rm-large:512@4
  tailrank accel evaluate --mode released --stages rm-large:4096@1 --filter host --json
  tailrank accel explore --quality-drop 1% --area-cap 30
  tailrank accel cycles --array 128x128 --dataflow ws --layer 512:256 --items 4096"""

# Each has HELP, EXAMPLE, add_arguments(parser) and run(args), in the module `accel_` and its name.
ACTIONS = ("evaluate", "sweep", "explore", "cycles", "cache")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions, and the flags of each."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", help="what to ask of the model")
    for name in ACTIONS:
        module = importlib.import_module(f"tailrank.cli.accel_{name}")
        action = actions.add_parser(
            name,
            help=module.HELP,
            description=f"{module.HELP[0].upper()}{module.HELP[1:]}.",
            epilog=f"example:\n  {module.EXAMPLE.strip()}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(action)
        action.set_defaults(act=module.run)


def run(args: argparse.Namespace) -> int:
    """Do what was asked."""
    code: int = args.act(args)
    return code
