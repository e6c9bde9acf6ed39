"""How many funnels a second get their quality, from score tables of 1,000 queries x 4,096 candidates.

Run `python benchmarks/funnels.py [--json] [--queries N] [--items N] [--rounds N]` on an idle machine. Preparation (each
network's scores are sorted once) is measured apart. Three ways: `sweep` gives the mean NDCG@64 for *every* number of
items into the last stage; `means` that of funnels on a grid, as the explorer asks; `mean` that of one funnel at a time.
Every round visits all of them in turn, after one that does not count; given are the median and the quartiles of the
rounds. Before anything is timed, the three are held to each other and to a plain NumPy funnel on some queries. Rates
are a second on the wall, and a second of processor time (`per_core_s`), which a shared machine changes less; `cores`
says how many were busy on average.

`--shares` shows instead what a two-stage funnel loses where each slice of the first stage passes on its own share of
the items kept (`feed = "share"`): the NDCG@64 lost, in points, by number of slices and items kept.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tailrank.core import Plan, Pool, Stage, stream
from tailrank.metrics import FunnelQuality, ndcg_of_order, paired
from tailrank.scheduler import lay_out

TIERS = {"small": 1.0, "medium": 0.6, "large": 0.3}  # noise of each tier's scores, the true relevance having 1
RELEVANT, K = 0.04, 64
Funnel = tuple[tuple[str, ...], tuple[int, ...]]


def tables(queries: int, items: int) -> tuple[Any, Any, dict[str, Any]]:
    """Return planted score tables: `first`, labels and scores of three tiers that see the truth through noise."""
    chance = stream(0, "funnels")
    truth = chance.standard_normal((queries, items), np.float32)
    label = (truth > np.quantile(truth[: max(1, queries // 10)], 1 - RELEVANT)).astype(np.float32)
    noise = {name: chance.standard_normal(truth.shape, np.float32) * sigma for name, sigma in TIERS.items()}
    scores = {name: (truth + each).ravel().astype(np.float32) for name, each in noise.items()}
    return np.arange(queries + 1) * items, label.ravel(), scores


def grid(items: int) -> list[Funnel]:
    """Return one to three stages on an eighth-octave grid: every tier is followed by larger ones only."""
    counts = sorted({min(items, int(64 * 2 ** (step / 4))) for step in range(4 * 12)})
    into = [count for count in counts if count >= items // 4]
    names = list(TIERS)
    found: list[Funnel] = [((name,), (count,)) for name in names for count in into]
    for one, front in enumerate(names):
        for two in range(one + 1, len(names)):
            for first in into:
                some = [count for count in counts if count < first]
                found += [((front, names[two]), (first, count)) for count in some]
                for three in names[two + 1 :]:
                    found += [
                        ((front, names[two], three), (first, count, last))
                        for count in some
                        for last in counts
                        if last < count
                    ]
    return found


def check(quality: FunnelQuality, label: Any, scores: dict[str, Any], funnels: list[Funnel]) -> None:
    """Stop unless sweeps, many at once, one at a time, and NumPy by hand agree."""
    chosen = [funnels[at] for at in range(0, len(funnels), max(1, len(funnels) // 16))]
    many = quality.means(chosen)
    items = quality.candidates
    for (networks, counts), found in zip(chosen, many, strict=True):
        alone = quality.per_query(networks, counts)
        swept = quality.sweep(networks, counts[:-1])[counts[-1]]
        if not np.allclose([found, swept], np.nanmean(alone), rtol=0, atol=1e-12):
            raise SystemExit(f"{networks} {counts}: {found}, {swept} and {np.nanmean(alone)} disagree")
        for query in range(3):
            rows = slice(query * items, (query + 1) * items)
            inside = np.arange(counts[0])
            for network, count in zip(networks, (*counts[1:], items), strict=True):
                best = inside[np.argsort(-scores[network][rows][inside], kind="stable")[:count]]
                inside = best if network == networks[-1] else np.sort(best)
            if not np.isclose(float(ndcg_of_order(label[rows], inside, K)), alone[query], rtol=0, atol=1e-12):
                raise SystemExit(f"{networks} {counts}: query {query} disagrees with NumPy")


def timed(works: dict[str, tuple[int, Callable[[], Any]]], rounds: int) -> dict[str, dict[str, float]]:
    """Return funnels a second of each piece of work: quartiles over interleaved rounds."""
    walls: dict[str, list[float]] = {name: [] for name in works}
    cpus: dict[str, list[float]] = {name: [] for name in works}
    for counted in range(rounds + 1):
        for name, (_, work) in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            if counted:
                walls[name].append(time.perf_counter() - wall)
                cpus[name].append(time.process_time() - cpu)
    found = {}
    for name, (funnels, _) in works.items():
        row: dict[str, float] = {"funnels": funnels, "n": rounds}
        for key, seconds in (("per_s", walls[name]), ("per_core_s", cpus[name])):
            q1, median, q3 = np.percentile(funnels / np.array(seconds), [25, 50, 75]).tolist()
            row |= {key: median, f"{key}_q1": q1, f"{key}_q3": q3}
        found[name] = row | {"cores": float(np.median(np.array(cpus[name]) / np.array(walls[name])))}
    return found


def works_of(label: Any, scores: dict[str, Any], first: Any, funnels: list[Funnel]) -> dict[str, Any]:
    """Return what is timed: pairs of (funnels, work)."""
    one, all_ = (FunnelQuality(first, label, scores, k=K, threads=threads) for threads in (1, None))
    items = one.candidates
    check(one, label, scores, funnels)
    prefixes = [((front, last), (items,)) for front in TIERS for last in TIERS if front != last]
    prefixes += [(("small", "medium", "large"), (items, count)) for count in (items // 2, items // 8)]
    works: dict[str, Any] = {
        f"sweep {'-'.join(networks)} {counts}": (counts[-1], lambda n=networks, c=counts: one.sweep(n, c))
        for networks, counts in prefixes
    }
    works["means, one thread"] = len(funnels), lambda: one.means(funnels)
    works[f"means, {all_.threads} threads"] = len(funnels), lambda: all_.means(funnels)
    some = funnels[:: max(1, len(funnels) // 20)]
    works["mean, one at a time"] = len(some), lambda: [one.mean(*funnel) for funnel in some]
    return works


def shares_lost(first: Any, label: Any, scores: dict[str, Any]) -> list[dict[str, float]]:
    """Return what small-large loses by shares: points of NDCG@64 and the ends of the paired interval."""
    quality, funnel = FunnelQuality(first, label, scores, k=K), ("small", "large")
    items, found = quality.candidates, []
    for keep in (K, 2 * K, 4 * K, 8 * K):
        whole = quality.per_query(funnel, (items, keep))
        for slices in (2, 4, 8, 16, 32):
            stages = (
                Stage(model="small", batch_size=-(-items // slices), keep=keep, feed="share"),
                Stage(model="large", batch_size=K),
            )
            plan = Plan(stages=stages, pools={"cpu": Pool(workers=1)})
            shares = quality.per_query(
                funnel,
                (items, keep),
                shares=lambda size, p=plan: [(each.size, each.gives) for each in lay_out(p, size)],
            )
            lost = paired(100 * whole, 100 * shares, seed=0)
            row = {"keep": keep, "slices": slices, "ndcg": 100 * float(np.nanmean(whole)), "lost": lost.value}
            found.append(row | {"low": lost.low, "high": lost.high})
    return found


def commit() -> str:
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON document")
    arguments.add_argument("--queries", type=int, default=1000)
    arguments.add_argument("--items", type=int, default=4096)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--shares", action="store_true", help="what passing shares on costs in quality, instead")
    given = arguments.parse_args()
    first, label, scores = tables(given.queries, given.items)
    if given.shares:
        for row in shares_lost(first, label, scores):
            print(
                "keep {keep:<4} of {ndcg:.2f}: {slices:2} slices lose {lost:.3f} ({low:.3f} to {high:.3f})".format(
                    **row
                )
            )
        return
    funnels = grid(given.items)
    prepared = []
    for _ in range(3):
        begin = time.perf_counter()
        FunnelQuality(first, label, scores, k=K)
        prepared.append(time.perf_counter() - begin)
    found: dict[str, Any] = {
        "benchmark": "funnels",
        "commit": commit(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "load": os.getloadavg()[0],
            "python": platform.python_version(),
        },
        "queries": given.queries,
        "items": given.items,
        "prepare_s": sorted(prepared)[1],
        "grid": len(funnels),
        "funnels_per_s": timed(works_of(label, scores, first, funnels), given.rounds),
    }
    if given.json:
        json.dump(found, sys.stdout, indent=1)
        print()
        return
    print(
        f"{given.queries} queries x {given.items}, prepared in {found['prepare_s']:.2f} s;"
        f" {found['grid']} funnels on the grid"
    )
    for name, row in found["funnels_per_s"].items():
        shown = "{per_s:10,.0f} a second ({per_s_q1:,.0f} to {per_s_q3:,.0f}), {cores:.1f} cores busy".format(**row)
        core = "{per_core_s:10,.0f} a core and second ({per_core_s_q1:,.0f} to {per_core_s_q3:,.0f})".format(**row)
        print(f"{name:40} {shown:60} {core}")


if __name__ == "__main__":
    main()
