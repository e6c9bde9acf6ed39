"""How long a search takes on the simulator, and what it finds: `python benchmarks/tuner.py [--json]`.

Wall time is the median of interleaved rounds on this machine; gains are those of the modelled devices.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time
from typing import NamedTuple

import numpy as np

from tailrank.core import Plan, Trace, stream
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import LinearTime
from tailrank.tuner import Replication, Search, batch_sizes, capacity, climb, label, speedup, static_baseline

LARGEST = 1000


class Case(NamedTuple):
    """A pool of workers whose pass costs `fixed_us` and `item_us` for each candidate, and a target."""

    name: str
    workers: int
    fixed_us: float
    item_us: float
    target_ms: float


CASES = (
    Case("batching pays, 4 workers", 4, 1000, 20, 25),
    Case("batching pays, 40 workers", 40, 1000, 20, 25),
    Case("batching cannot pay, 4 workers", 4, 0, 20, 25),
)


def poisson(seed: int, queries: int) -> Trace:
    gaps = stream(seed, "arrivals").exponential(1e6, queries)
    sizes = np.clip(np.rint(stream(seed, "sizes").lognormal(5.1, 0.9, queries)), 1, LARGEST)
    return Trace(np.cumsum(gaps).astype(np.int64), sizes.astype(np.int64))


def tune(case: Case, replications: int, queries: int, slices: int) -> tuple[Search, Plan]:
    services = {("m", "cpu"): LinearTime(case.fixed_us * 1e3, case.item_us * 1e3)}
    repeated = [
        Replication(Simulator(services, seed=each, detail=False), poisson(each, queries))
        for each in range(replications)
    ]
    baseline = static_baseline("m", LARGEST, case.workers)
    goal = SLATarget(latency_ms=case.target_ms)
    sizes = batch_sizes(LARGEST, baseline.stages[0].batch_size)
    return climb(lambda plan: capacity(repeated, plan, goal, slices=slices), baseline, batches=sizes), baseline


def row(case: Case, search: Search, baseline: Plan, seconds: float) -> dict[str, object]:
    reference = search.find(baseline)
    assert reference is not None
    gain = speedup(search.best.capacity, reference.capacity)
    probes = sum(each.capacity.probes for each in search.candidates)
    return {
        "case": case.name,
        "seconds": round(seconds, 2),
        "plans": len(search.candidates),
        "probes": probes,
        "probes_per_capacity": round(probes / len(search.candidates) / len(search.best.capacity.per_replication), 1),
        "best": label(search.best.plan),
        "best_qps": round(search.best.capacity.qps, 1),
        "over_baseline": [round(each, 3) for each in gain],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--replications", type=int, default=5)
    parser.add_argument("--queries", type=int, default=20_000, help="of a replication")
    parser.add_argument("--slices", type=int, default=500_000, help="of a run, at most")
    given = parser.parse_args()
    effort = (given.replications, given.queries, given.slices)
    for case in CASES:
        tune(case, 2, 2000, 20_000)  # compiles the kernels
    taken: dict[str, list[float]] = {case.name: [] for case in CASES}
    found: dict[str, tuple[Search, Plan]] = {}
    for _ in range(given.rounds):
        for case in CASES:
            begin = time.perf_counter()
            found[case.name] = tune(case, *effort)
            taken[case.name].append(time.perf_counter() - begin)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    result = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": commit.stdout.strip(),
        "rounds": given.rounds,
        "replications, queries, slices": effort,
        "rows": [row(case, *found[case.name], statistics.median(taken[case.name])) for case in CASES],
    }
    if given.json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        if key != "rows":
            print(f"{key}: {value}")
    for each in result["rows"]:
        print(each)


if __name__ == "__main__":
    main()
