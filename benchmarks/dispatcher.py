"""What the engine itself costs: slices a second, microseconds a query and wake-ups over a system that does nothing.

    python benchmarks/dispatcher.py [--json] [--rounds 5] [--workers 2]

`flat out`: every query is due at once, of one size or of production's. `paced`: a Poisson load; the dispatcher's own
processor time a query, how long a query waits for an idle worker, and the processor time of the workers, which have
nothing to do but wait. Native threads (they park, spin where gaps are short, or always spin) and Python's, interleaved
round by round; medians over rounds, with the smallest and largest.
"""

import argparse
import json
import statistics
from dataclasses import dataclass, field

import numpy as np

from tailrank.cli.results import host, versions
from tailrank.core import Records, Trace, single
from tailrank.engine import Engine, NullScorer
from tailrank.native import available
from tailrank.workload import Workload

RMC1_BATCH16_US = 64.0  # a batch of 16 on RMC1, the smallest that a plan is likely to ask for
ITEMS = 640
LOADS_QPS = (200.0, 2000.0)
SPINS = {"threads": 0, "native, parks": 0, "native, adapts": 50_000, "native, spins": -1}


@dataclass
class Column:
    """One reading a round."""

    unit: str
    values: list[float] = field(default_factory=list)

    def spread(self) -> dict[str, float | str]:
        return {
            "unit": self.unit,
            "median": statistics.median(self.values),
            "min": min(self.values),
            "max": max(self.values),
        }


Rows = dict[tuple[str, str], dict[str, Column]]


def crew_of(way: str) -> str:
    return "threads" if way == "threads" else "native"


def note(rows: Rows, load: str, way: str, readings: dict[str, tuple[str, float]]) -> None:
    row = rows.setdefault((load, way), {})
    for name, (unit, value) in readings.items():
        row.setdefault(name, Column(unit)).values.append(value)


def loads(crew: str) -> dict[str, tuple[Trace, int]]:
    """Return what to serve flat out, by name, with its batch size; Python threads get less of it."""
    queries = 20_000 if crew == "native" else 4_000
    production = Workload().trace(queries, 1e4, 1)
    due = np.zeros(queries, dtype=np.int64)
    fixed = {f"{ITEMS // batch} slices a query": batch for batch in (ITEMS, 256, 64, 16)}
    found = {name: (Trace(due, np.full(queries, ITEMS)), batch) for name, batch in fixed.items()}
    return found | {f"production, batch {batch}": (Trace(due, production.size), batch) for batch in (16, 256)}


def flat_out(crew: str, trace: Trace, batch_size: int, workers: int) -> dict[str, tuple[str, float]]:
    engine = Engine({"null": NullScorer()}, queue_limit=1 << 40, crew=crew)
    records = engine.serve(trace, single("null", batch_size=batch_size, workers=workers))
    whole_s = int(records.finish_ns.max()) / 1e9
    return {
        "rate": ("slices/s", len(records.slices) / whole_s),
        "query": ("us/query", 1e6 * whole_s / len(records)),
        "dispatcher": ("us/query", records.meta["dispatcher_cpu_ns"] / len(records) / 1e3),
    }


def paced(crew: str, spin_ns: int, qps: float, workers: int, seed: int) -> dict[str, tuple[str, float]]:
    engine = Engine({"null": NullScorer()}, crew=crew, spin_ns=spin_ns)
    trace = Workload().trace(int(1.5 * qps), qps, seed)
    records = engine.serve(trace, single("null", batch_size=256, workers=workers))
    spent_ns = sum(value for name, value in records.meta.items() if name.startswith("cpu_ns."))
    return {
        "dispatcher": ("us/query", records.meta["dispatcher_cpu_ns"] / len(records) / 1e3),
        "wake-up": ("us", float(np.median(waits_ns(records))) / 1e3),
        "workers": ("cores", spent_ns / int(records.finish_ns.max())),
    }


def waits_ns(records: Records) -> np.ndarray:
    """Return how long the first slice of each query waited."""
    rows = records.slices
    return (rows.start_ns - rows.queued_ns)[rows.first == 0]


def measure(rounds: int, workers: int) -> Rows:
    rows: Rows = {}
    ways = [way for way in SPINS if way == "threads" or available()]
    for seed in range(rounds):
        for crew in sorted({crew_of(way) for way in ways}):
            for load, (trace, batch_size) in loads(crew).items():
                note(rows, load, crew, flat_out(crew, trace, batch_size, workers))
        for qps in LOADS_QPS:
            for way in ways:
                note(rows, f"{qps:g} qps", way, paced(crew_of(way), SPINS[way], qps, workers, seed))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    rows = measure(args.rounds, args.workers)
    saturates = {
        way: columns["rate"].spread()["median"] * RMC1_BATCH16_US / 1e6
        for (load, way), columns in rows.items()
        if load == "production, batch 16"
    }
    document = {
        "rounds": args.rounds,
        "workers": args.workers,
        "host": host(),
        "versions": versions(),
        "rows": [
            {"load": load, "crew": way} | {name: column.spread() for name, column in columns.items()}
            for (load, way), columns in rows.items()
        ],
        "rmc1_batch16_us": RMC1_BATCH16_US,
        "saturated_by_cores_of_rmc1_at_batch_16": saturates,
    }
    if args.json:
        print(json.dumps(document, indent=1))
        return
    print(f"n = {args.rounds} rounds, {args.workers} workers; {document['host']['cpu']}, "
          f"commit {document['versions'].get('commit', '-')}")  # fmt: skip
    for row in sorted(document["rows"], key=lambda row: "qps" in row["load"]):
        print(f"{row['load']:>20}, {row['crew']:<14}", "; ".join(
            f"{name} {cell['median']:,.4g} {cell['unit']} ({cell['min']:,.4g} .. {cell['max']:,.4g})"
            for name, cell in row.items() if name not in ("load", "crew")
        ))  # fmt: skip
    for way, cores in saturates.items():
        print(f"{way}: one dispatcher keeps up with {cores:,.0f} cores of RMC1 at batch 16 ({RMC1_BATCH16_US:g} us)")


if __name__ == "__main__":
    main()
