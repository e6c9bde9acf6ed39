"""Capacity of the way the papers and most teams serve, beside our engine, on the same traffic and target.

    python benchmarks/papers_way.py [--networks rmc1] [--repeats 3] [--json FILE|-] [--quick]

Their way: one process a core, each with a copy of the model of its own in eager PyTorch on one thread, an embedding bag
a table with int64 ids as in DLRM's public code; queries split by a static batch size; multiprocessing queues carry the
batch's inputs there and its scores back. Between the two: the same with our module, whose tables are merged and whose
ids are int32. Ours: the engine as `tailrank` builds it. All are `System`s, and the same search probes them in turns on
the same queries, so that a drift of the machine hits all. In their favour: the dispatcher is as punctual as ours,
inputs travel as arrays of bytes (a torch tensor would cost a file descriptor each), and candidates are drawn alike.
Tables are small, so that a copy for each process fits: a process of theirs reads as small a table as ours.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library reads it; processes inherit it

import argparse
import json
import math
import pickle
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rivals.papers import PapersWay, ids_apart

from tailrank.cli.progress import Progress
from tailrank.cli.results import host, made_at, versions
from tailrank.cli.subject import build
from tailrank.core import Plan, System, Trace, single
from tailrank.metrics import SLATarget
from tailrank.tuner import Bracket, ProbeSearch, static_baseline
from tailrank.workload import Workload
from tailrank.zoo import get

FLOOR = 0.1  # of the first load; what meets its target below that only has no capacity here
FLAT_OUT = 100  # queries due at once, from which a search starts
RUNS = Path("runs/performance")


class Contender(NamedTuple):
    """A system and the plan it is tried with."""

    name: str
    system: System
    plan: Plan


def flat_out_qps(contender: Contender, workload: Workload, seed: int) -> float:
    """Return the queries a second that `contender` finishes when all are due at once."""
    trace = workload.trace(FLAT_OUT, 1000.0, seed)
    records = contender.system.serve(Trace(np.zeros(FLAT_OUT, dtype=np.int64), trace.size), contender.plan)
    return FLAT_OUT / max(int(records.finish_ns.max()), 1) * 1e9


def search(
    contenders: list[Contender], workload: Workload, target: SLATarget, *, seconds: float, least: int, seed: int
) -> dict[str, Bracket]:
    """Bracket the capacity of every contender, one probe of each in turn, all on the same queries."""
    searches: dict[str, ProbeSearch] = {}
    for each in contenders:
        flat_out_qps(each, workload, seed)  # the first run warms up
        start = 0.8 * flat_out_qps(each, workload, seed)
        floor = FLOOR * start  # below it a probe would take minutes
        searches[each.name] = ProbeSearch(target, start, probes=7, reach=4, floor_qps=floor, step=1.2, tolerance=0.03)
    waiting = list(contenders)
    while waiting:
        for each in list(waiting):
            qps = searches[each.name].next_qps()
            if qps is None:
                waiting.remove(each)
                continue
            trace = workload.trace(max(least, math.ceil(seconds * qps)), qps, seed)
            probe = searches[each.name].tell(qps, each.system.serve(trace, each.plan))
            print(
                f"  {each.name:<36}{qps:9.1f} qps: p{target.percentile:g} {probe.percentile_ms:9.1f} ms, "
                f"{'met' if probe.met else 'missed'}",
                file=sys.stderr,
                flush=True,
            )
    return {name: each.bracket() for name, each in searches.items()}


def compare(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Search all contenders on one network `--repeats` times; another seed of traffic each time."""
    print(name, file=sys.stderr, flush=True)
    workload, memory = Workload(), args.memory_mib << 20
    target = SLATarget(latency_ms=args.sla_ms or get(name).sla_ms)
    subject = build(name, workload, workers=args.workers, memory_bytes=memory, seed=0, progress=Progress(quiet=True))
    inputs = tuple(tensor.numpy() for tensor in subject.model.inputs(args.candidates))
    static = static_baseline(name, workload.sizes.max_size, args.workers)
    rows: list[dict[str, Any]] = []
    apart = ids_apart(subject.model, inputs)
    with (
        PapersWay(name, apart, workers=args.workers, memory_bytes=memory) as theirs,
        PapersWay(name, inputs, workers=args.workers, memory_bytes=memory, merged=True) as better,
    ):
        contenders = [
            Contender("the papers' way", theirs, static),
            Contender("the papers' way, our merged tables", better, static),
            Contender("our engine, same batch size", subject.engine, static),
        ]
        if args.batch_size:
            ours = single(name, batch_size=args.batch_size, workers=args.workers)
            contenders.append(Contender(f"our engine, batch size {args.batch_size}", subject.engine, ours))
        for repeat in range(args.repeats):
            brackets = search(
                contenders, workload, target, seconds=args.seconds, least=args.queries, seed=args.seed + repeat
            )
            rows += [
                {
                    "contender": contender,
                    "repeat": repeat,
                    "capacity_qps": found.qps,
                    "met_qps": found.low_qps,
                    "missed_qps": found.high_qps if math.isfinite(found.high_qps) else None,
                    "probes": len(found.probes),
                    "queries": sum(len(probe.records) for probe in found.probes),
                }
                for contender, found in brackets.items()
            ]
    carried = len(pickle.dumps([each[:64] for each in apart])) / 64
    return {
        "network": name,
        "sla_ms": target.latency_ms,
        "percentile": target.percentile,
        "workers": args.workers,
        "static_batch": static.stages[0].batch_size,
        "table_bytes": subject.model.table_bytes,
        "row_scale": subject.model.scale,
        "executor": subject.facts,
        "bytes_per_item_in_queue": carried,
        "rows": rows,
        "ratios": ratios(rows),
    }


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each contender's capacity over theirs: the median over repeats, and the least and most by brackets."""
    theirs = {row["repeat"]: row for row in rows if row["contender"] == "the papers' way"}
    found = []
    for contender in dict.fromkeys(row["contender"] for row in rows if row["contender"] != "the papers' way"):
        pairs = [(row, theirs[row["repeat"]]) for row in rows if row["contender"] == contender]
        pairs = [(ours, base) for ours, base in pairs if ours["met_qps"] and base["met_qps"] and base["missed_qps"]]
        if not pairs:
            continue
        high = [ours["missed_qps"] / base["met_qps"] for ours, base in pairs if ours["missed_qps"]]
        found.append(
            {
                "contender": contender,
                "ratio": statistics.median(ours["capacity_qps"] / base["capacity_qps"] for ours, base in pairs),
                "low": min(ours["met_qps"] / base["missed_qps"] for ours, base in pairs),
                "high": max(high) if len(high) == len(pairs) else None,
                "repeats": len(pairs),
            }
        )
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["rmc1"], metavar="NAME")
    parser.add_argument("--sla-ms", type=float, help="target at p95 (default: the network's published one)")
    parser.add_argument("--batch-size", type=int, help="try our engine with this batch size, too")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory-mib", type=int, default=256, help="tables of each copy, at most (default 256)")
    parser.add_argument("--candidates", type=int, default=16384, help="prepared; queries take runs of them")
    parser.add_argument("--seconds", type=float, default=8.0, help="of one probe")
    parser.add_argument("--queries", type=int, default=600, help="of one probe, at least")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="32 MiB of tables, probes of 2 s, one repeat")
    parser.add_argument("--json", metavar="FILE", help=f"write the document here too; - prints it (always: {RUNS})")
    args = parser.parse_args()
    if args.quick:
        args.memory_mib, args.seconds, args.queries, args.repeats = 32, 2.0, 200, 1
    return args


def report(document: dict[str, Any], out: Callable[[str], None] = print) -> None:
    for each in document["networks"]:
        out(f"{each['network']}: target {each['sla_ms']:g} ms, static batch size {each['static_batch']}")
        for row in each["rows"]:
            missed = "none missed" if row["missed_qps"] is None else f"{row['missed_qps']:.1f}"
            out(
                f"{each['network']:>6} {row['contender']:<36}{row['capacity_qps']:9.1f} qps "
                f"({row['met_qps']:.1f} .. {missed})"
            )
        for row in each["ratios"]:
            high = "open" if row["high"] is None else f"{row['high']:.2f}"
            out(f"{each['network']:>6} {row['contender']}: {row['ratio']:.2f}x ({row['low']:.2f} .. {high})")


def main() -> None:
    args = arguments()
    document = {
        "networks": [compare(name, args) for name in args.networks],
        "machine": host(),
        "commit": versions().get("commit", "unknown"),
        "made_at": made_at(),
        "repeats": args.repeats,
        "seconds_per_probe": args.seconds,
        "quick": args.quick,
    }
    text = json.dumps(document, indent=1)
    RUNS.mkdir(parents=True, exist_ok=True)
    name = "papers_way_quick.json" if args.quick else "papers_way.json"
    (RUNS / name).write_text(text + "\n", encoding="utf-8")
    if args.json == "-":
        print(text)
        return
    if args.json:
        Path(args.json).write_text(text + "\n", encoding="utf-8")
    report(document)


if __name__ == "__main__":
    main()
