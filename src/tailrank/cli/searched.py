"""The part of the result that every search has: what was asked, the plans tried, and the best beside the baseline."""

from typing import Any

from tailrank.cli.climbing import Question
from tailrank.cli.results import finite, made_at, versions
from tailrank.core import Trace
from tailrank.core.config import to_dict
from tailrank.tuner import Candidate, Search, speedup
from tailrank.workload import Poisson, Workload, gap_check

__all__ = ["arrivals_section", "search_section", "workload_dict"]


def search_section(
    asked: Question, search: Search, baseline: Candidate, curve: list[dict[str, Any]], *, command: str
) -> dict[str, Any]:
    """Return what was asked and what the simulator answered, as `result.json` holds it."""
    best = search.best
    gain = speedup(best.capacity, baseline.capacity)
    return {
        "schema": 1,
        "command": command,
        "made_at": made_at(),
        "model": asked.model,
        "sla": {"percentile": asked.target.percentile, "latency_ms": asked.target.latency_ms},
        "workload": workload_dict(asked.workload),
        "seed": asked.seed,
        "versions": versions(),
        "plan": to_dict(best.plan),
        "capacity_qps": best.capacity.qps,
        "capacity_ci95_qps": [best.capacity.low_qps, finite(best.capacity.high_qps)],
        "baseline": {
            "plan": to_dict(baseline.plan),
            "capacity_qps": baseline.capacity.qps,
            "capacity_ci95_qps": [baseline.capacity.low_qps, finite(baseline.capacity.high_qps)],
        },
        "speedup": finite(gain.value),
        "speedup_ci95": [finite(gain.low), finite(gain.high)],
        "candidates": [_candidate(each) for each in search.candidates],
        "curve": curve,
    }


def workload_dict(workload: Workload) -> dict[str, Any]:
    """Return the workload with the kind of each part, defaults included."""
    return {
        name: {"kind": part.__struct_config__.tag, **to_dict(part)}
        for name, part in (
            ("arrivals", workload.arrivals),
            ("sizes", workload.sizes),
            ("accesses", workload.accesses),
        )
    }


def arrivals_section(trace: Trace, qps: float, workload: Workload) -> dict[str, Any]:
    """Check the gaps of a trace offered at `qps` against the exponential."""
    check = gap_check(trace, qps)
    return {
        "gap_cv": check.cv,
        "ks_statistic": finite(check.ks_statistic),
        "ks_p": finite(check.ks_p),
        "gaps": check.gaps,
        "poisson": isinstance(workload.arrivals, Poisson),
    }


def _candidate(each: Candidate) -> dict[str, Any]:
    stage, capacity = each.plan.stages[0], each.capacity
    return {
        "phase": each.phase,
        "batch_size": stage.batch_size,
        "offload_at": stage.offload_at,
        "plan": to_dict(each.plan),
        "capacity_qps": capacity.qps,
        "ci95_qps": [capacity.low_qps, finite(capacity.high_qps)],
        "queries": capacity.queries,
        "probes": capacity.probes,
        "smallest_ms": finite(capacity.smallest_ms),
    }
