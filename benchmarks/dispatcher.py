"""What the engine itself costs: batches a second and microseconds a batch over a system that does nothing.

    python benchmarks/dispatcher.py [--json] [--rounds 5]

`flat out`: every query is due at once. `paced`: a Poisson load, the dispatcher's own processor time a query.
Rounds are interleaved; medians over rounds, with the smallest and largest.
"""

import argparse
import json
import statistics

import numpy as np

from tailrank.cli.results import host, versions
from tailrank.core import Trace, single
from tailrank.engine import Engine, NullScorer
from tailrank.workload import Workload

QUERIES, ITEMS = 10_000, 640
SPLITS = (16, 64, 256, 640)
LOADS_QPS = (200.0, 1000.0, 3000.0)


def flat_out(batch_size: int) -> float:
    """Return batches a second when nothing waits for the clock."""
    trace = Trace(np.zeros(QUERIES, dtype=np.int64), np.full(QUERIES, ITEMS))
    engine = Engine({"null": NullScorer()}, queue_limit=1 << 30)
    records = engine.serve(trace, single("null", batch_size=batch_size, workers=2))
    return len(records.slices) / (int(records.finish_ns.max()) / 1e9)


def paced(qps: float) -> float:
    """Return the dispatcher's processor time a query, in microseconds, at `qps` and batch size 256."""
    trace = Workload().trace(int(2 * qps), qps, 1)
    records = Engine({"null": NullScorer()}).serve(trace, single("null", batch_size=256, workers=2))
    return records.meta["dispatcher_cpu_ns"] / len(records) / 1e3


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    rates: dict[int, list[float]] = {batch: [] for batch in SPLITS}
    costs: dict[float, list[float]] = {qps: [] for qps in LOADS_QPS}
    for _ in range(args.rounds):
        for batch, found in rates.items():
            found.append(flat_out(batch))
        for qps, found in costs.items():
            found.append(paced(qps))
    document = {
        "rounds": args.rounds,
        "host": host(),
        "versions": versions(),
        "flat_out": [
            {"batch_size": batch, "batches_per_s": spread(found), "us_per_batch": 1e6 / statistics.median(found)}
            for batch, found in rates.items()
        ],
        "paced": [{"qps": qps, "dispatcher_us_per_query": spread(found)} for qps, found in costs.items()],
    }
    if args.json:
        print(json.dumps(document, indent=1))
        return
    print(f"n = {args.rounds} rounds; {document['host']['cpu']}, commit {document['versions'].get('commit', '-')}")
    for row in document["flat_out"]:
        rate = row["batches_per_s"]
        print(f"batch size {row['batch_size']:>4}: {rate['median']:>9,.0f} batches/s "
              f"({rate['min']:,.0f} .. {rate['max']:,.0f}), {row['us_per_batch']:.2f} us a batch")  # fmt: skip
    for row in document["paced"]:
        cost = row["dispatcher_us_per_query"]
        print(
            f"{row['qps']:>6g} qps: dispatcher {cost['median']:.1f} us a query ({cost['min']:.1f} .. {cost['max']:.1f})"
        )


if __name__ == "__main__":
    main()
