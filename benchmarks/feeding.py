"""What feeding stages early does to latency, simulated: plans alike but for `feed`, at rising load.

    python benchmarks/feeding.py [--queries 20000] [--json]

Queries of 4,096 candidates, of which the first stage keeps 512, in 4 slices (RecPipe's example) or 16; as many in the
second stage. Two pools of workers that take a fixed time a batch and a time an item, give or take a factor (lognormal).
Latency in milliseconds; `scored` is how many candidates the second stage scores of each query. Service times are
assumed, not measured: what they are decides what wins.
"""

import argparse
import json
from dataclasses import dataclass

import numpy as np

from tailrank.core import Plan, Pool, Stage, Trace, stream
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime, ServiceTable, noise_table

CANDIDATES, KEEP = 4096, 512
LOADS = (0.05, 0.3, 0.6, 0.8)
SHAPES = ((4, 4, 4), (4, 2, 4), (16, 16, 16), (16, 4, 16))  # slices, workers in front, workers behind


@dataclass(frozen=True)
class Varied:
    """Times of `steady` that vary by lognormal factors."""

    steady: LinearTime
    sigma: float

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        factors = stream(0, "noise").lognormal(0, self.sigma, 100_000)
        noise = noise_table(np.ones(len(factors), np.int64), factors)
        return ServiceTable(self.steady.table(max_items, workers).mean_ns, noise)


FRONT, BACK = LinearTime(50_000, 1_000), LinearTime(50_000, 8_000)


def plan_of(feed: str, slices: int, front: int, back: int) -> Plan:
    """Return two stages that feed so."""
    stages = (
        Stage(model="front", batch_size=CANDIDATES // slices, keep=KEEP, feed=feed),  # type: ignore[arg-type]
        Stage(model="back", batch_size=KEEP // slices, pool="back"),
    )
    return Plan(stages=stages, pools={"cpu": Pool(workers=front), "back": Pool(workers=back)})


def most_qps(slices: int, front: int, back: int) -> float:
    """Return what the busier pool can do."""
    busy = (
        (slices * FRONT.fixed_ns + CANDIDATES * FRONT.item_ns) / front,
        (slices * BACK.fixed_ns + KEEP * BACK.item_ns) / back,
    )
    return 1e9 / max(busy)


def measure(queries: int, sigma: float) -> list[dict[str, float | str]]:
    """Simulate every plan at every load, a part of what the plan that feeds whole could do."""
    found: list[dict[str, float | str]] = []
    simulator = Simulator({("front", "cpu"): Varied(FRONT, sigma), ("back", "back"): Varied(BACK, sigma)})
    gaps = stream(0, "arrivals").exponential(1.0, queries)
    for shape in SHAPES:
        for load in LOADS:
            arrival_ns = np.cumsum(gaps * 1e9 / (load * most_qps(*shape))).astype(np.int64)
            trace = Trace(arrival_ns, np.full(queries, CANDIDATES))
            for feed in ("whole", "share", "exact"):
                records = simulator.serve(trace, plan_of(feed, *shape))
                p50, p95 = np.percentile(records.latency_ns / 1e6, (50, 95)).round(3).tolist()
                scored = records.slices.size[records.slices.stage == 1].sum() / queries
                plan = "{} slices on {}+{}".format(*shape)
                found.append({"plan": plan, "load": load, "feed": feed, "p50": p50, "p95": p95, "scored": scored})
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--sigma", type=float, default=0.2, help="how much batches of a size differ in time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.queries, options.sigma)
    if options.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print("{plan:>20} {load:5.2f} {feed:>6}  p50 {p50:8.3f}  p95 {p95:8.3f}  scored {scored:6.1f}".format(**row))


if __name__ == "__main__":
    main()
