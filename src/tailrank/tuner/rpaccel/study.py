"""The study of RPAccel as one document: every figure, both modes, the artifact's values beside ours."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from tailrank.accelerator import Design, evaluate, place
from tailrank.accelerator.memory.figure10c import figure_10c
from tailrank.accelerator.memory.split import CORRECTED_SPLIT, RELEASED_SPLIT, zipf_ids
from tailrank.datasets.score_tables import ScoreTables
from tailrank.tuner.rpaccel import figures, ideas, switches
from tailrank.tuner.rpaccel.checks import check
from tailrank.tuner.rpaccel.choices import BACK, FRONT, choices, planted
from tailrank.tuner.rpaccel.configurations import MODES, funnel, name_of, pipelined
from tailrank.tuner.rpaccel.devices import MOVIELENS, devices
from tailrank.tuner.rpaccel.gantt import gantt
from tailrank.tuner.rpaccel.searched import searched
from tailrank.tuner.rpaccel.tails import Loaded

__all__ = ["study"]

QUERIES, QUICK = 10_000, 1_000
DRAWN = ((1, 1), (4, 4), (4, 16), (4, 4, 4))
KEEP, ITEMS = 512, 4096
QUICK_SAMPLES = 20_000
DRAWN_BYTES = tuple(mib * 2**20 for mib in (4, 12))

Say = Callable[[str], None]


def study(
    *, seed: int = 1, quick: bool = False, tables: ScoreTables | None = None, say: Say | None = None
) -> dict[str, Any]:
    """Return the document's parts; `tables` are scores to judge the top-k unit on (absent: planted ones)."""
    queries = QUICK if quick else QUERIES
    tell = say or (lambda _: None)
    loaded = Loaded(queries=queries, seed=seed)
    tell("configurations under load")
    rows = figures.by_configuration(loaded)
    best = figures.best_by_load(rows)
    tell("more items, other devices")
    parts: dict[str, Any] = {
        "queries": queries,
        "claims": ideas.claims(),
        "headline": ideas.headline(),
        "waterfall": ideas.waterfall(loaded),
        "configurations": rows,
        "fig12": best,
        "fig13": figures.more_items(loaded),
        "fig14": devices(loaded, seed=seed),
        "fig14_movielens": devices(loaded, seed=seed, tiers=MOVIELENS),
        "fig10a": figures.array_sizes(),
        "fig11": figures.silicon(),
        "utilisation": figures.utilisation_map(),
        "bugs": switches.bug_effects(),
        "combined": switches.combined(),
        "sub_batches": ideas.sub_batches(),
        "floorplans": [floorplan(funnel(slices, "corrected"), name_of(slices)) for slices in DRAWN],
        "gantt": {mode: _drawn(mode) for mode in MODES},
    }
    tell("the search")
    parts["searched"], knee, most = searched(loaded, tables, seed=seed, quick=quick)
    parts["floorplans"] += [floorplan(knee, "found by search: the knee"), floorplan(most, "found: most capacity")]
    parts["gantt"]["searched"] = gantt(knee)
    tell("caches")
    parts["fig10c"] = _caches(seed, quick)
    tell("the top-k unit")
    parts["fig10b"] = _choices(tables, seed)
    tell("checks")
    parts["checks"] = check(parts)
    return parts


def _choices(tables: ScoreTables | None, seed: int) -> dict[str, Any]:
    judged = planted(items=ITEMS, seed=seed) if tables is None else tables
    front, back = (FRONT, BACK) if tables is None else (next(iter(judged.scores)), list(judged.scores)[-1])
    most = int((judged.first[1:] - judged.first[:-1]).max())
    keep = min(KEEP, max(1, most // 8))
    rows = choices(judged, front=front, back=back, items=None, keep=keep, seed=seed)
    source = "planted scores" if tables is None else f"scores of {front} and {back}"
    return {"source": source, "queries": len(judged), "items": most, "keep": keep, "rows": rows}


def _caches(seed: int, quick: bool) -> dict[str, Any]:
    """Return figure 10c by the artifact's method and by ours."""
    found: dict[str, Any] = {}
    ids = zipf_ids(QUICK_SAMPLES, seed=seed) if quick else None
    for mode, method in (("released", RELEASED_SPLIT), ("corrected", CORRECTED_SPLIT)):
        figure = figure_10c(ids, source="a short stand-in", method=method, seed=seed)
        found[mode] = {
            "source": figure.source,
            "holds": figure.holds,
            "words": figure.words,
            "rows": figure.rows(),
            "orderings": [each._asdict() for each in figure.orderings],
            "curves": [
                {
                    "keep": curve.keep,
                    "capacity_bytes": size,
                    "shares": list(curve.shares),
                    "amat": curve.amat[place].tolist(),
                }
                for curve in figure.curves
                for place, size in enumerate(curve.capacities_bytes)
                if size in DRAWN_BYTES
            ],
        }
    return found


def floorplan(design: Design, name: str) -> dict[str, Any]:
    """Return where the sub-arrays of `design` lie, and how busy each is at the design's capacity."""
    found = evaluate(design)
    placed = [
        {"stage": each.stage, "number": each.number, "row": each.row, "col": each.col}
        | {"rows": each.array.rows, "cols": each.array.cols}
        for each in place(design.chip, design.parts)
    ]
    parts, again = design.sub_batches, design.bugs.link_every_stage
    held_ns = [parts * (stage.work_ns + again * stage.link_ns) + (not again) * stage.link_ns for stage in found.stages]
    busy = [found.capacity_qps * ns / 1e9 / stage.part.count for ns, stage in zip(held_ns, found.stages, strict=True)]
    return {
        "name": name,
        "rows": design.chip.array_rows,
        "cols": design.chip.array_cols,
        "placed": placed,
        "shared": all(stage.part.shared for stage in found.stages),
        "stages": [
            {
                "network": stage.network,
                "items": stage.items,
                "share": stage.part.share,
                "cache": stage.part.cache_share,
                "servers": stage.part.count,
                "busy": busy[number],
                "computing": (stage.cycles.compute + stage.cycles.interaction) / stage.cycles.total,
            }
            for number, stage in enumerate(found.stages)
        ],
        "latency_ms": found.latency_ns / 1e6,
        "capacity_qps": found.capacity_qps,
        "area_mm2": asdict(found.area),
    }


def _drawn(mode: str) -> dict[str, Any]:
    split = funnel(ideas.THROUGHPUT_POINT, "released" if mode == "released" else "corrected")
    if mode == "released":
        return gantt(split)
    return gantt(pipelined(split, 4, resident=True, look_ahead=True))
