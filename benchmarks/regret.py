"""What the climbs lose against trying every plan, in each cell of the study; writes docs/reproductions/regret.md.

    python benchmarks/regret.py [--quick] [--networks rmc1 din] [--ray [ADDRESS]] [--resume DIR] [--out FILE]

A cell is a network, a target and a host, with its GPU left alone (`cpu`) or used (`gpu`). Its grid holds every batch
size 1, 2, 3, 4, 6, ..., 1024, for `gpu` each with every threshold 32, 64, ..., 992 and without offload. Service times
are the rooflines', so the answer does not depend on the machine that computes it; seconds do.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from tailrank import zoo
from tailrank.cli.budget import DEFAULT, QUICK
from tailrank.cli.climbing import Question, effort, repetitions
from tailrank.cluster import sweep
from tailrank.core import InfeasibleError, Plan
from tailrank.core.files import write_text
from tailrank.metrics import Interval, SLATarget
from tailrank.timing import parse_host, services
from tailrank.tuner import (
    Candidate,
    Capacity,
    Exhausted,
    Regret,
    Replication,
    Search,
    batch_sizes,
    capacity,
    climb,
    exhaust,
    fresh_ratio,
    full_batches,
    full_thresholds,
    joint_climb,
    label,
    offload_thresholds,
    plan_grid,
    regret,
    static_baseline,
)
from tailrank.tuner.bounds import Bounds
from tailrank.tuner.column import run_column
from tailrank.tuner.readings import QUICK as FEW
from tailrank.tuner.study import CellResult, Column
from tailrank.workload import Workload

NETWORKS = ("ncf", "wnd", "mtwnd", "rmc1", "rmc2", "rmc3", "din", "dien")  # as docs/eight-networks.md has them
TARGETS = {"low": 0.5, "medium": 1.0, "high": 1.5}  # of the network's own target
HOSTS, GPU, GPU_WORKERS = ("broadwell-28c", "skylake-40c"), "gtx-1080ti", 1
FRESH = range(100, 103)  # repetitions that chose no plan
LOSS = 0.01  # regret above this is worth a line of its own
MOST_NAMED = 6
TENTH = 10  # a climb may measure one in so many of the grid's plans
SETTLED = ("known", "measured", "refused", "bounded", "audited", "probes")
WAYS = {"study": "the study's search", "climb": "the sequential climb", "joint": "the joint climb after it"}


class Cell(NamedTuple):
    """One network on one host, at every target."""

    network: str
    host: str
    targets: tuple[str, ...]
    seed: int
    quick: bool


class World(NamedTuple):
    """A network, a host and a target made ready: who is asked, with what effort."""

    asked: Question
    plan: Plan
    replications: list[Replication]
    slices: int
    bounds: Bounds

    @property
    def largest(self) -> int:
        return self.asked.workload.sizes.max_size

    def capacity_of(self, plan: Plan) -> Capacity:
        return capacity(self.replications, plan, self.asked.target, slices=self.slices)

    def bound(self, plan: Plan) -> float:
        late = self.bounds.least_ms(plan, self.asked.target) > self.asked.target.latency_ms
        return 0.0 if late else self.bounds.most_qps(plan)


def searched(candidates: Iterable[Candidate]) -> Search:
    """Return candidates as one search; each plan once."""
    distinct = tuple({repr(each.plan): each for each in candidates}.values())
    return Search(max(distinct, key=lambda each: each.capacity.qps), distinct)


def world_of(cell: Cell, target: str) -> World:
    network, host, workload = zoo.get(cell.network), parse_host(f"{cell.host}+{GPU}"), Workload()
    host.check(network)
    found, pools = services(network, host), host.pools(gpu_workers=GPU_WORKERS)
    times = {pool: found[network.name, pool] for pool in pools}
    goal = SLATarget(latency_ms=network.sla_ms * TARGETS[target])
    asked = Question(network.name, pools, times, workload, goal, seed=cell.seed)
    largest = workload.sizes.max_size
    plan = replace(static_baseline(network.name, largest, host.cores), pools=pools)
    budget = (QUICK if cell.quick else DEFAULT)._replace(replications=2 if cell.quick else 3, queries=10_000)
    queries, slices = effort(asked, plan, offload_thresholds(largest), budget)
    replications = repetitions(asked, queries, range(budget.replications))
    workers = {name: pool.workers for name, pool in pools.items()}
    return World(asked, plan, replications, slices, Bounds(replications[0].trace.size, times, workers))


def measure(cell: Cell) -> list[dict[str, Any]]:
    """Return two rows a target: with the GPU left alone, and with it."""
    column = Column(network=cell.network, host=cell.host, gpu=GPU, seed=cell.seed, extras=("regret",))
    study = run_column(replace(column, effort=FEW) if cell.quick else column).cells
    return [row for target in cell.targets for row in rows_of(cell, target, study)]


def rows_of(cell: Cell, target: str, study: Sequence[CellResult]) -> list[dict[str, Any]]:
    world = world_of(cell, target)
    same = {"network": cell.network, "target": target, "sla_ms": world.asked.target.latency_ms, "host": cell.host}
    cpu, gpu = ({**same, "scheduler": name} for name in ("cpu", "gpu"))
    own = {each.scheduler: each.regret for each in study if each.target == target}
    chosen = {name: {} if one is None else {"study": ways_of(one)} for name, one in own.items()}
    began = time.perf_counter()
    sizes = batch_sizes(world.largest, world.plan.stages[0].batch_size)
    thresholds = offload_thresholds(world.largest)
    try:
        first = climb(world.capacity_of, world.plan, batches=sizes, thresholds=thresholds, offload_pool="gpu")
    except InfeasibleError as error:
        return [cpu | {"infeasible": error.message}, gpu | {"infeasible": error.message}]
    alone = searched(each for each in first.candidates if each.plan.stages[0].offload_at is None)
    if alone.best.capacity.met:
        grid = plan_grid(world.plan, full_batches())
        cpu |= compared(world, grid, {"climb": alone}, chosen["cpu"])
    else:
        cpu |= {"infeasible": "no plan without offload meets the target"}
    gpu |= on_both(world, first, chosen["gpu"]) | {"seconds": time.perf_counter() - began}
    return [cpu, gpu]


def on_both(world: World, first: Search, study: dict[str, Any]) -> dict[str, Any]:
    batches, thresholds = full_batches(), full_thresholds(world.largest)
    grid = plan_grid(world.plan, batches, thresholds, pool="gpu")
    after = joint_climb(
        world.capacity_of,
        world.plan,
        batches=batches,
        thresholds=thresholds,
        offload_pool="gpu",
        first=first,
        budget=max(len(grid) // TENTH, len(first.candidates)),
    )
    one = plan_grid(world.plan, (first.best.plan.stages[0].batch_size,), thresholds, pool="gpu")
    settled = exhaust(world.replications, one, world.asked.target, first=first, slices=world.slices, bound=world.bound)
    found = compared(world, grid, {"climb": first, "joint": after}, study)
    return found | {"threshold_alone": regret(first, settled).regret}


def compared(world: World, grid: list[Plan], ways: Mapping[str, Search], study: dict[str, Any]) -> dict[str, Any]:
    """Return the best of `grid` and of all `ways`, and what each way lost against it; the study has its own best."""
    every = searched(each for found in ways.values() for each in found.candidates)
    exhausted = exhaust(
        world.replications, grid, world.asked.target, first=every, slices=world.slices, bound=world.bound
    )
    return {
        "best_plan": label(exhausted.best.plan),
        "best_qps": exhausted.best.capacity.qps,
        "grid": exhausted.plans,
        "settled": {name: getattr(exhausted, name) for name in SETTLED},
        "ways": study | {name: lost(world, found, exhausted) for name, found in ways.items()},
    }


def lost(world: World, found: Search, exhausted: Exhausted) -> dict[str, Any]:
    queries = len(world.replications[0].trace)

    def fresh(best: Plan) -> Interval:
        others = repetitions(world.asked, queries, FRESH)
        return fresh_ratio(others, found.best.plan, best, world.asked.target, slices=world.slices)

    return ways_of(regret(found, exhausted, fresh=fresh))


def ways_of(one: Regret) -> dict[str, Any]:
    at = "" if one.climb_offload_at is None else f", offload from {one.climb_offload_at}"
    return {
        "plan": f"batch size {one.climb_batch_size}{at}",
        "qps": one.climb_qps,
        "regret": one.regret,
        "fresh": None if one.fresh is None else list(one.fresh),
        "plans": one.evaluations,
        "grid": one.exhaustive,
    }


def per_cent(value: float) -> str:
    return f"{100 * value + 0.0:.2f}"


def fresh_words(interval: Sequence[float] | None) -> str:
    return "same plan" if interval is None else f"{interval[0]:.3f} ({interval[1]:.3f} to {interval[2]:.3f})"


HEADER = (
    *("network", "target", "SLA p95, ms", "host", "GPU"),
    *("study's plan", "regret, %", "on fresh queries, study over best", "plans served"),
    *("best on the climbs' queries", "qps", "climb's plan", "regret, %", "joint climb's, %"),
    *("plans measured: climb", "and joint", "of"),
)


def line(row: dict[str, Any]) -> str:
    cells = [row["network"], row["target"], f"{row['sla_ms']:g}", row["host"]]
    cells += ["used" if row["scheduler"] == "gpu" else "left alone"]
    if "infeasible" in row:
        cells += ["no plan meets the target", *[""] * (len(HEADER) - 6)]
        return f"| {' | '.join(cells)} |"
    study, climbed, joint = (row["ways"].get(name) for name in WAYS)
    cells += [""] * 4 if study is None else [study["plan"], per_cent(study["regret"])]
    cells += [] if study is None else [fresh_words(study["fresh"]), f"{study['plans']} of {study['grid']}"]
    cells += [row["best_plan"], f"{row['best_qps']:.4g}"]
    cells += [climbed["plan"], per_cent(climbed["regret"]), "" if joint is None else per_cent(joint["regret"])]
    cells += [f"{climbed['plans']}", "" if joint is None else f"{joint['plans']}", f"{row['grid']}"]
    return f"| {' | '.join(cells)} |"


def place(row: dict[str, Any]) -> str:
    return f"{row['network']} {row['target']} on {row['host']}{' with the GPU' if row['scheduler'] == 'gpu' else ''}"


def places(rows: Sequence[dict[str, Any]]) -> str:
    shown = [place(row) for row in rows[:MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else "")


def finding(way: str, rows: Sequence[dict[str, Any]]) -> str:
    """Say what a way loses at most, where, in how many cells it matters, and whether fresh queries confirm it."""
    here = [row for row in rows if way in row.get("ways", {})]
    worst = max(here, key=lambda row: row["ways"][way]["regret"])
    losing = [row for row in here if row["ways"][way]["regret"] > LOSS]
    sure = [row for row in losing if (fresh := row["ways"][way]["fresh"]) is not None and fresh[2] < 1]
    words = f"- {WAYS[way].capitalize()}: at most {per_cent(worst['ways'][way]['regret'])} % ({place(worst)}); "
    words += f"more than {100 * LOSS:g} % in {len(losing)} of {len(here)} cells"
    if losing:
        words += f" ({places(losing)}); on fresh queries its plan is surely the worse one in {len(sure)} of these"
    return f"{words}."


def summary(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return the findings as sentences of a list; every number is of the rows."""
    solved = [row for row in rows if "infeasible" not in row]
    both = [row for row in solved if row["scheduler"] == "gpu"]
    grid, probes = sum(row["grid"] for row in solved), sum(row["settled"]["probes"] for row in solved)
    shares = [row["ways"][name]["plans"] / row["grid"] for row in both for name in ("climb", "joint")]
    own = [each["plans"] / each["grid"] for row in both if (each := row["ways"].get("study"))]
    alone = max(row["threshold_alone"] for row in both)
    audited, bounded = (sum(row["settled"][name] for row in solved) for name in ("audited", "bounded"))
    plain = max((row for row in solved if row["scheduler"] == "cpu"), key=lambda row: row["ways"]["climb"]["regret"])
    beside = per_cent(plain["ways"]["climb"]["regret"])
    return [
        f"- {len(rows)} cells, {len(rows) - len(solved)} of them without any plan that meets the target.",
        *(finding(way, solved) for way in WAYS),
        f"- With the GPU the study's search serves {100 * min(own):.1f} to {100 * max(own):.1f} % of its grid's plans.",
        f"- One knob alone: for the batch size, without the GPU, the climb loses at most {beside} % ({place(plain)}); "
        f"for the threshold, at the batch size that the sequential climb ended with, at most {per_cent(alone)} %: it "
        "tries powers of two up to 512 and their middles, and what a GPU of this size is worth lies between, or above.",
        f"- With the GPU the climbs measured {100 * min(shares):.1f} to {100 * max(shares):.1f} % of the grid's plans; "
        "without it the grid has 20 plans and the climb measures most of them.",
        f"- Settling all {grid:,} plans of the grids took {probes:,} runs of a trace: most plans miss the target just "
        f"above the best plan's capacity, and {bounded:,} could not do the work that arrives there or be in time with "
        f"no load at all; {audited:,} of these were tried all the same, and missed.",
    ]


def page(rows: Sequence[dict[str, Any]], words: str) -> str:
    lines = [
        "# What the climbs lose",
        "",
        f"Made by `{words}`. Simulated; service times are the rooflines' of the named devices, the GPU is a "
        f"{GPU} with one batch in flight.",
        "",
        "The grid of a cell holds every batch size 1, 2, 3, 4, 6, 8, ..., 1024, and with the GPU each of them with "
        "every offload threshold 32, 64, ..., 992 and without offload. *Regret* is one minus a plan's capacity over "
        "that of the best plan known, of the grid or off it. Capacities are found to 0.5 %, so less says nothing. The "
        "best of hundreds owes something to the queries it was chosen on; *fresh queries* chose neither plan. The "
        "study's search (`tailrank reproduce deeprecsys`) is judged as the study itself does, on the queries that it "
        "chose by: two races on one trace, then uphill over both knobs jointly on three repetitions; its grid has the "
        "threshold 1, too. The *climbs* beside it are measured on queries of their own, whose sizes are independent: "
        "the published one, batch size first, over powers of two and the middles beside the best, and the joint one "
        "after it. `tailrank tune` climbs jointly where there is a GPU; where there is none it measures every batch "
        "size of the grid (with `--quick`: powers of two).",
        "",
        *summary(rows),
        "",
        f"| {' | '.join(HEADER)} |",
        f"|{'---|' * len(HEADER)}",
        *map(line, rows),
        "",
    ]
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short runs, two repetitions, the medium target only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--workers-local", type=int, help="processes (default: one a core)")
    parser.add_argument("--ray", nargs="?", const="auto", help="run the cells on a Ray cluster")
    parser.add_argument("--resume", type=Path, help="keep finished cells there, and take from there what still holds")
    parser.add_argument("--out", type=Path, default=Path("docs/reproductions/regret.md"))
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    targets = ("medium",) if given.quick else tuple(TARGETS)
    cells = [Cell(network, host, targets, given.seed, given.quick) for network in given.networks for host in HOSTS]

    def told(done: int, total: int, cell: str) -> None:
        print(f"{done}/{total} {cell}", file=sys.stderr, flush=True)

    found = sweep(
        measure,
        cells,
        workers=given.workers_local,
        ray=given.ray,
        out=given.resume,
        progress=told,
        label=lambda cell: f"{cell.network} on {cell.host}",
    )
    rows = [row for each in found for row in each]
    if given.json is not None:
        write_text(given.json, json.dumps(rows, indent=1) + "\n")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write_text(given.out, page(rows, f"python benchmarks/regret.py{' --quick' if given.quick else ''}"))
    print("\n".join(summary(rows)))


if __name__ == "__main__":
    main()
