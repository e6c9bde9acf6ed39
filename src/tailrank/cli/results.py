"""The result document: what a run found, as plain data for `result.json`, the report and `--json`."""

import importlib.metadata
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tailrank import __version__
from tailrank.cli.machine import machine
from tailrank.cli.proof import EngineRun
from tailrank.core import Plan, Records
from tailrank.core.files import disk_errors, write_text
from tailrank.metrics import SLATarget, summarise
from tailrank.timing import Profile

__all__ = [
    "cdf",
    "finite",
    "host",
    "lag_histogram",
    "made_at",
    "probabilities",
    "profile_section",
    "run_row",
    "slow_query",
    "versions",
    "write_docs",
]

LIBRARIES = ("numpy", "numba", "scipy", "torch", "msgspec", "plotly")
CDF_POINTS = 200
MOST_OTHERS = 2000  # slices of other queries drawn beside a slow one, the last ones


def versions() -> dict[str, str]:
    """Return versions of Tailrank, its commit where known, and the libraries that matter."""
    found = {"tailrank": __version__}
    commit = _commit()
    if commit:
        found["commit"] = commit
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    """Return the commit of the source tree, marked `+` where files differ from it; empty outside a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return ""
    try:
        git = ["git", "-C", str(root)]
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        dirty = subprocess.run([*git, "status", "--porcelain", "src"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def host() -> dict[str, Any]:
    """Return what the result says about this machine."""
    seen = machine()
    return {
        "cpu": seen.cpu,
        "cores": seen.effective_cores,
        "features": [name for name, there in seen.features.items() if there],
        "memory_gib": round((seen.memory_bytes or 0) / 2**30, 1),
        "os": seen.os,
        "python": seen.python,
        "steal_percent_since_boot": seen.steal_percent,
        "device": "cpu",
    }


def made_at() -> str:
    """Return the present instant, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def profile_section(profile: Profile) -> dict[str, Any]:
    """Return the measured points in microseconds and the overheads."""
    points = []
    for point in profile.points:
        samples_us = np.asarray(point.samples_ns) / 1e3
        points.append(
            {
                "items": point.items,
                "busy": point.busy,
                "mean_us": float(point.clipped_ns().mean()) / 1e3,
                "p50_us": float(np.quantile(samples_us, 0.5)),
                "p95_us": float(np.quantile(samples_us, 0.95)),
                "samples": len(samples_us),
            }
        )
    overheads = {name: getattr(profile.overheads, name) for name in profile.overheads.__struct_fields__}
    return {"points": points, "overheads": overheads}


def run_row(run: EngineRun, target: SLATarget, plan: Plan, warmup: float) -> dict[str, Any]:
    """Return one engine run as a row; latencies of an unstable run are null."""
    summary = summarise(run.records, target, warmup=warmup, plan=plan)
    stable = not summary.saturated
    return {
        "plan": run.plan,
        "purpose": run.purpose,
        "offered_qps": run.qps,
        "achieved_qps": summary.achieved_qps,
        "queries": summary.queries,
        "failed": summary.failed,
        "seconds": run.trace.duration_ns / 1e9,
        "p50_ms": summary.p50_ms,
        "p95_ms": summary.p95_ms,
        "p99_ms": summary.p99_ms,
        "met": summary.met,
        "saturated": summary.saturated,
        "utilisation": summary.utilisation,
        "schedule_lag_p99_us": summary.lag_p99_us,
        "dispatcher_cpu_us_per_query": run.records.meta["dispatcher_cpu_ns"] / max(len(run.records), 1) / 1e3,
        "drift": run.drift,
        "sim_p95_ms": finite(run.sim_ms) if stable else None,
        "same_run_p95_ms": finite(run.same_run_ms) if stable else None,
    }


def finite(value: float | None) -> float | None:
    """Return `value`, or None where it is not a number JSON can hold."""
    return float(value) if value is not None and np.isfinite(value) else None


def cdf(records: Records, warmup: float) -> list[float]:
    """Return latencies in ms at `CDF_POINTS` equally spaced probabilities, the last being the largest."""
    latency_ms = np.sort(records.latency_ns[int(len(records) * warmup) :]) / 1e6
    return [float(v) for v in np.quantile(latency_ms, probabilities())]


def probabilities() -> list[float]:
    """Return the probabilities `cdf` speaks of, denser towards the tail."""
    body = np.linspace(0, 0.9, CDF_POINTS // 2, endpoint=False)
    tail = 1 - np.geomspace(0.1, 0.001, CDF_POINTS // 2)
    return [float(p) for p in (*body, *tail)]


def lag_histogram(runs: Sequence[EngineRun]) -> dict[str, Any]:
    """Return the schedule lag of the queries of `runs`, in microseconds."""
    lag_us = np.concatenate([run.records.lag_ns[run.records.dispatch_ns >= 0] for run in runs]) / 1e3
    edges = np.geomspace(1, max(float(lag_us.max()) * 1.01, 1000.0), 61)
    counts = np.histogram(np.maximum(lag_us, 1.0), edges)[0]
    return {
        "p50": float(np.quantile(lag_us, 0.5)),
        "p99": float(np.quantile(lag_us, 0.99)),
        "max": float(lag_us.max()),
        "queries": len(lag_us),
        "histogram": {"edges_us": edges.tolist(), "counts": counts.tolist()},
    }


def slow_query(records: Records) -> dict[str, Any] | None:
    """Return the story of the query at the 99th percentile of latency: where did it wait?"""
    done = np.flatnonzero(records.ok)
    if not len(done):
        return None
    latency = (records.finish_ns - records.arrival_ns)[done]
    number = int(done[np.argsort(latency)[int(0.99 * (len(done) - 1))]])
    origin, end = int(records.arrival_ns[number]), int(records.finish_ns[number])
    rows = records.slices
    mine = rows.query == number
    others = ~mine & (rows.finish_ns > origin) & (rows.start_ns < end)

    def ms(instant: np.int64 | int) -> float:
        return (int(instant) - origin) / 1e6

    return {
        "query": number,
        "size": int(records.size[number]),
        "arrival_ms": 0.0,
        "dispatch_ms": ms(records.dispatch_ns[number]),
        "latency_ms": ms(end),
        "slices": [
            {
                "pool": rows.pools[int(rows.pool[i])],
                "worker": int(rows.worker[i]),
                "size": int(rows.size[i]),
                "queued_ms": ms(rows.queued_ns[i]),
                "start_ms": ms(rows.start_ns[i]),
                "finish_ms": ms(rows.finish_ns[i]),
            }
            for i in np.flatnonzero(mine).tolist()
        ],
        "others": [
            {
                "pool": rows.pools[int(rows.pool[i])],
                "worker": int(rows.worker[i]),
                "query": int(rows.query[i]),
                "size": int(rows.size[i]),
                "start_ms": ms(rows.start_ns[i]),
                "finish_ms": ms(rows.finish_ns[i]),
            }
            for i in np.flatnonzero(others).tolist()[-MOST_OTHERS:]
        ],
    }


def write_docs(path: Path, page: str) -> None:
    """Write a page of the documents, in a folder that is made where there is none."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page)
