"""`tailrank profile`: service time against batch size on this host, alone and with all workers busy."""

import argparse
from pathlib import Path
from typing import Any

from tailrank.cli.arguments import add_common, positive_float
from tailrank.cli.calibrate_device import (
    add_calibration,
    asked_device,
    calibration,
    calibration_text,
    costed,
    measured,
    read_points,
)
from tailrank.cli.hardware import add_hardware
from tailrank.cli.output import print_json, significant, table
from tailrank.cli.progress import Progress
from tailrank.cli.traffic import add_workload, workload_of

NAME = "profile"
HELP = "measure how long batches take on this machine"
EXAMPLE = """tailrank profile rmc1 --seconds 20 --out runs/rmc1-profile.json
  tailrank profile rmc1 --executor native --precision bf16
  tailrank profile rmc1 --gpu --out runs/rmc1-profile.json   # and runs/rmc1-profile-gpu.json
  tailrank profile rmc1 --calibrate skylake-40c --fit runs/skylake-fit.toml"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", help="a network by name (`rmc1`, ...), `package.module:attribute`, or a file `*.onnx`")
    add_workload(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="profile to write (read by simulate and bench); a GPU's goes beside it"
    )
    parser.add_argument("--seconds", type=positive_float, default=12.0, metavar="S", help="time to spend (default 12)")
    add_calibration(parser)
    add_hardware(parser)
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Measure one model and print its service times, overheads and operators; with a GPU, beside it."""
    from tailrank.cli.offload import gpu_section
    from tailrank.cli.precision import effects
    from tailrank.cli.results import profile_section
    from tailrank.cli.searching import profiled
    from tailrank.cli.subject import subject_of
    from tailrank.timing import save_profile

    device = asked_device(args)
    if device is not None and args.points is not None:
        return _show({"calibration": calibration(args, device, read_points(args, device))}, args, None)
    workload = workload_of(args)
    with Progress(quiet=args.quiet) as progress:
        subject = subject_of(args, workload, progress)
        network = None if device is None else costed(subject.model.network, args.model)
        found = profiled(subject, workload, seconds=args.seconds, rounds=4, seed=args.seed, progress=progress)
        progress.step("profile: precision and transfers")
        effect = effects(subject, workload, seconds=args.seconds, seed=args.seed)
        gpu = gpu_section(subject, found.profiles)
    if args.out is not None:
        for pool, profile in found.profiles.items():
            save_profile(profile, args.out if pool == "cpu" else beside(args.out, pool))
    document = {
        "model": args.model,
        "network": subject.facts,
        "served_by": found.served_by,
        "profile": profile_section(found.profiles["cpu"]),
        "operators": found.operators,
        "precision_effect": effect.get("cpu"),
        "seed": args.seed,
    }
    if gpu is not None:
        document["gpu"] = gpu | {"precision_effect": effect.get("gpu")}
    if device is not None and network is not None:
        points = measured(found.profiles, network, device)
        document["calibration"] = calibration(args, device, points, network)
    return _show(document, args, subject.workers)


def _show(document: dict[str, Any], args: argparse.Namespace, workers: int | None) -> int:
    """Print what was found; `workers` is None where nothing was measured."""
    if args.json:
        print_json(document)
        return 0
    parts = [] if workers is None else [describe(document, workers)]
    parts += [calibration_text(document["calibration"])] if "calibration" in document else []
    print("\n\n".join(parts))
    return 0


def beside(path: Path, pool: str) -> Path:
    """Return where the profile of another pool than the CPU's goes: `rmc1.json` has `rmc1-gpu.json` beside it."""
    return path.with_name(f"{path.stem}-{pool}{path.suffix}")


def describe(document: dict[str, Any], workers: int) -> str:
    """Return the profile as two tables: times by batch size, and shares of time by operator; a GPU has a third."""
    from tailrank.cli.offload import gpu_text
    from tailrank.cli.precision import effect_words

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
    gpu, network = document.get("gpu"), document["network"]
    changed = [each["precision_effect"] for each in (document, gpu) if each and each["precision_effect"]]
    return "\n".join(
        [
            f"{document['model']}: {network['executor']}, {network['precision']}, {workers} workers "
            f"({document['served_by']['cpu']})",
            table(header, rows),
            "",
            table(["batch", *classes], shares),
            "",
            f"overheads: {overheads}",
            *([] if gpu is None else ["", gpu_text(gpu)]),
            *(f"precision: {effect_words(each)}" for each in changed),
        ]
    )
