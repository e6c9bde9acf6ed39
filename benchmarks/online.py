"""Plans that follow the load, on recorded traffic: `python benchmarks/online.py --data DIR [--write]`.

Whole days of Twitter's and NASA's arrivals, time-warped to a simulated host, in windows. Before each window a policy
chooses the plan. `--write` puts the tables into docs/reproductions/online.md. Same seed, same numbers, on any machine.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from online_hosts import RECORDINGS, SEEN_S, Bench, Host, Recording, bench_of, day_before, plan_of, recorded_s, traffic
from online_page import page

from tailrank.core import Plan, Trace
from tailrank.tuner import (
    Account,
    Controlled,
    Controller,
    Foresight,
    Habits,
    PlanTable,
    Policy,
    account,
    label,
    static_baseline,
    window_loads,
)
from tailrank.workload import Production

PAGE = Path(__file__).parents[1] / "docs" / "reproductions" / "online.md"
CASES = (("dien", "skylake-40c"), ("wnd", "skylake-40c"), ("rmc1", "skylake-40c"), ("wnd", "skylake-40c+t4"))
PEAK = 0.9  # of the highest capacity of any plan: where the busiest window of a trace lies
WINDOW_S = 0.2  # after which the controller may change the plan
SLOWER = 1.15  # the machine of the second experiment, against what the tables believe
TRUSTING = Habits(distrust=1.0)  # never learns from a measured tail


def served(
    host: Host, trace: Trace, policy: Policy, plan: Plan, factor: float = 1.0, window_s: float = WINDOW_S
) -> Account:
    controlled = Controlled(host.simulator(7, factor), policy, host.target, window_s=window_s)
    return account(controlled.serve(trace, plan), host.target, window_s=SEEN_S, power=host.power)


def kept(host: Host, trace: Trace, plan: Plan, factor: float = 1.0) -> Account:
    """Serve everything under one plan: the same as with a policy that never changes it, at a third of the time."""
    records = host.simulator(7, factor).serve(trace, plan)
    return account(records, host.target, window_s=SEEN_S, power=host.power)


def statics(tail: PlanTable, peak: Plan) -> list[Plan]:
    """Return the plans among which the best in hindsight is looked for: those of the table, and sizes around."""
    found = [*tail.plans, peak]
    at = peak.stages[0].offload_at
    found += [plan_of(peak.stages[0].model, peak.pools, size, at) for size in (64, 96, 128, 192, 256)]
    return list({repr(plan): plan for plan in found}.values())


def compared(host: Host, trace: Trace, tail: PlanTable, frugal: PlanTable, peak: Plan) -> dict[str, Account]:
    """Serve the whole trace under every policy."""
    mean, single = tail.row(trace.offered_qps).plan, tail.single or peak
    split = static_baseline(host.network, Production().max_size, peak.pools["cpu"].workers).stages[0].batch_size
    papers = plan_of(host.network, peak.pools, split, None)
    found = {
        f"static, the paper's split ({label(papers)})": kept(host, trace, papers),
        "static, for the peak": kept(host, trace, peak),
        "static, for the mean": kept(host, trace, mean),
        "static, best the day before": kept(host, trace, single),
    }
    tried = [(plan, kept(host, trace, plan)) for plan in statics(tail, peak)]
    best, how = min(tried, key=lambda each: each[1].tail_ms)
    found[f"static, best in hindsight ({label(best)})"] = how
    loads = window_loads(trace, WINDOW_S)
    for name, table in (("lowest tail", tail), ("least power", frugal)):
        start = table.single or table.rows[-1].plan
        found[f"online, {name}"] = served(host, trace, Controller(table), start)
        found[f"oracle, {name}"] = served(host, trace, Foresight(table, loads), start)
    found["online, lowest tail, windows of 2 s"] = served(host, trace, Controller(tail), single, window_s=2.0)
    return found


def misled(host: Host, trace: Trace, tail: PlanTable, peak: Plan) -> dict[str, Account]:
    """Serve on a machine that is slower than the table believes."""
    single = tail.single or peak
    return {
        "static, for the peak": kept(host, trace, peak, SLOWER),
        "static, best the day before": kept(host, trace, single, SLOWER),
        "online, table only": served(host, trace, Controller(tail, TRUSTING), single, SLOWER),
        "online, corrected by the measured tail": served(host, trace, Controller(tail), single, SLOWER),
    }


def rows_of(found: Mapping[str, Account]) -> list[dict[str, Any]]:
    reference = found["static, for the peak"]
    return [
        {
            "policy": name,
            **asdict(each),
            "late_window_share": each.late_window_share,
            "late_query_share": each.late_query_share,
            "energy_against_peak": (each.energy_j or 0.0) / (reference.energy_j or 1.0) - 1,
        }
        for name, each in found.items()
    ]


def part_of(bench: Bench, recording: Recording, folder: Path, seed: int) -> dict[str, Any]:
    """Serve the days of one recording on one host."""
    host = bench.host
    trace = traffic(recording, folder, PEAK * bench.most_qps, seed)
    loads = window_loads(trace, SEEN_S)[:-1]
    seen = day_before(recording, folder, trace)
    tail, frugal = bench.tail(seen), bench.frugal()
    peak = bench.tail([max(loads)]).row(max(loads)).plan  # as if the day were its peak
    return {
        "recording": recording.name,
        "days": recording.days[1] - recording.days[0],
        "queries": len(trace),
        "windows": len(loads) + 1,
        "mean_qps": trace.offered_qps,
        "peak_qps": max(loads),
        "peak_before_qps": max(seen),
        "peak_plan": label(peak),
        "mean_plan": label(tail.row(trace.offered_qps).plan),
        "single_plan": label(tail.single or peak),
        "recorded_s_in_a_second": recorded_s(recording, trace),
        "plans": plans_of(tail),
        "rows": rows_of(compared(host, trace, tail, frugal, peak)),
        "slower": rows_of(misled(host, trace, tail, peak)),
    }


def plans_of(table: PlanTable) -> list[dict[str, Any]]:
    """Return the rows of a table, rows of one plan as one."""
    found: list[dict[str, Any]] = []
    for row in table.rows:
        told = {"up_to_qps": row.qps, "plan": label(row.plan), "p95_ms": row.tail_ms}
        if found and found[-1]["plan"] == told["plan"]:
            found[-1] = told
        else:
            found.append(told)
    return found


def case_of(network: str, name: str, recordings: Sequence[Recording], folder: Path, seed: int, *, quick: bool) -> Any:
    bench = bench_of(network, name, seed, quick=quick)
    return {
        "network": network,
        "host": name,
        "target_ms": bench.host.target.latency_ms,
        "capacity_qps": bench.most_qps,
        "parts": [part_of(bench, recording, folder, seed) for recording in recordings],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("TAILRANK_DATA"), help="folder with arrivals/")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    parser.add_argument("--quick", action="store_true", help="the first case, with a coarser table")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    if given.data is None or not (Path(given.data) / "arrivals").is_dir():
        print("skipped: give --data, or set TAILRANK_DATA to the folder that has arrivals/ with the recordings")
        return
    began = time.perf_counter()
    cases = CASES[:1] if given.quick else CASES
    networks, hosts = zip(*cases, strict=True)
    work = partial(case_of, recordings=RECORDINGS, folder=Path(given.data), seed=given.seed, quick=given.quick)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as workers:
        result = {
            "peak": PEAK,
            "window_s": WINDOW_S,
            "account_s": SEEN_S,
            "slower": SLOWER,
            "thinned": {each.name: each.share for each in RECORDINGS if each.share < 1},
            "cases": list(workers.map(work, networks, hosts)),
        }
    text = page(result)
    if given.write:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    print(json.dumps(result) if given.json else text)
    if not given.json:
        print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
