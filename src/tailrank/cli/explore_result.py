"""The result of `explore`: the document, and the files of the result directory."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tailrank.cli.explore_machine import Served
from tailrank.cli.explore_proof import Proof
from tailrank.cli.explore_question import Question
from tailrank.cli.explore_steps import UNFINISHED
from tailrank.cli.explore_tiers import K
from tailrank.cli.results import finite, host, made_at, versions
from tailrank.core.config import dump, to_dict
from tailrank.core.files import write_json
from tailrank.metrics import bootstrap, paired
from tailrank.timing import save_profile
from tailrank.tuner.explore import Explored, Funnel, Point, iso_latency, iso_load, iso_quality, reason

__all__ = ["document", "write", "write_page"]

CURVE, EACH_INTERVAL = 64, 4  # points of a curve of quality against items; how many lie between two intervals
SCATTER = 3000  # funnels whose quality the report shows beside the front


def document(asked: Question, found: Explored, proof: Proof | None, *, command: str, seed: int) -> dict[str, Any]:
    """Return everything `explore` found, as `result.json` holds it."""
    rows = _Rows(asked, found, seed)
    chosen, single = found.chosen, found.best_single
    difference = paired(rows.per_query(chosen), rows.per_query(single), seed=seed)
    counts = asdict(found.counts)
    result: dict[str, Any] = {
        "schema": 1,
        "kind": "explore",
        "command": command,
        "made_at": made_at(),
        "seed": seed,
        "versions": versions(),
        "host": host() if asked.host is None else _modelled(asked),
        "data": asked.tiers.facts["data"],
        "training": asked.tiers.facts["training"],
        "metric": f"ndcg@{K}",
        "queries": len(asked.tiers.tables),
        "sla": {"percentile": asked.target.percentile, "latency_ms": asked.target.latency_ms},
        "quality_drop": found.asked.drop,
        "objectives": list(found.asked.objectives),
        "space": to_dict(asked.space),
        "load_qps": found.load_qps,
        "funnels_evaluated": found.counts.funnels,
        "funnels_per_second": found.counts.funnels_per_second,
        "plans": counts,
        "reference": {"networks": list(found.reference.networks), "items": list(found.reference.items)}
        | {"quality": found.reference_quality, "floor": found.floor},
        "front": [
            rows.row(each) | {"reason": reason(each, found.front, found.asked.objectives)} for each in found.front
        ],
        "knee": rows.row(found.knee),
        "best_single_stage": rows.row(single),
        "chosen": rows.row(chosen),
        "quality_difference": {"mean": difference.value, "ci95": [difference.low, difference.high]},
        "predicted_ratio_capacity": _over(chosen.capacity_qps, single.capacity_qps),
        "predicted_ratio_p95": _over(single.tail_ms, chosen.tail_ms),
        "iso_quality": _answers(iso_quality(found.points, found.floor), rows),
        "iso_load": _answers(iso_load(found.points, found.load_qps, asked.target.latency_ms), rows),
        "iso_latency": _answers(iso_latency(found.points, asked.target.latency_ms), rows),
        "curves": _curves(asked, seed),
        "funnel": [_stages(asked, each) for each in (chosen, single)],
        "scatter": _scatter(found),
        "serving": dict(asked.facts),
        "engine": None,
        "ratio_capacity": None,
        "ratio_p95": None,
    }
    if proof is not None:
        result |= _engine(proof, rows)
    return result | {"notes": _notes(found, result, proof)}


class _Rows:
    """Points as rows of the document; quality intervals are found once a funnel."""

    def __init__(self, asked: Question, found: Explored, seed: int) -> None:
        self.asked, self.found, self.seed = asked, found, seed
        self._intervals: dict[object, list[float]] = {}

    def per_query(self, point: Point) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the quality of every query, offline."""
        return self.asked.tiers.quality.per_query(point.funnel, point.plan if point.feed == "share" else None)

    def row(self, point: Point) -> dict[str, Any]:
        """Return what the document says of one point."""
        key = point.funnel, point.option.batches[0] if point.feed == "share" else None
        if key not in self._intervals:
            interval = bootstrap(self.per_query(point), seed=self.seed)
            self._intervals[key] = [interval.low, interval.high]
        return {
            "plan": to_dict(point.plan),
            "stages": point.stages,
            "networks": list(point.funnel.networks),
            "items": list(point.funnel.items),
            "batch_sizes": list(point.option.batches),
            "pools": list(point.option.places),
            "sharing": point.option.sharing,
            "feed": point.feed,
            "quality": point.quality,
            "quality_ci95": self._intervals[key],
            "p95_ms": finite(point.tail_ms),
            "capacity_qps": point.capacity_qps,
            "capacity_ci95_qps": [point.capacity_low_qps, finite(point.capacity_high_qps)],
            "bound_qps": finite(point.option.bound_qps),
            "cost_per_million": finite(point.cost),
            "energy_j": finite(point.energy_j),
        }


def _engine(proof: Proof, rows: _Rows) -> dict[str, Any]:
    """Return what the engine showed of both plans, and their ratios."""
    section: dict[str, Any] = {"load_qps": proof.load_qps}
    for name, point in proof.points.items():
        bracket, checked = proof.brackets[name], proof.checked[name]
        tails = sorted(proof.at_load(name))
        served = np.array(sorted(checked.quality))
        quality = np.array([checked.quality[query] for query in served.tolist()])
        offline = rows.per_query(point)[served]
        interval = bootstrap(quality, seed=rows.seed)
        gap = np.abs(quality - offline)
        section[name] = {
            "plan": to_dict(point.plan),
            "stages": point.stages,
            "quality": interval.value,
            "quality_ci95": [interval.low, interval.high],
            "quality_offline_same_queries": float(np.nanmean(offline)),
            "largest_quality_gap": float(np.nanmax(gap)),
            "queries": len(served),
            "answers": checked.answers,
            "answers_equal": checked.equal,
            "p95_ms": finite(tails[len(tails) // 2]) if tails else None,
            "p95_ms_runs": [finite(each) for each in tails],
            "capacity_qps": bracket.qps,
            "capacity_bracket_qps": [bracket.low_qps, finite(bracket.high_qps)],
            "capacity_simulated_qps": point.capacity_qps,
            "sim_error_pct": 100 * (point.capacity_qps / bracket.qps - 1) if bracket.closed else None,
        }
    both = proof.checked["chosen"].quality, proof.checked["best_single_stage"].quality
    common = sorted(both[0].keys() & both[1].keys())
    if common:
        difference = paired(*([each[query] for query in common] for each in both), seed=rows.seed)
        section["quality_difference"] = {
            "mean": difference.value,
            "ci95": [difference.low, difference.high],
            "queries": len(common),
        }
    section["runs"] = [
        {"plan": run.plan, "purpose": run.purpose, "offered_qps": run.qps, "queries": len(run.records)}
        | {"met": run.met, "p95_ms": finite(run.tail_ms)}
        for run in proof.runs
    ]
    chosen, single = section["chosen"], section["best_single_stage"]
    return {
        "engine": section,
        "ratio_capacity": _over(chosen["capacity_qps"], single["capacity_qps"]),
        "ratio_p95": _over(single["p95_ms"], chosen["p95_ms"]),
    }


def _notes(found: Explored, result: Mapping[str, Any], proof: Proof | None) -> list[str]:
    """Say what limits the answer."""
    said = []
    if found.best_single.capacity_qps == 0:
        said.append("no single stage within the floor meets the target, so there is no ratio of capacities")
    if found.chosen.stages == 1:
        said.append("no funnel of several stages within the floor has a higher capacity than a single stage")
    if result["quality_difference"]["ci95"][1] < 0:
        said.append("the chosen funnel's quality is below the best single stage's by more than chance, within the drop")
    if found.counts.not_reached:
        said.append(f"time did not allow {found.counts.not_reached} plans to be simulated for the front")
    for name, bracket in ({} if proof is None else proof.brackets).items():
        if not bracket.closed:
            said.append(f"the engine's capacity of `{name}` was not bracketed by the probes allowed")
    for name, checked in ({} if proof is None else proof.checked).items():
        if checked.equal < checked.answers:
            said.append(
                f"{checked.answers - checked.equal} answers of `{name}` differ from the funnel computed offline"
            )
    return said


def _over(above: float | None, below: float | None) -> float | None:
    if not above or not below or not math.isfinite(above) or not math.isfinite(below):
        return None
    return above / below


def _answers(best: Mapping[int, Mapping[str, Point]], rows: _Rows) -> dict[str, Any]:
    return {str(stages): {what: rows.row(point) for what, point in each.items()} for stages, each in best.items()}


def _curves(asked: Question, seed: int) -> list[dict[str, Any]]:
    """Return quality against the items into the last stage, of every network alone and after every cheaper one.

    At some of the items with an interval over queries.
    """
    quality, most = asked.tiers.quality.funnels, max(asked.space.take)
    shown = np.unique(np.geomspace(min(asked.space.results, most), most, CURVE).round().astype(np.int64))
    found = []
    for chain in asked.space.chains():
        if len(chain) > 2:
            continue
        before = (most,) * (len(chain) - 1)
        intervals: list[list[float] | None] = [None] * len(shown)
        for number in {*range(0, len(shown), EACH_INTERVAL), len(shown) - 1}:
            interval = bootstrap(quality.per_query(chain, (*before, int(shown[number]))), seed=seed)
            intervals[number] = [interval.low, interval.high]
        swept = quality.sweep(chain, before)[shown].tolist()
        found.append({"networks": list(chain), "items": shown.tolist(), "quality": swept, "quality_ci95": intervals})
    return found


def _stages(asked: Question, point: Point) -> list[dict[str, Any]]:
    """Return a funnel stage by stage: items, time of a query's stage on an idle machine, quality if it ended there."""
    found = []
    for number, (network, items) in enumerate(zip(point.funnel.networks, point.funnel.items, strict=True)):
        option = point.option
        time = asked.bench.arithmetic.stage(network, option.places[number], items, option.batches[number])
        until = Funnel(point.funnel.networks[: number + 1], point.funnel.items[: number + 1])
        found.append(
            {
                "network": network,
                "items": items,
                "batch_size": option.batches[number],
                "workers": option.workers[number],
                "pool": option.places[number],
                "work_ms": time.busy_work_ns / 1e6,
                "idle_ms": max(time.slice_ns, time.query_ns / option.workers[number]) / 1e6,
                "quality": float(asked.tiers.quality.means([until])[0]),
            }
        )
    return found


def _scatter(found: Explored) -> list[dict[str, Any]]:
    """Return the simulated points, for the figure; few fields each."""
    step = max(1, len(found.points) // SCATTER)
    return [
        {"funnel": str(each.funnel), "stages": each.stages, "quality": each.quality, "capacity_qps": each.capacity_qps}
        | {"p95_ms": finite(each.tail_ms)}
        for each in found.points[::step]
    ]


def _modelled(asked: Question) -> dict[str, Any]:
    assert asked.host is not None
    at = asked.host
    return {
        "name": at.name,
        "cpu": f"{at.cpu.part} (simulated)",
        "cores": at.cores,
        "gpu": None if at.gpu is None else f"{at.gpus} x {at.gpu.part}",
        "price_per_hour": at.price_per_hour,
        "device": "simulated",
    }


def write(out: Path, result: dict[str, Any], asked: Question, found: Explored, proof: Proof | None) -> None:
    """Write the files of the result directory; `result.json`, which says that it is finished, as the last."""
    dump(found.chosen.plan, out / "plan.toml")
    dump(found.best_single.plan, out / "baseline.toml")
    if isinstance(asked.served, Served):
        for name, profile in asked.served.profiles.items():
            save_profile(profile, out / f"profile-{name}.json")
    if proof is not None:
        from tailrank import report

        met = [run for run in proof.runs if run.plan == "chosen" and run.met]
        if met:
            report.write_trace(max(met, key=lambda run: run.qps).records, out / "trace.json")
    write_json(out / "result.json", result)
    write_page(out)
    (out / UNFINISHED).unlink(missing_ok=True)


def write_page(out: Path) -> bool:
    """Write the page of the result in `out` where the report has one; return whether it does."""
    try:
        from tailrank import report
    except ImportError:
        return False
    writer = getattr(report, "write_explore", None)
    if writer is not None:
        writer(out)
    return writer is not None
