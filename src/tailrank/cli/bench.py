"""`tailrank bench`: serve a plan at given loads, on the real engine or in the simulator, and report latency."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailrank.cli.arguments import add_common, percentile, positive_float
from tailrank.cli.hardware import PRETENCE
from tailrank.cli.output import print_json, table
from tailrank.cli.progress import Progress
from tailrank.cli.traffic import add_workload, workload_of

if TYPE_CHECKING:
    from tailrank.core import Plan, System
    from tailrank.workload import Workload

NAME = "bench"
HELP = "serve a plan on the real engine at given loads and report latency"
EXAMPLE = """tailrank bench --plan runs/rmc1/plan.toml --qps 300 500 --seconds 10 --sla-ms 100
  tailrank bench --plan runs/rmc1/plan.toml --qps 500 --system simulator --profile runs/rmc1/profile.json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--plan", type=Path, required=True, metavar="FILE", help="plan TOML, such as tune writes")
    parser.add_argument(
        "--qps", type=positive_float, nargs="+", required=True, metavar="Q", help="offered loads, one run each"
    )
    parser.add_argument(
        "--seconds", type=positive_float, default=10.0, metavar="S", help="length of a run (default 10)"
    )
    parser.add_argument("--system", choices=("engine", "simulator"), default="engine", help="who serves")
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="[MODEL[@POOL]=]FILE",
        help="service times for the simulator; may be repeated",
    )
    parser.add_argument(
        "--sla-ms", type=positive_float, default=100.0, metavar="MS", help="latency target (default 100)"
    )
    parser.add_argument("--percentile", type=percentile, default=95.0, metavar="P", help="of latency (default 95)")
    add_workload(parser)
    parser.add_argument(
        "--memory-gib", type=positive_float, metavar="X", help="room for tables (default: half of the memory)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON document here, too")
    parser.add_argument(
        "--trace", type=Path, metavar="FILE", help="write a Perfetto trace of the last run's busiest second"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the plan at each load and print a row for each."""
    from tailrank.cli.results import host, made_at, versions
    from tailrank.core import Plan
    from tailrank.core.config import load, to_dict
    from tailrank.core.files import write_json
    from tailrank.metrics import SLATarget

    plan, workload = load(Plan, args.plan), workload_of(args)
    target = SLATarget(percentile=args.percentile, latency_ms=args.sla_ms)
    with Progress(quiet=args.quiet) as progress:
        system, facts = _system(args, plan, workload, progress)
        rows = [
            _serve(args, system, plan, workload, target, qps, number, progress) for number, qps in enumerate(args.qps)
        ]
    document = {
        "system": args.system,
        "plan": to_dict(plan),
        "models": facts,
        "sla": {"percentile": target.percentile, "latency_ms": target.latency_ms},
        "seed": args.seed,
        "made_at": made_at(),
        "host": host(),
        "versions": versions(),
        "runs": rows,
    }
    if args.out is not None:
        write_json(args.out, document)
    if args.json:
        print_json(document)
    else:
        print(describe(document))
    return 0


def _system(
    args: argparse.Namespace, plan: "Plan", workload: "Workload", progress: Progress
) -> tuple["System", dict[str, Any]]:
    """Return who serves, and facts about each model and device of it."""
    from tailrank.core import BadInputError

    if args.system == "simulator":
        from tailrank.cli.services import services_for
        from tailrank.simulator import Simulator

        if not args.profile:
            raise BadInputError("the simulator needs service times", hint="give --profile, made by `tailrank profile`")
        services, overheads = services_for(plan, [], args.profile)
        return Simulator(services, overheads=overheads, seed=args.seed), {}
    from tailrank.cli.subject import engine_for, memory_of

    return engine_for(plan, workload, memory_bytes=memory_of(args), seed=args.seed, progress=progress)


def _serve(
    args: argparse.Namespace,
    system: "System",
    plan: "Plan",
    workload: "Workload",
    target: Any,
    qps: float,
    number: int,
    progress: Progress,
) -> dict[str, Any]:
    from tailrank.cli.calibration import served_by
    from tailrank.metrics import summarise

    if number == 0 and args.system == "engine":
        progress.step("warming up")
        system.serve(workload.trace(max(20, int(min(qps, 100))), qps, args.seed, replication=901), plan)
    progress.step(f"serving {qps:g} qps for {args.seconds:g} s")
    trace = workload.trace(max(20, round(qps * args.seconds)), qps, args.seed, replication=number)
    records = system.serve(trace, plan)
    if args.trace is not None and qps == args.qps[-1]:
        from tailrank.report import write_trace

        write_trace(records, args.trace)
    summary = summarise(records, target, plan=plan)
    row = {field: getattr(summary, field) for field in summary.__dataclass_fields__ if field != "target"}
    row["offered_qps"] = qps
    cpu_ns = records.meta.get("dispatcher_cpu_ns")
    row["served_by"] = served_by([records])
    return row | {"dispatcher_cpu_us_per_query": None if cpu_ns is None else cpu_ns / 1e3 / len(records)}


def describe(document: dict[str, Any]) -> str:
    """Return one row per load; an unstable run has no latencies."""
    sla = document["sla"]
    header = [
        "offered qps",
        "achieved qps",
        "queries",
        "failed",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "busy",
        "lag p99 us",
        "target",
    ]
    rows = [
        (
            row["offered_qps"],
            row["achieved_qps"],
            row["queries"],
            row["failed"],
            row["p50_ms"],
            row["p95_ms"],
            row["p99_ms"],
            " ".join(f"{name} {100 * share:.0f}%" for name, share in row["utilisation"].items()),
            row["lag_p99_us"],
            "met" if row["met"] else "saturated" if row["saturated"] else "missed",
        )
        for row in document["runs"]
    ]
    title = f"{document['system']}: target p{sla['percentile']:g} <= {sla['latency_ms']:g} ms"
    who = [
        f"{name}: {facts['executor']}, {facts['precision']}" + (f"; {PRETENCE}" if facts.get("pretend") else "")
        for name, facts in document["models"].items()
    ]
    who += [f"pool {pool}: {threads}" for pool, threads in document["runs"][0]["served_by"].items()]
    return "\n".join([title, *who, table(header, rows)])
