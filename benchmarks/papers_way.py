"""Capacity of the way the papers and most teams serve, beside our engine, on the same traffic and target.

    python benchmarks/papers_way.py [--networks rmc1] [--repeats 3] [--json FILE|-] [--quick]

Their way: one process a core, each with a copy of the model of its own in eager PyTorch on one thread; queries split
by a static batch size; multiprocessing queues carry the batch's inputs there and its scores back. Ours: the engine as
`tailrank` builds it. Both are `System`s, and the same search probes them in turns on the same queries, so that a drift
of the machine hits both. In their favour: the dispatcher is as punctual as ours, inputs travel as arrays of bytes (a
torch tensor would cost a file descriptor each), and candidates are drawn alike.
Tables are small, so that a copy for each process fits: a process of theirs reads as small a table as ours.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before any library reads it; processes inherit it

import argparse
import json
import math
import multiprocessing as mp
import pickle
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.cli.progress import Progress
from tailrank.cli.results import host, made_at, versions
from tailrank.cli.subject import build
from tailrank.core import Plan, Records, SliceRecords, System, Trace, single, stream
from tailrank.engine.clock import WallClock, punctual
from tailrank.metrics import SLATarget
from tailrank.scheduler import split
from tailrank.tuner import Bracket, ProbeSearch, static_baseline
from tailrank.workload import Workload
from tailrank.zoo import get

LEAD_NS = 2_000_000  # as our engine: the trace begins this long after the workers are ready
FLAT_OUT = 100  # queries due at once, from which a search starts
RUNS = Path("runs/performance")


class Batch(NamedTuple):
    """What a queue carries to a worker: the arrays of one slice's inputs."""

    run: int
    query: int
    first: int
    inputs: tuple[NDArray[Any], ...]


class Scored(NamedTuple):
    """What comes back."""

    run: int
    query: int
    first: int
    worker: int
    start_ns: int
    finish_ns: int
    scores: NDArray[np.float32] | None  # None: the worker is ready


def work(network: str, memory_bytes: int, seed: int, number: int, current: Any, tasks: Any, results: Any) -> None:
    """Be a worker: build a model, then score what comes; batches of a run that was given up are dropped."""
    import torch

    from tailrank.models import build as build_model

    torch.set_num_threads(1)
    model = build_model(network, memory_bytes=memory_bytes, seed=seed)
    for items in (1, 64, 1000):
        model.score(model.inputs(items))
    results.put(Scored(-1, -1, 0, number, 0, 0, None))
    while (batch := tasks.get()) is not None:
        if batch.run != current.value:
            continue
        start_ns = time.perf_counter_ns()
        scores = model.score(tuple(torch.from_numpy(each) for each in batch.inputs)).numpy()
        finish_ns = time.perf_counter_ns()
        results.put(Scored(batch.run, batch.query, batch.first, number, start_ns, finish_ns, scores))


class PapersWay:
    """A `System` of processes and queues. Use it in a `with` block: it owns the processes."""

    def __init__(
        self, network: str, inputs: tuple[NDArray[Any], ...], *, workers: int, memory_bytes: int, patience_s: float = 10
    ) -> None:
        self.inputs, self.rows, self.workers, self.patience_s = inputs, len(inputs[0]), workers, patience_s
        context = mp.get_context("spawn")
        self.tasks, self.results = context.Queue(), context.Queue()
        self.current = context.Value("q", 0)
        self.processes = [
            context.Process(
                target=work,
                args=(network, memory_bytes, 0, number, self.current, self.tasks, self.results),
                daemon=True,
            )
            for number in range(workers)
        ]

    def __enter__(self) -> "PapersWay":
        for process in self.processes:
            process.start()
        for _ in self.processes:
            self.results.get(timeout=300)
        return self

    def __exit__(self, *_: object) -> None:
        self.current.value += 1
        for _ in self.processes:
            self.tasks.put(None)
        for process in self.processes:
            process.join(timeout=10)
            if process.is_alive():
                process.terminate()

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """Serve `trace` with slices of the plan's batch size; its pool must have as many workers as there are."""
        stage = plan.stages[0]
        assert len(plan.stages) == 1
        assert plan.pools[stage.pool].workers == self.workers
        self.current.value += 1
        run = _Collected(trace, self.current.value)
        collector = threading.Thread(target=run.collect, args=(self.results,), daemon=True)
        collector.start()
        rows = (stream(0, "rows").random(len(trace)) * (self.rows - trace.size + 1)).astype(np.int64).tolist()
        clock = WallClock(LEAD_NS)
        run.origin_ns = clock.origin_ns
        began_cpu = time.thread_time_ns()
        with punctual():
            for query in trace:
                clock.wait_until(query.arrival_ns)
                run.dispatch_ns[query.number] = clock.now_ns()
                slices = split(query.number, query.size, stage, 0)
                run.left[query.number] = len(slices)
                for _, _, first, stop, _ in slices:
                    begin = rows[query.number] + first
                    inputs = tuple(each[begin : begin + stop - first] for each in self.inputs)
                    run.queued_ns[query.number, first] = clock.now_ns()
                    self.tasks.put(Batch(run.number, query.number, first, inputs))
            cpu_ns = time.thread_time_ns() - began_cpu
            run.idle.wait(self.patience_s)
        self.current.value += 1  # what is still queued is dropped
        self.results.put(Scored(run.number, -1, 0, 0, 0, 0, None))
        collector.join()
        return run.records(float(cpu_ns))


class _Collected:
    """What came back in one run."""

    def __init__(self, trace: Trace, number: int) -> None:
        self.trace, self.number, self.origin_ns = trace, number, 0
        self.dispatch_ns = np.full(len(trace), -1, dtype=np.int64)
        self.finish_ns = np.full(len(trace), -1, dtype=np.int64)
        self.queued_ns: dict[tuple[int, int], int] = {}
        self.left: dict[int, int] = {}
        self.idle = threading.Event()
        self._rows: list[tuple[int, ...]] = []
        self._scores: dict[int, list[NDArray[np.float32]]] = {}

    def collect(self, results: Any) -> None:
        """Merge until the mark of the end of this run."""
        open_queries = len(self.trace)
        while True:
            found: Scored = results.get()
            if found.run != self.number:
                continue
            if found.scores is None:
                return
            self._scores.setdefault(found.query, []).append(found.scores)
            start, finish = found.start_ns - self.origin_ns, found.finish_ns - self.origin_ns
            queued = self.queued_ns[found.query, found.first]
            self._rows.append((found.query, found.first, len(found.scores), found.worker, queued, start, finish))
            self.left[found.query] -= 1
            if self.left[found.query] == 0:
                np.concatenate(self._scores.pop(found.query))
                self.finish_ns[found.query] = time.perf_counter_ns() - self.origin_ns
                open_queries -= 1
                if open_queries == 0:
                    self.idle.set()

    def records(self, cpu_ns: float) -> Records:
        table = np.array(sorted(self._rows, key=lambda row: row[4]), dtype=np.int64).reshape(-1, 7)
        query, first, size, worker, queued, start, finish = (np.ascontiguousarray(column) for column in table.T)
        none = np.zeros_like(query)
        slices = SliceRecords(query, none, first, size, none, worker, queued, start, finish)
        late = {int(number): "not finished in time" for number in np.flatnonzero(self.finish_ns < 0)}
        arrival_ns, size_of = self.trace.arrival_ns, self.trace.size
        meta = {"dispatcher_cpu_ns": cpu_ns}
        return Records(arrival_ns, size_of, self.dispatch_ns, self.finish_ns, slices, late, meta)


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
        searches[each.name] = ProbeSearch(target, start, probes=7, reach=4, step=1.2, tolerance=0.03)
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
    with PapersWay(name, inputs, workers=args.workers, memory_bytes=memory) as theirs:
        contenders = [
            Contender("the papers' way", theirs, static),
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
    carried = len(pickle.dumps([each[:64] for each in inputs])) / 64
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
