"""The part of the result that every search has: what was asked, the plans tried, and the best beside the baseline."""

from collections.abc import Mapping
from typing import Any

from tailrank.cli.climbing import Question
from tailrank.cli.results import finite, made_at, versions
from tailrank.core import Trace
from tailrank.core.config import to_dict
from tailrank.tuner import Candidate, Policies, Search, label, speedup
from tailrank.workload import Poisson, Workload, gap_check

__all__ = ["arrivals_section", "policies_section", "policy_notes", "search_section", "with_policy", "workload_dict"]


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


def with_policy(search: Search, policies: Policies | None) -> Search:
    """Return the search with the policy that was taken, where one was, as its best plan."""
    taken = None if policies is None else policies.taken
    if taken is None:
        return search
    return Search(taken.candidate, (*search.candidates, taken.candidate), search.stage)


def policies_section(policies: Policies | None, engine: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """Return which policies were tried and what each gave; None where none was asked for.

    `engine` holds the capacities there with and without the policy that was taken, and whether it was `kept`.
    """
    if policies is None:
        return None
    static, taken = policies.static, policies.taken
    return {
        "static": {
            "plan": to_dict(static.plan),
            "label": label(static.plan),
            "capacity_qps": static.capacity.qps,
            "capacity_ci95_qps": [static.capacity.low_qps, finite(static.capacity.high_qps)],
        },
        "trials": [
            {
                "policy": each.policy,
                "plans_tried": each.tried,
                "plan": to_dict(each.candidate.plan),
                "label": label(each.candidate.plan),
                "capacity_qps": each.judged.qps,
                "capacity_ci95_qps": [each.judged.low_qps, finite(each.judged.high_qps)],
                "gain": finite(each.gain.value),
                "gain_ci95": [finite(each.gain.low), finite(each.gain.high)],
                "sure": each.sure,
            }
            for each in policies.trials
        ],
        "taken": None if taken is None else taken.policy,
        "engine": engine,
    }


def policy_notes(section: Mapping[str, Any] | None, notes: list[str]) -> list[str]:
    """Return what came of the policies as sentences, before the `notes` on the climb, which had none of them."""
    if section is None:
        return notes
    static = section["static"]["label"]
    said = []
    for each in section["trials"]:
        luck = "" if each["sure"] else ": within the noise, not taken"
        said.append(
            f"policy {each['policy']}: {each['label']} (best of {each['plans_tried']} plans) has {_times(each)} the "
            f"capacity of {static}, on fresh queries{luck}"
        )
    if section["taken"] is not None:
        said.append(f"policy {section['taken']} {_fate(section['engine'])}; what follows is of the plans without")
    return [*said, *notes]


def _fate(engine: Mapping[str, Any] | None) -> str:
    """Return what became of the policy that the simulator took: the engine has the last word."""
    if engine is None:
        return "is taken"
    capacities = f"{engine['capacity_qps']:.4g} qps with it, {engine['static_capacity_qps']:.4g} without"
    return f"{'is taken' if engine['kept'] else 'lost on the engine and is not taken'} (engine: {capacities})"


def _times(trial: Mapping[str, Any]) -> str:
    return "an unknown multiple of" if trial["gain"] is None else f"{trial['gain']:.3f} times"


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
