"""A small queue in plain Python, and a realistic result document made from what it does."""

import copy
import heapq
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tailrank.core import Records, SliceRecords, stream

WORKERS, BATCHES = 2, (1, 4, 16, 64, 128, 256, 384, 512, 1024)


def service_ns(items: int, busy: int = WORKERS) -> int:
    return int((60_000 + 13_000 * items) * (1.0 if busy == 1 else 1.12))


def serve(qps: float, batch_size: int, queries: int, *, seed: int = 1, slower: float = 1.0) -> Records:
    """First in, first out over `WORKERS` workers; a dispatcher that takes 30 us per query."""
    gaps = stream(seed, "arrivals").exponential(1e9 / qps, queries)
    arrival_ns = np.cumsum(gaps).astype(np.int64)
    size = np.clip(stream(seed, "sizes").lognormal(4.6, 0.9, queries), 1, 1000).astype(np.int64)
    noise = stream(seed, "noise")
    free = [(0, worker) for worker in range(WORKERS)]
    rows, dispatch_ns, finish_ns, dispatcher = [], [], [], 0
    for query in range(queries):
        dispatch = max(int(arrival_ns[query]) + int(noise.gamma(4.0, 9e3)), dispatcher)
        dispatcher, last = dispatch, 0
        for first in range(0, int(size[query]), batch_size):
            items = min(batch_size, int(size[query]) - first)
            dispatcher += 2_000
            at, worker = heapq.heappop(free)
            start = max(at, dispatcher + 15_000)
            finish = start + int(slower * service_ns(items) * noise.normal(1, 0.03))
            heapq.heappush(free, (finish, worker))
            rows.append((query, 0, first, items, 0, worker, dispatcher, start, finish))
            last = max(last, finish)
        dispatch_ns.append(dispatch)
        finish_ns.append(last)
    columns = [np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)]
    return Records(arrival_ns, size, np.array(dispatch_ns), np.array(finish_ns), SliceRecords(*columns))


def percentiles(records: Records) -> dict[str, float]:
    values = np.percentile(records.latency_ns / 1e6, [50, 95, 99])
    return dict(zip(("p50_ms", "p95_ms", "p99_ms"), values.tolist(), strict=True))


def plan(batch_size: int) -> dict[str, Any]:
    return {"stages": [{"model": "rmc1", "batch_size": batch_size}], "pools": {"cpu": {"workers": WORKERS}}}


def slow_query(records: Records) -> dict[str, Any]:
    latency = records.finish_ns - records.arrival_ns
    large = np.flatnonzero(records.size > 520)
    query = int(large[np.argsort(latency[large])[-len(large) // 4]])
    zero, slices = int(records.arrival_ns[query]), records.slices
    mine = slices.query == query
    overlap = ~mine & (slices.finish_ns > zero) & (slices.start_ns < int(records.finish_ns[query]))

    def rows(which: np.ndarray, keys: tuple[str, ...]) -> list[dict[str, Any]]:
        return [
            {"worker": int(slices.worker[row]), "query": int(slices.query[row]), "size": int(slices.size[row])}
            | {f"{key}_ms": (int(getattr(slices, f"{key}_ns")[row]) - zero) / 1e6 for key in keys}
            for row in np.flatnonzero(which)
        ]

    return {
        "query": query,
        "size": int(records.size[query]),
        "arrival_ms": 0.0,
        "dispatch_ms": (int(records.dispatch_ns[query]) - zero) / 1e6,
        "latency_ms": float(latency[query] / 1e6),
        "slices": rows(mine, ("queued", "start", "finish")),
        "others": rows(overlap, ("start", "finish")),
    }


def lag_section(records: Records) -> dict[str, Any]:
    lag_us = records.lag_ns / 1e3
    edges = [0.0, *np.geomspace(5, 2000, 40).tolist()]
    counts, _ = np.histogram(lag_us, edges)
    return {
        "p50": float(np.percentile(lag_us, 50)),
        "p99": float(np.percentile(lag_us, 99)),
        "max": float(lag_us.max()),
        "histogram": {"edges_us": edges, "counts": counts.tolist()},
    }


def engine_section(played: Records) -> dict[str, Any]:
    runs = []
    for name, batch_size, loads in (("tuned", 256, (500, 700, 790, 830)), ("baseline", 512, (480, 660, 760, 810))):
        for qps in loads:
            found = percentiles(serve(qps, batch_size, 2500, seed=qps, slower=1.03))
            run = {
                "plan": name,
                "offered_qps": float(qps),
                "achieved_qps": qps * 0.998,
                "queries": 2500,
                "purpose": "probe",
            }
            run |= {"seconds": 2500 / qps, "met": found["p95_ms"] <= 25, "saturated": qps > 820}
            runs.append(run | found | {"sim_p95_ms": found["p95_ms"] * 0.94, "same_run_p95_ms": found["p95_ms"] * 1.01})
    return {
        "capacity_qps": 772.4,
        "capacity_bracket_qps": [750.0, 795.0],
        "baseline_capacity_qps": 741.0,
        "baseline_capacity_bracket_qps": [720.0, 763.0],
        "speedup": 1.0424,
        **percentiles(played),
        "queries": len(played),
        "schedule_lag_p99_us": lag_section(played)["p99"],
        "schedule_lag_us": lag_section(played),
        "dispatcher_cpu_us_per_query": 31.7,
        "runs": runs,
        "p95_at_70pct": {"engine_ms": 12.4, "sim_ms": 11.9, "same_run_ms": 12.5, "error_pct": -4.03}
        | {"error_same_run_pct": 0.81, "repeats": 3},
    }


def build() -> dict[str, Any]:
    """The whole document, with every optional part."""
    played, replayed = serve(700, 256, 6000, slower=1.03), serve(700, 256, 6000)
    probability = np.concatenate([np.linspace(0, 0.99, 100), np.linspace(0.991, 0.9995, 30)])
    loads = np.linspace(80, 900, 12)
    capacities = {1: 95.0, 4: 260.0, 16: 560.0, 64: 733.0, 128: 771.0, 256: 783.1, 384: 778.0, 512: 752.0, 1024: 671.0}
    return {
        "schema": 1,
        "command": "tailrank tune rmc1 --sla p95=25ms --workers 2 --seed 1 --out runs/rmc1",
        "model": "rmc1",
        "network": {
            "tables": 10,
            "table_bytes": 5.1e9,
            "row_scale": 0.5,
            "flops_per_item": 3.1e5,
            "bytes_per_item": 102400,
            "lookups_per_item": 800,
            "executor": "torchscript",
            "matmul_precision": "medium",
            "notes": ["tables are scaled to half of the published rows to fit the host's memory"],
        },
        "sla": {"percentile": 95, "latency_ms": 25},
        "workload": {
            "arrivals": {"kind": "poisson"},
            "sizes": {"kind": "production", "max_items": 1000},
            "accesses": {"kind": "uniform"},
        },
        "host": {"cpu": "AMD EPYC 7B13", "cores": 2, "memory_gib": 23.4, "os": "Linux 6.1", "python": "3.11.7"},
        "seed": 1,
        "versions": {"tailrank": "0.1.0", "commit": "abc1234", "torch": "2.13.0+cpu", "numpy": "2.4.6"},
        "made_at": "2026-01-05T10:00:00Z",
        "plan": plan(256),
        "capacity_qps": 783.1,
        "capacity_ci95_qps": [776.2, 790.3],
        "baseline": {"plan": plan(512), "capacity_qps": 752.0, "capacity_ci95_qps": [744.0, 759.5]},
        "speedup": 1.0413,
        "speedup_ci95": [1.0312, 1.0517],
        "verdict": {
            "certified": False,
            "text": "p95 met the target, but 2,500 queries are too few at this confidence.",
        },
        "notes": ["batching hardly helps this model: capacity varies by at most 7 % over batch sizes 64 to 512"],
        "candidates": [
            {"batch_size": size, "offload_at": None, "plan": plan(size), "capacity_qps": qps, "queries": 200000}
            | {"ci95_qps": [qps * 0.988, qps * 1.011]}
            for size, qps in capacities.items()
        ],
        "profile": {
            "points": [
                {"items": items, "busy": busy, "samples": 100, "mean_us": mean / 1e3}
                | {"p50_us": 0.985 * mean / 1e3, "p95_us": 1.16 * mean / 1e3}
                for items in BATCHES
                for busy in (1, 2)
                for mean in [service_ns(items, busy)]
            ],
            "overheads": {
                "timer_ns": 9000,
                "query_ns": 21000,
                "slice_ns": 2100,
                "wakeup_ns": 15000,
                "handoff_ns": 4000,
                "cores": 2,
            },
        },
        "operators": [
            {"items": items, "shares": {"lookup": look, "fc": 0.95 - look, "interaction": 0.02, "attention": 0}}
            | {"shares": {"lookup": look, "fc": 0.95 - look, "interaction": 0.02, "attention": 0, "other": 0.03}}
            for items, look in ((1, 0.41), (16, 0.63), (64, 0.7), (256, 0.74), (1024, 0.76))
        ],
        "engine": engine_section(played),
        "sim_error_pct": -2.61,
        "sim_error_earlier_profile_pct": -5.42,
        "sim_error_same_run_pct": 0.81,
        "curve": [
            {"offered_qps": float(qps), "plan": name, **percentiles(serve(qps, batch_size, 2500))}
            for name, batch_size in (("tuned", 256), ("baseline", 512))
            for qps in [*loads, 783.0]
        ],
        "latency_cdf": {
            "plan": "tuned",
            "offered_qps": 700.0,
            "probability": probability.tolist(),
            "engine_ms": np.quantile(played.latency_ns / 1e6, probability).tolist(),
            "simulator_ms": np.quantile(replayed.latency_ns / 1e6, probability).tolist(),
            "same_run_ms": (1.004 * np.quantile(played.latency_ns / 1e6, probability)).tolist(),
        },
        "slow_query": slow_query(played),
        "arrivals_check": {"gap_cv": 1.0031, "ks_statistic": 0.0042, "ks_p": 0.53, "gaps": 19999},
        "seconds": 151.2,
    }


@pytest.fixture(scope="session")
def built() -> dict[str, Any]:
    return build()


@pytest.fixture
def document(built: dict[str, Any]) -> dict[str, Any]:
    """A full document that the test may change."""
    return copy.deepcopy(built)


@pytest.fixture(scope="session")
def play() -> Callable[..., Records]:
    """The small queue: (qps, batch size, queries) to Records."""
    return serve
