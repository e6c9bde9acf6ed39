"""The whole study as data: each question of the paper and its artifact, with their numbers and ours."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np

from tailrank.accelerator import artifact, parse_stages, simulated
from tailrank.core import Config, Trace, stream
from tailrank.datasets.score_tables import ScoreTables
from tailrank.metrics.percentiles import percentile
from tailrank.simulator import Simulator
from tailrank.tuner.recpipe import checks, cut, latency, limits, modern, quality
from tailrank.tuner.recpipe.logged import CUT, Tail, mistakes, ranked, tails
from tailrank.tuner.recpipe.modern import Case, Outcome
from tailrank.workload import Poisson

__all__ = ["FULL", "QUICK", "Effort", "accelerator_p95_ms", "study"]

Told = Callable[[str], None]
RPACCEL = "rm-small:4096@4,rm-large:512@4"
CLAIMS = {"cpu_low": 1.7, "cpu_high": 3.2, "gpu_low": 2.3, "over_gpu": 8.0, "over_cpu": 21.0}


class Effort(Config, frozen=True, kw_only=True):
    """How often a run of the artifact is repeated with other arrivals, and which loads the modelled hosts get."""

    repetitions: int = 16
    loads: tuple[float, ...] = modern.LOADS


FULL, QUICK = Effort(), Effort(repetitions=2, loads=modern.LOADS[:2])


class _Latency(NamedTuple):
    cells: list[latency.TailCell]
    reading: Any
    outcomes: list[Outcome]


def study(
    tables: Mapping[str, ScoreTables], *, seed: int, effort: Effort = FULL, told: Told = lambda _: None
) -> dict[str, Any]:
    """Return what the study found, as plain data; the same arguments give the same bits.

    `tables` are score tables by data set, networks smallest first: ours to measure quality on.
    """
    seeds = tuple(range(100 * seed, 100 * seed + effort.repetitions))
    found = {}
    for name, each in tables.items():
        told(f"quality on {name}")
        found[name] = quality.measure(each, seed=seed)
    told("the artifact's pipeline in the simulator")
    reading = latency.as_it_ran(seeds)
    cells = latency.replay(seeds, told)
    outcomes = []
    for number, case in enumerate(every := modern.cases(), start=1):
        told(f"modelled hosts: {number}/{len(every)}")
        outcomes.append(modern.outcome(case, seed, effort.loads))
    told("limits and the cut")
    part = _Latency(cells, reading, outcomes)
    accelerator_ms = accelerator_p95_ms(67.0, seeds)
    return {
        "logged": _logged(),
        "quality": found,
        "latency": _latency(part, seeds),
        "modern": _modern(outcomes),
        "limits": {
            "gpu": limits.utilisation(),
            "logged_t4": limits.logged_shares(),
            "monolithic": limits.monolithic_shares(),
        },
        "cut": _cut(part, seeds, outcomes, found),
        "accelerator_p95_ms": accelerator_ms,
        "claims": CLAIMS,
        "checks": _checks(part, found, accelerator_ms),
    }


def accelerator_p95_ms(qps: float, seeds: Sequence[int]) -> float:
    """Return our 95th percentile of RPAccel's two stages on the split array, by its published formulas."""
    design = artifact(parse_stages(RPACCEL))
    plan, services = simulated(design)
    runs = []
    for seed in seeds:
        arrival_ns = Poisson().draw(2000, qps, stream(seed, "recpipe accelerator arrivals"))
        trace = Trace(arrival_ns, np.full(2000, design.stages[0].items))
        records = Simulator(services, seed=seed, detail=False).serve(trace, plan)
        runs.append(percentile(records.latency_ns, 95) / 1e6)
    return fmean(runs)


def _logged() -> dict[str, Any]:
    """Return the artifact's own figures; ours are nowhere among them."""
    return {
        "cut": CUT,
        "quality": [{"run": each.run, "funnel": each.funnel, "ndcg": each.ndcg, "tag": each.tag} for each in ranked()],
        "error": [
            {"network": each.network, "set": each.set, "error": each.error, "tag": each.tag} for each in mistakes()
        ],
        "p95": [_tail(each) for each in tails()],
    }


def _tail(each: Tail) -> dict[str, Any]:
    return {
        "figure": each.figure,
        "funnel": each.funnel,
        "devices": each.devices,
        "nominal_qps": each.nominal_qps,
        "p95_ms": each.p95_ms,
        "tag": each.tag,
    }


def _latency(part: _Latency, seeds: Sequence[int]) -> dict[str, Any]:
    return {
        "repetitions": len(seeds),
        "inferred": {
            "spread": part.reading.spread,
            "late_ms": part.reading.late_ms,
            "from": f"RM_med alone: its tails at {latency.SPREAD_AT:g} and a nominal {latency.LATE_AT:,.0f} qps",
        },
        "cells": [
            {**_tail(cell.logged), "bound_qps": cell.bound_qps, "inferred_from": cell.inferred_from}
            | {"ours": {name: list(each) for name, each in cell.ours.items()}}
            for cell in part.cells
        ],
        "errors": latency.errors(part.cells),
        "ratios": latency.ratios(part.cells),
        "too_fast": latency.too_fast(part.cells),
    }


def _modern(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "cpu": f"{modern.CPU}, {modern.CORES} cores",
        "target_ms": modern.TARGET.latency_ms,
        "outcomes": [
            {
                "funnel": each.case.funnel,
                "gpu": each.case.gpu,
                "batch": each.case.batch,
                "naive": each.case.naive,
                "p95_ms": [[qps, tail] for qps, tail in each.p95_ms.items()],
                "capacity_qps": each.capacity_qps,
                "stage_ms": list(each.stage_ms),
            }
            for each in outcomes
        ],
        "collapse": modern.collapse(outcomes),
        "beside": modern.beside(),
    }


def _cut(part: _Latency, seeds: Sequence[int], outcomes: Sequence[Outcome], found: Mapping[str, Any]) -> dict[str, Any]:
    known = cut.quality_of()
    here = [
        each for each in outcomes if each.case == Case(funnel=each.case.funnel)
    ]  # whole queries on CPUs, inputs prepared
    whole = {(each.case.funnel, qps): tail for each in here for qps, tail in each.p95_ms.items() if tail is not None}
    capacities = {each.case.funnel: each.capacity_qps for each in here}
    swept = {
        "logged": cut.logged_cut(part.cells),
        "ours": cut.swept_cut(cut.simulated_tails(part.reading, seeds), known),
        "modern": cut.swept_cut(whole, known),
    }
    return {
        "rows": swept,
        "vanishes": {name: {f"{qps:g}": cut.vanishes(rows, qps) for qps in cut.GRID} for name, rows in swept.items()},
        "capacity": cut.capacity_cut(capacities, known),
        "own_quality": {name: _own_cut(capacities, each) for name, each in found.items()},
    }


def _own_cut(capacities: Mapping[str, float], found: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return the same with our quality in place of the artifact's, where the funnels are of its shape."""
    own = {row["funnel"]: 100 * row["ndcg"] for row in (*found["single"], *found["funnels"])}
    if latency.ONE not in own:
        return []
    rows = cut.capacity_cut(capacities, own, [own[latency.ONE] * (1 - drop) for drop in cut.DROPS])
    return [{"drop": drop, **row} for drop, row in zip(cut.DROPS, rows, strict=True)]


def _checks(part: _Latency, found: Mapping[str, Any], accelerator_ms: float) -> list[dict[str, Any]]:
    known = {each.funnel: each.ndcg for each in ranked() if each.run != "7"}
    capacities = {
        words: next(each.capacity_qps for each in part.outcomes if each.case == Case(funnel=funnel))
        for words, funnel in (("one", latency.ONE), ("two", latency.TWO), ("three", latency.THREE))
    }
    lines = checks.of_logged_quality(known)
    for name, each in found.items():
        lines += checks.of_quality(name, each)
    return lines + checks.of_latency(part.cells, accelerator_ms, capacities)
