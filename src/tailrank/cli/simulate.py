"""`tailrank simulate`: serve a trace in the simulator and report latency. Needs no torch."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from tailrank.cli.arguments import add_common, percentile, positive_float, positive_int
from tailrank.cli.hosts import add_host, fits_of, host_of, refuse_switches, services_on, switches_of
from tailrank.cli.kernels import prepare_kernels
from tailrank.cli.machine import machine
from tailrank.cli.output import pairs, print_json, significant
from tailrank.cli.progress import Progress
from tailrank.cli.services import services_for
from tailrank.cli.traffic import add_workload, workload_of
from tailrank.core import BadInputError, Plan, SetupError
from tailrank.core.config import load, to_dict
from tailrank.metrics import SLATarget, Summary, summarise
from tailrank.simulator import Simulator
from tailrank.timing import NO_OVERHEADS, Overheads, ServiceTime
from tailrank.tuner import slices_per_query
from tailrank.workload import Workload

NAME = "simulate"
HELP = "serve a trace in the simulator and report latency"
EXAMPLE = "tailrank simulate --plan plan.toml --qps 500 --service linear:fixed_us=300,item_us=20 --sla-ms 100"

QUERIES = 50_000
QUERY_BYTES, SLICE_BYTES = 100, 150  # records, and what summing them up takes beside


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--plan", type=Path, required=True, metavar="FILE", help="plan (TOML), as `tailrank tune` writes"
    )
    parser.add_argument("--qps", type=positive_float, required=True, help="offered load, queries per second")
    parser.add_argument(
        "--queries", type=positive_int, default=QUERIES, metavar="N", help=f"length of the trace (default {QUERIES:,})"
    )
    add_workload(parser)
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="[MODEL[@POOL]=]FORM",
        help="service time, constant:batch_us=500 or linear:fixed_us=300,item_us=20; may be repeated",
    )
    parser.add_argument(
        "--profile",
        action="append",
        default=[],
        metavar="[MODEL[@POOL]=]FILE",
        help="measured service times, as `tailrank profile` writes; may be repeated",
    )
    add_host(parser)
    parser.add_argument("--sla-ms", type=positive_float, metavar="MS", help="target latency: say whether it is met")
    parser.add_argument(
        "--percentile", type=percentile, default=95.0, metavar="P", help="percentile of the target (default 95)"
    )
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Serve the trace and print the summary; the exit code does not depend on whether the target is met."""
    plan = load(Plan, args.plan)
    services, overheads = _services(args, plan)
    workload = workload_of(args)
    check_memory(plan, workload, args.queries)
    with Progress(quiet=args.quiet) as progress:
        prepare_kernels(progress, dynamic=plan.dynamic, early=plan.feeds_early)
        progress.step(f"simulating {args.queries:,} queries at {significant(args.qps)} qps")
        trace = workload.trace(args.queries, args.qps, args.seed)
        records = Simulator(services, overheads=overheads, seed=args.seed).serve(trace, plan)
        # Without a target only the percentiles are shown; any target serves to compute them.
        target = SLATarget(latency_ms=args.sla_ms or 1.0, percentile=args.percentile)
        summary = summarise(records, target, plan=plan)
    if args.json:
        print_json(document(args, plan, workload, summary))
    else:
        print(describe(summary, judged=args.sla_ms is not None))
    return 0


def _services(args: argparse.Namespace, plan: Plan) -> tuple[dict[tuple[str, str], ServiceTime], Overheads]:
    """Return service times and overheads of the flags: a host's by its roofline, or those given and measured."""
    if args.host is None:
        refuse_switches(args)
        return services_for(plan, args.service, args.profile)
    for flag in ("service", "profile"):
        if getattr(args, flag):
            raise BadInputError(
                f"--{flag} {getattr(args, flag)[0]} beside --host {args.host}: which is it?",
                hint="a host brings its own service times: leave one of them out",
            )
    host = host_of(args)
    return services_on(host, plan, switches_of(args), fits_of(args, host)), NO_OVERHEADS


def check_memory(plan: Plan, workload: Workload, queries: int) -> None:
    """Refuse a trace whose records would not fit the memory now available (`SetupError`)."""
    available = machine().available_bytes
    chances = workload.sizes.probabilities()
    slices = float(chances @ slices_per_query(np.arange(len(chances)), plan))
    needed = queries * (QUERY_BYTES + SLICE_BYTES * slices)
    if available is not None and needed > available:
        raise SetupError(
            f"{queries:,} queries need about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are available",
            hint="simulate fewer --queries",
        )


def document(args: argparse.Namespace, plan: Plan, workload: Workload, summary: Summary) -> dict[str, Any]:
    """Return the summary and all that is needed to repeat it."""
    found = dataclasses.asdict(summary) | {"target": to_dict(summary.target)}
    if args.sla_ms is None:
        found |= {"target": None, "met": None}
    return {
        "verb": NAME,
        "seed": args.seed,
        "asked_qps": args.qps,
        "asked_queries": args.queries,
        "plan": to_dict(plan),
        "workload": to_dict(workload) | {"text": workload.describe()},  # parts at their default are left out
        "service": args.service,
        "profile": args.profile,
        "host": args.host,
        "switches": args.switches,
        "summary": found,
    }


def describe(summary: Summary, *, judged: bool) -> str:
    """Return the summary as text for people."""
    rows: list[tuple[str, object]] = [
        ("offered", f"{significant(summary.offered_qps)} qps"),
        ("achieved", f"{significant(summary.achieved_qps)} qps"),
        ("queries", f"{summary.queries:,} after the warm-up"),
        *((f"{name} latency", _ms(getattr(summary, f"{name}_ms"))) for name in ("p50", "p95", "p99")),
        *((f"utilisation of {pool}", f"{100 * share:.1f} %") for pool, share in summary.utilisation.items()),
        ("saturated", f"yes: {summary.saturation}; no latency is shown" if summary.saturated else "no"),
    ]
    if judged:
        interval = ""
        if summary.tail_low_ms is not None and summary.tail_high_ms is not None:
            low, high = significant(summary.tail_low_ms, 4), significant(summary.tail_high_ms, 4)
            interval = f" (95 % interval {low} to {high} ms)"
        rows.append((f"{summary.target}", f"{'met' if summary.met else 'missed'}{interval}"))
    return pairs("simulated", rows)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{significant(value, 4)} ms"
