"""`tailrank doctor`: what this machine offers, and what will be slow and why. Works without torch."""

import argparse
import dataclasses
import importlib.metadata
import os
import shutil
from typing import Any

from tailrank.cli.machine import Machine, machine, ticks
from tailrank.cli.output import pairs, print_json, table
from tailrank.cli.progress import Progress
from tailrank.cli.timers import sleep_overshoot_ns, wakeup_ns
from tailrank.core import TailrankError

NAME = "doctor"
HELP = "say what this machine offers, and what will be slow and why"
EXAMPLE = "tailrank doctor --json"

GIB = 2**30
REPEATS = 200
# Library, and what is lost without it.
LIBRARIES = {
    "numpy": "nothing works",
    "numba": "nothing simulates",
    "scipy": "no intervals, no tests of a trace",
    "msgspec": "no file can be read",
    "tomli-w": "no plan can be written",
    "torch": "no tune, bench or profile; simulate works",
    "psutil": "memory is not checked before tables are filled",
    "onnxruntime": "no .onnx file can be served",
    "onnx": "no .onnx file can be served",
    "plotly": "no HTML report",
    "jinja2": "no HTML report",
}
# Names of C++ compilers: what the variable CXX says, then these.
COMPILERS = ("c++", "g++", "clang++")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")
    parser.add_argument("--quiet", action="store_true", help="no progress lines on stderr")


def run(args: argparse.Namespace) -> int:
    """Examine this host and print what was found."""
    with Progress(quiet=args.quiet) as progress:
        progress.step("measuring timers (about a second)")
        document = examine()
    if args.json:
        print_json(document)
    else:
        print(describe(document))
    return 0


def examine(repeats: int = REPEATS) -> dict[str, Any]:
    """Return everything `doctor` knows as one JSON document; timers are measured `repeats` times."""
    host = machine()
    before = ticks()
    timers = {
        "sleep_overshoot_us": _spread(sleep_overshoot_ns(repeats)),
        "thread_wakeup_us": _spread(wakeup_ns(repeats)),
    }
    after = ticks()
    document = {
        "machine": dataclasses.asdict(host) | {"steal_now_percent": after.steal_percent(before) if after else None},
        "libraries": [
            {"name": name, "version": _version(name), "without": without} for name, without in LIBRARIES.items()
        ],
        "torch": _torch(),
        "native": _native(),
        "simulator": {"kernels_ready": _kernels_ready()},
        "timers": timers,
    }
    return document | {"slow": slow(host, document)}


def slow(host: Machine, document: dict[str, Any]) -> list[str]:
    """Return one sentence for each thing that will be slow or unsure here, and why."""
    steal_percent = max(document["machine"]["steal_now_percent"] or 0.0, host.steal_percent or 0.0)
    checks = [
        *_hardware(host),
        *_clock(document["timers"], steal_percent),
        *_software(document["torch"], document["simulator"]["kernels_ready"]),
        *_extension(document["native"]),
    ]
    return [sentence for holds, sentence in checks if holds]


def _hardware(host: Machine) -> list[tuple[bool, str]]:
    cores, available = host.effective_cores, host.available_bytes
    return [
        (
            host.cpu_limit is not None and host.cpu_limit < host.usable_cores,
            f"the container may use {host.cpu_limit or 0:g} of {host.usable_cores} cores: beyond that it is paused for"
            " the rest of each period, which shows as a long tail",
        ),
        (
            cores <= 2,
            f"{cores:g} cores: the dispatcher competes with the workers, so overheads weigh more than on a server",
        ),
        (not host.features["avx2"], "no AVX2: matrix products run several times slower"),
        (not host.features["avx512"], "no AVX-512: matrix products use vectors of half the width"),
        (
            available is not None and available < 8 * GIB,
            f"{_gib(available)} of memory free: large tables are scaled down to fit, so lookups hit the caches more"
            " often than in production",
        ),
        (host.huge_pages == "never", "transparent huge pages are off: lookups in large tables miss the TLB more often"),
        (
            host.governor not in (None, "performance"),
            f"the frequency governor is `{host.governor}`: idle cores wake up slow, so low loads look slower than"
            " they are",
        ),
    ]


def _clock(timers: dict[str, dict[str, float]], steal_percent: float) -> list[tuple[bool, str]]:
    sleep_us, wakeup_us = timers["sleep_overshoot_us"]["p99"], timers["thread_wakeup_us"]["p99"]
    return [
        (
            steal_percent > 1,
            f"{steal_percent:.1f} % of CPU time goes to other tenants of this host: repeat measurements before you"
            " believe them",
        ),
        (
            sleep_us > 1000,
            f"sleeps end up to {sleep_us:.0f} us late (p99): arrivals come late, and a tight SLA target cannot be"
            " certified",
        ),
        (wakeup_us > 500, f"a waiting thread wakes up to {wakeup_us:.0f} us late (p99): added to every batch"),
    ]


def _software(torch: dict[str, Any] | None, kernels_ready: bool) -> list[tuple[bool, str]]:
    return [
        (not kernels_ready, "the simulator's kernels are not compiled yet: the first simulation compiles them once"),
        (torch is None, "torch is not installed: no tune, bench or profile (pip install torch)"),
        (
            torch is not None and not torch["gpus"],
            "no GPU: a plan that offloads large queries can be simulated but not measured",
        ),
    ]


def _extension(native: dict[str, Any]) -> list[tuple[bool, str]]:
    without = f"batches run in torch and Python threads: {native['why_not']}"
    fastest = native["paths"][0] if native["paths"] else None
    return [
        (not native["available"], f"{without}; {native['remedy']}"),
        (native["available"] and native["path"] is None, f"no native program runs: {native['why_not']}"),
        (
            native["path"] not in (None, fastest),
            f"TAILRANK_NATIVE chooses {native['path']} of the native kernels; this processor runs {fastest}",
        ),
        (
            fastest == "portable",
            "the native kernels are the portable ones: there are faster ones for x86-64 with AVX2 only",
        ),
    ]


def describe(document: dict[str, Any]) -> str:
    """Return the document as text for people."""
    host, torch = document["machine"], document["torch"]
    limit = "none" if host["cpu_limit"] is None else f"{host['cpu_limit']:g} cores"
    blocks = [
        pairs(
            "machine",
            [
                ("CPU", host["cpu"]),
                ("cores", f"{host['cores']}, usable {host['usable_cores']}, container limit {limit}"),
                ("instructions", " ".join(name for name, there in host["features"].items() if there) or "-"),
                ("memory", f"{_gib(host['memory_bytes'])}, free {_gib(host['available_bytes'])}"),
                ("huge pages", host["huge_pages"] or "not visible"),
                ("governor", host["governor"] or "not visible"),
                ("steal", f"{_percent(host['steal_now_percent'])} now, {_percent(host['steal_percent'])} since boot"),
                ("system", f"{host['os']}, Python {host['python']}"),
                ("GPU", ", ".join(torch["gpus"]) or "none" if torch else "not visible without torch"),
            ],
        ),
        "libraries\n"
        + _indented(
            table(
                ["", "version", "without it"],
                [(row["name"], row["version"] or "missing", row["without"]) for row in document["libraries"]],
            )
        ),
    ]
    if torch:
        blocks.append(
            pairs(
                "torch",
                [
                    ("threads", f"{torch['threads']} within an operator, {torch['interop_threads']} between"),
                    ("libraries", f"oneDNN {_yes(torch['onednn'])}, MKL {_yes(torch['mkl'])}"),
                    ("CPU code path", torch["cpu_capability"]),
                ],
            )
        )
    native = document["native"]
    blocks.append(
        pairs(
            "native executor and pool",
            [
                ("extension", "there" if native["available"] else native["why_not"]),
                ("instructions", ", ".join(native["paths"]) or "-"),
                ("in use", native["path"] or "none"),
                ("C++ compiler", native["compiler"] or "none found"),
            ],
        )
    )
    rows = [(name.removesuffix("_us").replace("_", " "), *found.values()) for name, found in document["timers"].items()]
    blocks.append("timers, microseconds\n" + _indented(table(["", "p50", "p99", "max", "samples"], rows)))
    ready = "compiled" if document["simulator"]["kernels_ready"] else "not compiled yet"
    blocks.append(pairs("simulator", [("kernels", ready)]))
    blocks.append("slow here, and why\n" + ("\n".join(f"  - {line}" for line in document["slow"]) or "  nothing"))
    return "\n\n".join(blocks)


def _torch() -> dict[str, Any] | None:
    try:
        import torch
    except ImportError:
        return None
    return {
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "onednn": bool(torch.backends.mkldnn.is_available()),  # type: ignore[no-untyped-call]
        "mkl": bool(torch.backends.mkl.is_available()),  # type: ignore[no-untyped-call]
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def _native() -> dict[str, Any]:
    """Describe the extension; `path` is None where nothing of it can run, and `why_not` says why."""
    from tailrank.native import available, path, paths, remedy, switched_off, why_not

    used, why = None, why_not()
    if available():
        try:
            used = path()
        except TailrankError as error:  # TAILRANK_NATIVE names what this processor does not know
            why = f"{error.message}; {error.hint}"
    return {
        "available": available(),
        "why_not": why or None,
        "switched_off": switched_off(),
        "remedy": None if available() else remedy(),
        "paths": list(paths()),
        "path": used,
        "compiler": _compiler(),
    }


def _compiler() -> str | None:
    named = os.environ.get("CXX", "").split()
    return next((found for name in (*named[:1], *COMPILERS) if (found := shutil.which(name))), None)


def _kernels_ready() -> bool:
    from tailrank.simulator import kernels_ready

    return kernels_ready()


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _spread(samples_ns: list[int]) -> dict[str, float | int]:
    ordered = sorted(samples_ns)
    return {
        "p50": ordered[(len(ordered) - 1) // 2] / 1000,
        "p99": ordered[-(-99 * len(ordered) // 100) - 1] / 1000,
        "max": ordered[-1] / 1000,
        "samples": len(ordered),
    }


def _gib(size: int | None) -> str:
    return "not visible" if size is None else f"{size / GIB:.1f} GiB"


def _percent(value: float | None) -> str:
    return "not visible" if value is None else f"{value:.1f} %"


def _yes(there: bool) -> str:
    return "yes" if there else "no"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())
