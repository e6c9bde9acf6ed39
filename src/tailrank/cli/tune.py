"""`tailrank tune`: build, profile, search in the simulator, prove on the engine, write the result.

The five steps of the main job are `run`, in order; what each finds is in the result document.
"""

import argparse
import math
import shlex
import time
from pathlib import Path
from typing import Any

from tailrank.cli.arguments import add_common
from tailrank.cli.budget import DEFAULT, QUICK
from tailrank.cli.hardware import add_hardware
from tailrank.cli.hosts import add_host, refuse_switches
from tailrank.cli.output import print_json, table
from tailrank.cli.progress import Progress
from tailrank.cli.target import add_target, target_of
from tailrank.cli.traffic import add_workload, workload_of

NAME = "tune"
HELP = "find the plan with the highest capacity that meets the SLA target, and prove it on the engine"
EXAMPLE = """tailrank tune rmc1 --sla-ms 100 --out runs/rmc1
  tailrank tune din --quick --json
  tailrank tune rmc3 --executor native --precision bf16
  tailrank tune rmc1 --gpu --gpu-workers 4
  tailrank tune rmc1 --host skylake-40c+gtx-1080ti
  tailrank tune dien --host skylake-40c+gtx-1080ti --policies
  tailrank tune examples.own_model:build --sla-ms 20 --arrivals bursty:cv=4 --out runs/mine"""

# Flags that the command in the result spells out, where given.
REPEATED = (
    *("sla_ms", "percentile", "workload", "arrivals", "sizes", "accesses", "workers", "memory_gib"),
    *("executor", "precision", "gpu", "gpu_workers", "gpu_precision", "host", "switches", "fit"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("model", help="a network by name (`rmc1`, ...), `package.module:attribute`, or a file `*.onnx`")
    add_target(parser)
    add_workload(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="result directory (default runs/MODEL)")
    add_hardware(parser)
    add_host(parser)
    parser.add_argument(
        "--policies",
        action="store_true",
        help="try queue-aware offload, slices that adapt and shared batches around the best plan, too",
    )
    parser.add_argument("--quick", action="store_true", help="under forty seconds: fewer samples, tables up to 1 GiB")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Tune one model and write the result directory: on this machine, or simulated on the host of `--host`."""
    out = args.out or Path("runs") / _slug(args.model)
    if args.host is not None:
        from tailrank.cli.hosted import tune_on_host

        return tune_on_host(args, command=_command(args), out=out)
    refuse_switches(args)
    return _on_this_machine(args, out)


def _on_this_machine(args: argparse.Namespace, out: Path) -> int:
    from tailrank.cli.prover import prove
    from tailrank.cli.searching import search
    from tailrank.cli.subject import subject_of
    from tailrank.cli.tuned import document, extras, write
    from tailrank.core.files import check_out

    began = time.monotonic()
    check_out(out)
    workload, budget = workload_of(args), QUICK if args.quick else DEFAULT
    target = target_of(args)
    with Progress(quiet=args.quiet) as progress:
        subject = subject_of(args, workload, progress, quick=args.quick)
        found = search(
            subject, workload, target, budget=budget, seed=args.seed, progress=progress, policies=args.policies
        )
        proof = prove(
            subject,
            found.plans,
            found.predicted_qps,
            target=target,
            workload=workload,
            profiles=found.profiles,
            budget=budget,
            seed=args.seed,
            progress=progress.step,
        )
        found = found.without_policies() if proof.policies_lost else found
        progress.step("precision and transfers")
        more = extras(subject, found, workload, seconds=budget.profile_s, seed=args.seed)
        progress.step("writing the result")
        result = document(subject, found, proof, workload, target, command=_command(args))
        result |= more
        result["seconds"] = time.monotonic() - began
        write(out, result, found, proof)
    if args.json:
        print_json(result)
    else:
        print(describe(result, out))
    return 0


def _command(args: argparse.Namespace) -> str:
    """Return the command line that repeats this run, every flag that matters spelt out."""
    words = ["tailrank", "tune", args.model, "--seed", str(args.seed)]
    for flag in REPEATED:
        value = getattr(args, flag)
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                words += [f"--{flag.replace('_', '-')}", str(each)]
    words += [f"--{flag}" for flag in ("policies", "quick") if getattr(args, flag)]
    return shlex.join(words)


def _slug(model: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in model)


def describe(result: dict[str, Any], out: Path) -> str:
    """Return the result as text for people: the table, the verdict, the notes, the path of the report."""
    engine, sla = result["engine"], result["sla"]
    rows = [
        (
            "tuned",
            result["plan"]["stages"][0]["batch_size"],
            result["capacity_qps"],
            _interval(result["capacity_ci95_qps"]),
            engine.get("capacity_qps"),
            _interval(engine.get("capacity_bracket_qps")),
        ),
        (
            "baseline",
            result["baseline"]["plan"]["stages"][0]["batch_size"],
            result["baseline"]["capacity_qps"],
            _interval(result["baseline"]["capacity_ci95_qps"]),
            engine.get("baseline_capacity_qps"),
            _interval(engine.get("baseline_capacity_bracket_qps")),
        ),
    ]
    header = ["plan", "batch size", "simulator qps", "95 % interval", "engine qps", "met .. missed"]
    gauge = engine.get("p95_at_70pct") or {}
    lines = [
        f"{result['model']}: p{sla['percentile']:g} <= {sla['latency_ms']:g} ms on {result['host']['cpu']}, "
        f"{result['host']['cores']:g} cores",
        "",
        table(header, rows),
        "",
        f"speed-up        simulator {_times(result['speedup'])}, engine {_times(engine.get('speedup'))}",
        f"simulator error capacity {_percent(result['sim_error_pct'])} (same-run service times "
        f"{_percent(result['sim_error_same_run_pct'])}); p{sla['percentile']:g} at 70 % load "
        f"{_percent(gauge.get('error_pct'))} (same-run {_percent(gauge.get('error_same_run_pct'))})",
        *_hardware(result),
        f"verdict         {result['verdict']['text']}",
        *(f"note            {note}" for note in result["notes"]),
        f"result          {out / 'result.json'} after {result['seconds']:.0f} s",
        f"report          {out / 'report.html'}",
    ]
    return "\n".join(lines)


def _hardware(result: dict[str, Any]) -> list[str]:
    """Say who served, what a reduced precision does, and what a GPU adds."""
    from tailrank.cli.offload import gpu_title
    from tailrank.cli.precision import effect_words

    network, gpu = result["network"], result["gpu"]
    served = ", ".join(f"{pool} by {threads}" for pool, threads in result["engine"]["served_by"].items())
    lines = [f"executor        {network['executor']}, {network['precision']}; served {served}"]
    changed = [result["precision_effect"], None if gpu is None else gpu["precision_effect"]]
    lines += [f"precision       {effect_words(each)}" for each in changed if each is not None]
    if gpu is None:
        return lines
    sooner, offload = gpu["break_even_items"], gpu["offload"]
    at = "nothing" if offload["offload_at"] is None else f"queries of {offload['offload_at']} items and more"
    return [
        *lines,
        f"gpu             {gpu_title(gpu)}",
        f"                returns a batch sooner {'never' if sooner is None else f'from {sooner} items'}",
        f"                offloaded: {at} ({100 * offload['share_of_queries']:.1f} % of queries, "
        f"{100 * offload['share_of_items']:.1f} % of items); simulator qps {offload['capacity_qps']:.4g} with, "
        f"{offload['capacity_without_qps']:.4g} without: {_times(offload['gain'])}",
    ]


def _interval(ends: list[float | None] | None) -> str:
    if not ends:
        return "-"
    return " .. ".join("-" if end is None or math.isinf(end) else f"{end:.4g}" for end in ends)


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}x"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:+.1f} %"
