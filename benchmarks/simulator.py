"""Speed of the simulator: slices a second of both kernels, beside SimPy, on one trace.

Run `python benchmarks/simulator.py [--json] [--queries N] [--rounds N]` on an idle machine. Rounds visit every
configuration in turn, and the median of the rounds is given, so drift of the machine falls on all alike.
Times are processor time of this process. Before anything is timed the kernels are compiled, and their finish
times are compared with each other and with SimPy's on the short trace that the slow ones get.
"""

import argparse
import functools
import itertools
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import simpy

from tailrank.core import Plan, Pool, Stage, Trace, single, stream
from tailrank.scheduler import split
from tailrank.simulator import Simulator, warm
from tailrank.timing import BUCKETS, QUANTILES, Overheads, ServiceTable

BATCH, FIXED_NS, ITEM_NS = 64, 300_000, 20_000


class Noisy:
    """300 microseconds a batch and 20 an item, with lognormal noise of 10 % and no contention."""

    def table(self, max_items: int, workers: int) -> ServiceTable:
        mean = FIXED_NS + ITEM_NS * np.arange(max_items + 1.0)
        noise = stream(0, "noise").lognormal(-0.005, 0.1, (BUCKETS, QUANTILES))
        return ServiceTable(np.tile(mean, (workers, 1)), noise)


def trace_of(queries: int, workers: int, rho: float) -> Trace:
    """Poisson arrivals of heavy-tailed queries that load `workers` workers to `rho`."""
    drawn = stream(0, "sizes").lognormal(np.log(60), 1.1, queries)
    size = np.clip(np.rint(drawn), 1, 1000).astype(np.int64)
    work_ns = np.sum(-(-size // BATCH) * FIXED_NS + size * ITEM_NS)
    gaps = stream(0, "arrivals").exponential(work_ns / queries / workers / rho, queries)
    return Trace(np.cumsum(gaps).astype(np.int64), size)


def simpy_finish(trace: Trace, plan: Plan, took: list[int]) -> list[int]:
    """Serve the first stage of `plan` in SimPy: one process a query and one a slice."""
    world, stage = simpy.Environment(), plan.stages[0]
    pool = simpy.Resource(world, plan.pools[stage.pool].workers)
    times, finish = iter(took), [0] * len(trace)

    def one_slice(time_ns: int) -> Generator[Any, Any, Any]:
        with pool.request() as turn:
            yield turn
            yield world.timeout(time_ns)

    def source() -> Generator[Any, Any, Any]:
        for query in trace:
            yield world.timeout(query.arrival_ns - world.now)
            pieces = [world.process(one_slice(next(times))) for _ in split(query.number, query.size, stage, 0)]
            simpy.AllOf(world, pieces).callbacks.append(functools.partial(note, query.number))

    def note(number: int, _: Any) -> None:
        finish[number] = int(world.now)

    world.process(source())
    world.run()
    return finish


def timed(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def medians(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each piece of work over interleaved rounds, the first round not counted."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            seen[name].append(timed(work))
    return {name: statistics.median(times[1:]) for name, times in seen.items()}


def one_stage(queries: int, rounds: int) -> list[dict[str, float]]:
    """Measure the compiled kernel over workers and load, with and without slices in the records."""
    works: dict[str, Callable[[], Any]] = {}
    rows: list[dict[str, Any]] = []
    for workers, rho, detail in itertools.product((2, 16, 40), (0.7, 0.9), (False, True)):
        trace, plan = trace_of(queries, workers, rho), single("m", batch_size=BATCH, workers=workers)
        simulator = Simulator({("m", "cpu"): Noisy()}, detail=detail)
        slices = simulator.serve(trace, plan).meta["slices"]
        works[str(len(rows))] = functools.partial(simulator.serve, trace, plan)
        rows.append({"workers": workers, "rho": rho, "detail": detail, "queries": queries, "slices": int(slices)})
    for name, seconds in medians(works, rounds).items():
        rows[int(name)]["slices_per_s"] = rows[int(name)]["slices"] / seconds
    return rows


def funnel(queries: int, rounds: int) -> dict[str, float]:
    """Measure two stages with a pool each: stage by stage, and in the order of time, as a dispatcher of 1 ns asks."""
    stages = (Stage(model="m", batch_size=BATCH, keep=50), Stage(model="m", batch_size=BATCH, pool="second"))
    plan = Plan(stages=stages, pools={"cpu": Pool(workers=16), "second": Pool(workers=16)})
    trace = trace_of(queries, 16, 0.8)
    services = {("m", pool): Noisy() for pool in plan.pools}
    apart, by_time = (Simulator(services, overheads=Overheads(query_ns=ns), detail=False) for ns in (0, 1))
    slices = apart.serve(trace, plan).meta["slices"]
    seconds = medians(
        {"apart": lambda: apart.serve(trace, plan), "by_time": lambda: by_time.serve(trace, plan)}, rounds
    )
    return {"slices_per_s": slices / seconds["apart"], "by_time_slices_per_s": slices / seconds["by_time"]}


def against(queries: int, rounds: int) -> dict[str, float]:
    """Measure both kernels and SimPy on one trace, after checking that they agree."""
    trace, plan = trace_of(queries, 16, 0.8), single("m", batch_size=BATCH, workers=16)
    fast, plain = (Simulator({("m", "cpu"): Noisy()}, kernel=kernel) for kernel in ("compiled", "reference"))
    records = fast.serve(trace, plan)
    took = records.slices.service_ns.tolist()
    if not np.array_equal(records.finish_ns, plain.serve(trace, plan).finish_ns):
        raise SystemExit("the kernels disagree")
    if records.finish_ns.tolist() != simpy_finish(trace, plan, took):
        raise SystemExit("SimPy disagrees")
    works: dict[str, Callable[[], Any]] = {
        "compiled": lambda: fast.serve(trace, plan),
        "reference": lambda: plain.serve(trace, plan),
        "simpy": lambda: simpy_finish(trace, plan, took),
    }
    seconds = medians(works, rounds)
    found: dict[str, float] = {f"{name}_slices_per_s": len(took) / each for name, each in seconds.items()}
    return found | {
        "queries": queries,
        "times_simpy": seconds["simpy"] / seconds["compiled"],
        "times_reference": seconds["reference"] / seconds["compiled"],
    }


def commit() -> str:
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON document")
    arguments.add_argument("--queries", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    warm()
    found: dict[str, Any] = {
        "benchmark": "simulator",
        "commit": commit(),
        "machine": {"processor": platform.processor() or platform.machine(), "python": platform.python_version()},
        "rounds": given.rounds,
        "one_stage": one_stage(given.queries, given.rounds),
        "two_stages": funnel(given.queries, given.rounds),
        "against": against(max(1000, given.queries // 50), given.rounds),
    }
    if given.json:
        json.dump(found, sys.stdout, indent=1)
        print()
        return
    for row in found["one_stage"]:
        print("c={workers:<3} rho={rho} detail={detail!s:<5} {slices_per_s:14,.0f} slices/s".format(**row))
    print("two stages, c=16 each        {slices_per_s:14,.0f} slices/s".format(**found["two_stages"]))
    print("the same in order of time    {by_time_slices_per_s:14,.0f} slices/s".format(**found["two_stages"]))
    print("against SimPy {times_simpy:.0f} x, the reference {times_reference:.0f} x".format(**found["against"]))


if __name__ == "__main__":
    main()
