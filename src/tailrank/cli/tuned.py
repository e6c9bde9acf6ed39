"""The result of `tune`: the document, the verdict, and the files of the result directory."""

from pathlib import Path
from typing import Any

from tailrank.cli.calibration import served_by
from tailrank.cli.hardware import PRETENCE
from tailrank.cli.offload import gained, gpu_section
from tailrank.cli.precision import effects
from tailrank.cli.proof import EngineRun, Proof, median_error_pct
from tailrank.cli.results import (
    cdf,
    finite,
    host,
    lag_histogram,
    probabilities,
    profile_section,
    run_row,
    slow_query,
)
from tailrank.cli.searched import arrivals_section, policies_section, policy_notes, search_section
from tailrank.cli.searching import Found
from tailrank.cli.subject import Subject
from tailrank.core.config import dump
from tailrank.core.files import result_directory, write_json
from tailrank.metrics import WARMUP, SLATarget, Summary, summarise
from tailrank.timing import save_profile
from tailrank.tuner import Bracket
from tailrank.workload import Workload

__all__ = ["document", "extras", "write"]

NOT_POISSON = 0.001  # a p-value below this says that the gaps are not exponential
DRIFT = 1.1  # worth a note
LAG_SHARE = 0.01  # of the SLA target: a generator later than this at p99 certifies nothing


def document(
    subject: Subject, found: Found, proof: Proof, workload: Workload, target: SLATarget, *, command: str
) -> dict[str, Any]:
    """Return everything `tune` found, as `result.json` holds it."""
    engine = _engine(found, proof, target)
    pretend = subject.on_gpu is not None and subject.on_gpu.gpu.pretend
    policies = policies_section(found.policies, _duel(found, proof))
    noted = policy_notes(policies, found.notes)
    return search_section(found.asked, found.search, found.baseline, found.curve, command=command) | {
        "network": subject.facts,
        "host": host(),
        "verdict": _verdict(found, proof, workload, target, engine, pretend=pretend),
        "notes": [*([PRETENCE] if pretend else []), *noted, *_notes(found, proof, engine)],
        "policies": policies,
        "profile": profile_section(found.profiles["cpu"]),
        "operators": found.measured.operators,
        "engine": engine,
        "sim_error_pct": _error_pct(proof.sim_qps, proof),
        "sim_error_earlier_profile_pct": _error_pct(proof.sim_earlier_qps, proof),
        "sim_error_same_run_pct": _error_pct(proof.same_run_qps, proof),
        "latency_cdf": _cdfs(proof),
        "slow_query": _slow(proof),
        "arrivals_check": _arrivals(proof, workload),
    }


def extras(subject: Subject, found: Found, workload: Workload, *, seconds: float, seed: int) -> dict[str, Any]:
    """Measure and return `precision_effect` and `gpu`, which are null where precision is full or no GPU was asked for.

    `seconds` bounds the comparison of rankings.
    """
    effect = effects(subject, workload, seconds=seconds, seed=seed)
    gpu = gpu_section(subject, found.profiles)
    if gpu is not None:
        gpu |= {"offload": gained(found.search, workload, seed), "precision_effect": effect.get("gpu")}
    return {"precision_effect": effect.get("cpu"), "gpu": gpu}


def write(out: Path, result: dict[str, Any], found: Found, proof: Proof) -> None:
    """Write the result directory, whole or not at all: result, plans, profile, trace of a second, report."""
    from tailrank import report

    with result_directory(out) as folder:
        write_json(folder / "result.json", result)
        dump(found.search.best.plan, folder / "plan.toml")
        dump(found.baseline.plan, folder / "baseline.toml")
        for pool, profile in found.profiles.items():
            save_profile(profile, folder / ("profile.json" if pool == "cpu" else f"profile-{pool}.json"))
        run = proof.at_capacity("tuned") or next(iter(proof.of("tuned", "gauge")), None)
        if run is not None:
            report.write_trace(run.records, folder / "trace.json")
        report.write(folder)


def _engine(found: Found, proof: Proof, target: SLATarget) -> dict[str, Any]:
    tuned, base = proof.brackets["tuned"], proof.brackets["baseline"]
    rows = [run_row(run, target, found.plans[run.plan], WARMUP) for run in proof.runs]
    lag = lag_histogram(proof.runs)
    section: dict[str, Any] = {
        "capacity_qps": tuned.qps,
        "capacity_bracket_qps": _ends(tuned),
        "baseline_capacity_qps": base.qps,
        "baseline_capacity_bracket_qps": _ends(base),
        "speedup": tuned.qps / base.qps if base.qps else None,
        "simulator_capacity_same_trace_qps": proof.sim_qps,
        "schedule_lag_us": lag,
        "schedule_lag_p99_us": lag["p99"],
        "queries": sum(len(run.records) for run in proof.runs),
        "runs": rows,
        "p95_at_70pct": _gauge(proof),
        "drift": proof.drift,
        "overheads": None if proof.profile is None else profile_section(proof.profile)["overheads"],
        "served_by": served_by(run.records for run in proof.runs),
        "real_time_dispatcher": all(run.records.meta.get("real_time") for run in proof.runs),
    }
    top = proof.at_capacity("tuned")
    if top is not None:
        summary = summarise(top.records, target, warmup=WARMUP, plan=found.plans["tuned"])
        dispatcher_us = top.records.meta["dispatcher_cpu_ns"] / len(top.records) / 1e3
        section |= {
            "p50_ms": summary.p50_ms,
            "p95_ms": summary.p95_ms,
            "p99_ms": summary.p99_ms,
            "queries_at_capacity": summary.queries,
            "dispatcher_cpu_us_per_query": dispatcher_us,
        }
    return {"p50_ms": None, "p95_ms": None, "p99_ms": None} | section


def _duel(found: Found, proof: Proof) -> dict[str, Any] | None:
    """Return what the engine says of the policy that was taken; None where none was."""
    if found.rival is None:
        return None
    lost = proof.policies_lost
    policy, static = (proof.brackets[name] for name in (("policies", "tuned") if lost else ("tuned", "static")))
    return {
        "capacity_qps": policy.qps,
        "capacity_bracket_qps": _ends(policy),
        "static_capacity_qps": static.qps,
        "static_capacity_bracket_qps": _ends(static),
        "kept": not lost,
    }


def _gauge(proof: Proof) -> dict[str, Any] | None:
    runs = proof.of("tuned", "gauge")
    if not runs:
        return None
    middle = sorted(runs, key=lambda run: run.engine_ms)[len(runs) // 2]
    return {
        "offered_qps": middle.qps,
        "engine_ms": finite(middle.engine_ms),
        "sim_ms": finite(middle.sim_ms),
        "same_run_ms": finite(middle.same_run_ms),
        "error_pct": finite(median_error_pct(runs, same_run=False)),
        "error_same_run_pct": finite(median_error_pct(runs, same_run=True)),
        "repeats": len(runs),
        "queries": sum(len(run.records) for run in runs),
    }


def _ends(bracket: Bracket) -> list[float | None]:
    return [bracket.low_qps, finite(bracket.high_qps)]


def _error_pct(simulated: dict[str, float], proof: Proof) -> float | None:
    """Return simulator over engine minus one, in percent, of the tuned plan's capacity."""
    engine = proof.brackets["tuned"]
    if not engine.closed or "tuned" not in simulated:
        return None
    return 100 * (simulated["tuned"] / engine.qps - 1)


def _verdict(
    found: Found, proof: Proof, workload: Workload, target: SLATarget, engine: dict[str, Any], *, pretend: bool
) -> dict[str, Any]:
    """Say whether the engine proved the plan, and if not, why not."""
    limit_us = LAG_SHARE * target.latency_ms * 1e3
    reasons = [PRETENCE] if pretend else []
    if engine["schedule_lag_p99_us"] > limit_us:
        reasons.append(
            f"the generator was late: schedule lag p99 {engine['schedule_lag_p99_us']:.0f} us is more than 1 % of the "
            f"target ({limit_us:.0f} us)"
        )
    if not proof.brackets["tuned"].closed:
        reasons.append("the engine's capacity was not bracketed within the probes allowed")
    check = _arrivals(proof, workload)
    if check and check["poisson"] and (check["ks_p"] or 0.0) < NOT_POISSON:
        reasons.append("the gaps between arrivals are not exponential (KS test)")
    goal = f"p{target.percentile:g} <= {target.latency_ms:g} ms"
    sure = _surest(found, proof, target)
    if sure is None:
        reasons.append(f"no run showed {goal} with 95 % confidence")
    if reasons or sure is None:
        return {"certified": False, "text": f"certifies nothing: {'; '.join(reasons)}"}
    run, summary = sure
    return {
        "certified": True,
        "certified_qps": run.qps,
        "text": f"the engine showed {goal} at {run.qps:.4g} qps with 95 % confidence: at most "
        f"{100 * summary.late_high:.2g} % of queries are later (one run of {run.trace.duration_ns / 1e9:.1f} s, "
        f"{summary.queries} queries)",
    }


def _surest(found: Found, proof: Proof, target: SLATarget) -> tuple[EngineRun, Summary] | None:
    """Return the highest load of a run whose share of late queries is, with 95 % confidence, within the target's."""
    allowed = 1 - target.percentile / 100
    runs = sorted((run for run in proof.runs if run.plan == "tuned"), key=lambda run: -run.qps)
    for run in runs:
        summary = summarise(run.records, target, warmup=WARMUP, plan=found.plans["tuned"])
        if summary.met and summary.late_high <= allowed:
            return run, summary
    return None


def _notes(found: Found, proof: Proof, engine: dict[str, Any]) -> list[str]:
    said = []
    if not proof.brackets["baseline"].closed:
        base = proof.brackets["baseline"]
        said.append(
            "the baseline met the target at no load tried on the engine, so there is no engine.speedup"
            if base.low_qps == 0
            else "the baseline's capacity on the engine was not bracketed: engine.speedup leans on one end"
        )
    if found.plans["tuned"] == found.plans["baseline"]:
        said.append("tuned plan and baseline are the same: engine.speedup shows the noise of this machine")
    if proof.drift and max(proof.drift) / min(proof.drift) > DRIFT:
        said.append(
            f"this machine's speed drifted: profile rounds between the engine runs took {min(proof.drift):.2f} to "
            f"{max(proof.drift):.2f} times as long as the profile the search used"
        )
    if not engine["real_time_dispatcher"]:
        said.append("this user may not have a real-time priority: workers can delay the dispatcher")
    return said


def _cdfs(proof: Proof) -> dict[str, Any] | None:
    runs = proof.of("tuned", "gauge")
    if not runs:
        return None
    run = runs[0]
    return {
        "plan": "tuned",
        "offered_qps": run.qps,
        "queries": len(run.records),
        "probability": probabilities(),
        "engine_ms": cdf(run.records, WARMUP),
        "simulator_ms": cdf(run.simulated, WARMUP),
        "same_run_ms": None if run.repeated is None else cdf(run.repeated, WARMUP),
    }


def _slow(proof: Proof) -> dict[str, Any] | None:
    runs: list[EngineRun] = proof.of("tuned", "gauge") or proof.of("tuned", "probe")
    return slow_query(runs[0].records) if runs else None


def _arrivals(proof: Proof, workload: Workload) -> dict[str, Any] | None:
    """Check the gaps of the traces the engine was offered against the exponential."""
    runs = proof.of("tuned", "gauge") or proof.of("tuned", "probe")
    if not runs:
        return None
    longest = max(runs, key=lambda run: len(run.trace))
    return arrivals_section(longest.trace, longest.qps, workload)
