"""The time of a batch: our native executor beside every rival in the same precision, on the eight networks.

    python benchmarks/executors.py [--networks rmc1 dien] [--batches 1 64] [--rounds 15] [--json FILE|-] [--quick]
    python benchmarks/executors.py --rooflines
    python benchmarks/executors.py --write-docs

One thread bound to one core, processor time, tables far larger than the cache, fresh rows; all executors take turns in
rounds. Every executor's scores are compared with eager's first. Each network runs in a process of its own, so that its
memory comes back and libraries do not meet each other's settings. What is not installed, fails to build, or differs is
listed with its error. `--rooflines` measures the native executor alone, for its distance to the roofline and for two
workers, in minutes. `--write-docs` writes docs/performance.md of what runs/performance holds, the last `--rooflines`
in the place of the whole run's where there is one.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library reads it

import argparse
import importlib.metadata
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NETWORKS = ("ncf", "wnd", "mtwnd", "rmc1", "rmc2", "rmc3", "din", "dien")
BATCHES = (1, 4, 16, 64, 256, 1024)
TORCHSCRIPT = "TorchScript, packed"  # our own executor before there was a native one; counts as a rival
RUNS = Path("runs/performance")
LIBRARIES = ("torch", "onnxruntime", "openvino", "onnx", "numpy")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, metavar="ITEMS")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--memory-mib", type=int, default=2048, help="tables of one network, at most (default 2048)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="what the thread is bound to")
    parser.add_argument("--build-s", type=float, default=240.0, help="compilers get this long a network (default 240)")
    parser.add_argument("--block-ms", type=float, default=20.0, help="calls in a row of one executor (default 20 ms)")
    parser.add_argument("--cell-s", type=float, default=12.0, help="rounds of one cell, after three (default 12 s)")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile and AOTInductor out")
    parser.add_argument("--executors", nargs="+", default=(), metavar="NAME", help="these alone")
    parser.add_argument("--rooflines", action="store_true", help="rooflines and two workers alone")
    parser.add_argument("--quick", action="store_true", help="64 MiB of tables, 3 rounds, batches of 1 and 64")
    parser.add_argument(
        "--json",
        metavar="FILE",
        help=f"write the document here too; - prints it (always: {RUNS}/executors.json, or part.json)",
    )
    parser.add_argument("--write-docs", action="store_true", help="write docs/performance.md of the last runs, and end")
    parser.add_argument("--child", metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.rooflines:
        args.executors = ("native",)
    if args.quick:
        args.memory_mib, args.rounds, args.batches = 64, 3, [1, 64]
    return args


def child(args: argparse.Namespace) -> None:
    """Measure one network and write what was found."""
    from rivals.cells import Effort, measure_network

    effort = Effort(
        batches=tuple(args.batches),
        rounds=args.rounds,
        block_s=args.block_ms / 1e3,
        cell_s=args.cell_s,
        build_s=args.build_s,
        memory_bytes=args.memory_mib << 20,
        core=args.core,
        slow=not args.no_compile,
        only=tuple(args.executors),
    )
    Path(args.child).write_text(json.dumps(measure_network(args.networks[0], effort)), encoding="utf-8")


def measure(name: str) -> dict[str, Any]:
    """Return what a process of its own says of the network `name`; its error where it ends badly."""
    print(name, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.json"
        words = [sys.executable, __file__, *sys.argv[1:], "--networks", name, "--child", str(path)]
        done = subprocess.run(words, check=False)
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return found
    return {"network": name, "cells": [], "failed": [], "error": f"the process ended with {done.returncode}"}


def versus(cells: list[dict[str, Any]], precision: str = "fp32") -> list[dict[str, Any]]:
    """Return, for each network and batch, native beside the best rival in the same precision."""
    rows = []
    for network, batch in dict.fromkeys((cell["network"], cell["batch"]) for cell in cells):
        here = [c for c in cells if (c["network"], c["batch"], c["precision"]) == (network, batch, precision)]
        native = next((cell for cell in here if cell["executor"] == "native"), None)
        rivals = [cell for cell in here if not cell["ours"]]
        if native is None or not rivals:
            continue
        best = min(rivals, key=lambda cell: float(cell["us"]))
        ours = next((cell for cell in here if cell["executor"] == TORCHSCRIPT), None)
        rows.append(
            {
                "network": network,
                "batch": batch,
                "native_us": native["us"],
                "best": best["executor"],
                "best_us": best["us"],
                "ratio": best["us"] / native["us"],
                # the quartiles of both, at their worst and at their best for us
                "low": best["q1_us"] / native["q3_us"],
                "high": best["q3_us"] / native["q1_us"],
                "torchscript_ratio": ours["us"] / native["us"] if ours else None,
            }
        )
    return rows


def geomean(values: list[float]) -> float | None:
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values else None


def document(args: argparse.Namespace, networks: list[dict[str, Any]]) -> dict[str, Any]:
    from tailrank.cli.results import host, made_at, versions

    cells = [cell for each in networks for cell in each["cells"]]
    rows = {precision: versus(cells, precision) for precision in ("fp32", "bf16", "int8")}
    ratios = [row["ratio"] for row in rows["fp32"]]
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed[name] = "not installed"
    return {
        "cells": cells,
        "vs_best": rows,
        "geomean_vs_best": geomean(ratios),
        "min_vs_best": min(ratios, default=None),
        "geomean_vs_torchscript": geomean([r["torchscript_ratio"] for r in rows["fp32"] if r["torchscript_ratio"]]),
        "roofline": {each["network"]: each.get("roofline", {}) for each in networks},
        "workers": {each["network"]: each.get("workers", []) for each in networks},
        "networks": [{k: v for k, v in each.items() if k not in ("cells", "roofline", "workers")} for each in networks],
        "machine": host(),
        "commit": versions().get("commit", "unknown"),
        "libraries": installed,
        "made_at": made_at(),
        "rounds": args.rounds,
        "n": len(cells),
        "memory_mib": args.memory_mib,
        "block_ms": args.block_ms,
        "quick": args.quick,
    }


def main() -> None:
    args = arguments()
    if args.child:
        child(args)
        return
    if args.write_docs:
        from rivals.page import write_page

        print(write_page(RUNS, Path("docs/performance.md")))
        return
    made = document(args, [measure(name) for name in args.networks])
    text = json.dumps(made, indent=1)
    RUNS.mkdir(parents=True, exist_ok=True)
    whole = not (args.quick or args.executors or args.no_compile or set(NETWORKS) - set(args.networks))
    name = "executors.json" if whole else "rooflines.json" if args.rooflines else "part.json"
    (RUNS / name).write_text(text + "\n", encoding="utf-8")
    if args.json == "-":
        print(text)
        return
    if args.json:
        Path(args.json).write_text(text + "\n", encoding="utf-8")
    for row in made["vs_best"]["fp32"]:
        print(
            f"{row['network']:>6} {row['batch']:>5}  native {row['native_us']:>10,.1f} us"
            f"  best rival {row['best_us']:>10,.1f}"
            f"  {row['ratio']:.2f}x ({row['low']:.2f} .. {row['high']:.2f})  {row['best']}"
        )
    print(f"geometric mean {made['geomean_vs_best']}, least {made['min_vs_best']}, of {len(made['cells'])} cells")


if __name__ == "__main__":
    main()
