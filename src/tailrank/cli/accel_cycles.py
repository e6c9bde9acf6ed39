"""`tailrank accel cycles`: one fully connected layer on a systolic array."""

import argparse

from tailrank.cli.arguments import positive_int
from tailrank.cli.output import pairs, print_json, significant

HELP = "count the cycles of a fully connected layer on a systolic array, as SCALE-Sim does, and how busy the array is"
EXAMPLE = """tailrank accel cycles --array 128x128 --dataflow ws --layer 512:256 --items 4096
  tailrank accel cycles --array 32x32 --dataflow os --layer 13:512 --items 4096 --convention v3 --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--array", required=True, metavar="RxC", help="rows and columns of the array: 128x128")
    parser.add_argument(
        "--dataflow", choices=("ws", "os", "is"), default="ws", help="what stays: weights, outputs, inputs (default ws)"
    )
    parser.add_argument("--layer", required=True, metavar="K:N", help="inputs and outputs of the layer: 512:256")
    parser.add_argument("--items", required=True, type=positive_int, metavar="B", help="items that go through it")
    parser.add_argument(
        "--convention",
        choices=("v1", "v3"),
        default="v1",
        help="v1: only what is mapped fills and drains, as in RecPipe's artifact; v3: SCALE-Sim 3 (default v1)",
    )
    parser.add_argument("--double-buffered", action="store_true", help="load a fold's operand during the fold before")
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")


def run(args: argparse.Namespace) -> int:
    """Count and print."""
    from tailrank import accelerator

    array, layer = accelerator.Array.parse(args.array), accelerator.Layer.parse(args.layer)
    found = accelerator.run(
        array,
        layer,
        args.items,
        dataflow=args.dataflow,
        convention=args.convention,
        double_buffered=args.double_buffered,
    )
    document = {
        "array": str(array),
        "dataflow": args.dataflow,
        "layer": [layer.inputs, layer.outputs],
        "items": args.items,
        "convention": args.convention,
        "double_buffered": args.double_buffered,
        "cycles": found.cycles,
        "utilisation": found.utilisation,
        "folds": found.folds,
        "macs": found.macs,
    }
    if args.json:
        print_json(document)
        return 0
    rows = [
        ("cycles", found.cycles),
        ("utilisation", f"{significant(100 * found.utilisation, 4)} %"),
        ("folds", found.folds),
        ("multiplies", found.macs),
    ]
    title = f"{args.items} items through {layer.inputs}:{layer.outputs} on {array}, {args.dataflow}, {args.convention}"
    print(pairs(title, rows))
    return 0
