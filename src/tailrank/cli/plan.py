"""`tailrank plan --fleet`: hosts needed hour by hour for a day's traffic at the SLA target. Needs no torch."""

import argparse
import math
import shlex
import time
from pathlib import Path
from typing import Any

from tailrank.cli.arguments import add_common, count_or_zero, positive_float
from tailrank.cli.hosts import SWITCHES
from tailrank.cli.output import print_json, significant, table
from tailrank.cli.progress import Progress
from tailrank.cli.target import add_target
from tailrank.cli.traffic import add_workload

NAME = "plan"
HELP = "say how many hosts of which kinds a day's traffic needs, hour by hour, with power and cost"
EXAMPLE = """tailrank plan --fleet --trace diurnal --qps 50000 --network rmc1 --host skylake-40c --spare 2
  tailrank plan --fleet --trace twitter --qps 50000 --network wnd --host amd-epyc --host amd-epyc+l4 --out runs/fleet"""

AIMS = ("cost", "power", "hosts")
REPEATED = ("sla_ms", "percentile", "workload", "arrivals", "sizes", "accesses", "qps", "day", "aim", "switches")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--fleet", action="store_true", help="plan a fleet of hosts (the only kind of planning yet)")
    parser.add_argument(
        "--trace",
        required=True,
        metavar="DAY",
        help="twitter, nasa (recordings in the folder TAILRANK_DATA), diurnal, or a recording's file",
    )
    parser.add_argument("--network", required=True, metavar="NAME", help="a network by name (`rmc1`, ...)")
    parser.add_argument(
        "--host",
        action="append",
        required=True,
        metavar="HOST",
        help="a kind of host: skylake-40c, amd-epyc:cores=16+2xt4; repeat for a mix of kinds",
    )
    parser.add_argument(
        "--spare", type=count_or_zero, default=1, metavar="K", help="any K hosts may be down (N+K; default 1)"
    )
    parser.add_argument("--qps", type=positive_float, help="mean traffic of the day (default: as recorded)")
    parser.add_argument("--day", type=count_or_zero, metavar="N", help="which day of the recording, from 0 (busiest)")
    parser.add_argument(
        "--aim", choices=AIMS, help="what is least in each hour (default cost where all hosts have prices, else power)"
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="HOST=DOLLARS",
        help="price of an hour of a host, in place of the catalogue's; may be repeated",
    )
    add_target(parser)
    add_workload(parser)
    parser.add_argument(
        "--switches", metavar="LIST", help=f"what GPUs do that the paper's did not, of {','.join(SWITCHES)}"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="result directory (default: print only)")
    parser.add_argument("--quick", action="store_true", help="shorter searches for the capacities")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Find each kind's capacity, plan the fleet, print it, and write the result directory where one is given."""
    from tailrank.cli.demand import demand_of
    from tailrank.cli.fleet import document, kinds_of, prices_of, write
    from tailrank.core import BadInputError
    from tailrank.core.files import check_out

    began = time.monotonic()
    if not args.fleet:
        raise BadInputError("there is nothing to plan but a fleet yet", hint="add --fleet")
    if args.out is not None:
        check_out(args.out)
    demand = demand_of(args.trace, qps=args.qps, day=args.day)
    prices = prices_of(args.price, args.host)
    with Progress(quiet=args.quiet) as progress:
        kinds = kinds_of(args, prices, progress)
        progress.step("planning the fleet")
        result = document(args, demand, kinds, command=_command(args))
        result["seconds"] = time.monotonic() - began
        if args.out is not None:
            write(args.out, result)
    if args.json:
        print_json(result)
    else:
        print(describe(result, args.out))
    return 0


def _command(args: argparse.Namespace) -> str:
    """Return the command line that repeats this run, every flag that matters spelt out."""
    words = ["tailrank", "plan", "--fleet", "--trace", args.trace, "--network", args.network]
    for host in args.host:
        words += ["--host", host]
    for price in args.price:
        words += ["--price", price]
    words += ["--spare", str(args.spare), "--seed", str(args.seed)]
    for flag in REPEATED:
        value = getattr(args, flag)
        if value is not None:
            words += [f"--{flag.replace('_', '-')}", str(value)]
    if args.quick:
        words.append("--quick")
    return shlex.join(words)


def describe(result: dict[str, Any], out: Path | None) -> str:
    """Return the result as text for people: kinds, hours, totals."""
    sla, names = result["sla"], [kind["name"] for kind in result["kinds"]]
    kinds = [
        (
            kind["name"],
            kind["planned_qps"],
            kind["batch_size"],
            "-" if kind["offload_at"] is None else str(kind["offload_at"]),
            kind["idle_w"],
            kind["full_w"],
            kind["price_per_hour"],
        )
        for kind in result["kinds"]
    ]
    hours = [
        (
            str(hour["hour"]),
            hour["demand_qps"],
            *(hour["hosts"][name] for name in names),
            100 * hour["load"],
            hour["power_w"] / 1e3,
            hour["price"],
        )
        for hour in result["hours"]
    ]
    lines = [
        f"{result['network']}: p{sla['percentile']:g} <= {sla['latency_ms']:g} ms, N+{result['spare']}, "
        f"least {result['aim']}; {result['trace']['text']}",
        "",
        table(["host", "qps each", "batch size", "offload from", "idle W", "full W", "$ an hour"], kinds),
        "",
        table(["hour", "demand qps", *names, "load %", "kW", "$"], hours),
        "",
        f"in all          {_totals(result['totals'])}",
        f"the peak's      {_totals(result['kept'])}, had the busiest hour's hosts stayed on",
        *(f"only {name:<10} {_totals(totals)}" for name, totals in result["alone"].items() if len(names) > 1),
        f"verdict         {result['verdict']['text']}",
        *(f"note            {note}" for note in result["notes"]),
    ]
    if out is not None:
        lines += [f"result          {out / 'result.json'}", f"report          {out / 'report.html'}"]
    return "\n".join(lines)


def _totals(totals: dict[str, Any]) -> str:
    cost = totals["cost"]
    price = "no price known" if cost is None or not math.isfinite(cost) else f"${cost:,.2f}"
    return f"{totals['host_hours']:,} host-hours, {significant(totals['energy_kwh'])} kWh, {price}"
