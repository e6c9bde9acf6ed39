"""The paper's divisions of the chip beside those that a search finds: same networks, same hit curve, same quality."""

from typing import Any

from msgspec.structs import replace

from tailrank.accelerator import Design, Evaluation, evaluate
from tailrank.datasets.score_tables import ScoreTables
from tailrank.tuner.rpaccel.choices import planted
from tailrank.tuner.rpaccel.configurations import funnel, name_of, pipelined
from tailrank.tuner.rpaccel.costs import miss_rate
from tailrank.tuner.rpaccel.explore import Limits, Point, explore
from tailrank.tuner.rpaccel.ideas import baseline
from tailrank.tuner.rpaccel.quality import qualities
from tailrank.tuner.rpaccel.space import Space
from tailrank.tuner.rpaccel.tails import Loaded

__all__ = ["SPACE", "searched", "with_hits"]

SPACE = Space(embedding_mib=(16,), bins=(16,))
"""The paper's chip, with the filter of its synthesis."""
DROP = 0.005
PAPERS = ((1, 1), (4, 4), (4, 16), (16, 16))
EQUAL = "(4, 4), but 256 items kept, 2 parts, weights resident, look-ahead"
"""What the search may use, but for unequal division: how much of a gain is that."""
TOLD_QPS = 2000.0
QUERIES, QUICK = 200, 40


def with_hits(design: Design, space: Space = SPACE) -> Design:
    """Return `design` with each stage's misses as the hit curve of `space` has them for its embedding SRAM."""
    stages = tuple(
        replace(stage, miss_rate=miss_rate(space, design.chip, stage.network, part.cache_share))
        for stage, part in zip(design.stages, design.parts, strict=True)
    )
    return replace(design, stages=stages)


def searched(
    loaded: Loaded, tables: ScoreTables | None, *, seed: int, quick: bool
) -> tuple[dict[str, Any], Design, Design]:
    """Return {designs, within, floor, rows}, the knee, and the design of most capacity.

    Rows are of the baseline, of the paper's divisions, and of the front. Quality is that of `tables` where they have
    the networks and enough candidates, else of planted scores.
    """
    needed = {name for networks in SPACE.funnels for name in networks}
    enough = tables is not None and int((tables.first[1:] - tables.first[:-1]).max()) >= max(SPACE.take)
    able = tables is not None and enough and needed <= set(tables.scores)
    judged = tables if tables is not None and able else planted(queries=QUICK if quick else QUERIES, seed=seed)
    quality = qualities(judged, SPACE, seed=seed)
    floor = quality.best_single * (1 - DROP)
    found = explore(SPACE, quality, Limits(quality=floor))
    base = evaluate(with_hits(baseline("corrected")))
    rows = [_row("baseline", "baseline", with_hits(baseline("corrected")), base, base, loaded)]
    for slices in PAPERS:
        design = with_hits(funnel(slices, "corrected"))
        rows.append(_row("paper", name_of(slices), design, evaluate(design), base, loaded))
    equal = replace(
        with_hits(pipelined(funnel((4, 4), "corrected", items=(4096, 256)), 2, resident=True, look_ahead=True)), bins=16
    )
    rows.append(_row("paper", EQUAL, equal, evaluate(equal), base, loaded))
    for point in found.points:
        row = _row("found", _name(point), point.design, point.found, base, loaded)
        rows.append(row | {"quality": point.quality, "knee": point.knee})
    document = {
        "designs": found.designs,
        "within": found.feasible,
        "floor": floor,
        "source": "given scores" if able else "planted scores",
        "qps": TOLD_QPS,
        "rows": rows,
    }
    knee = next(point.design for point in found.points if point.knee)
    return document, knee, found.points[-1].design


def _name(point: Point) -> str:
    stages = (
        f"{stage.network}:{stage.items} on {stage.servers} x {stage.rows}x{stage.cols}" for stage in point.design.stages
    )
    parts = point.design.sub_batches
    return f"{', '.join(stages)}; {parts} part{'' if parts == 1 else 's'}"


def _row(kind: str, name: str, design: Design, found: Evaluation, base: Evaluation, loaded: Loaded) -> dict[str, Any]:
    tail = loaded.tail(design, TOLD_QPS)
    return {
        "kind": kind,
        "name": name,
        "latency_ms": found.latency_ns / 1e6,
        "capacity_qps": found.capacity_qps,
        "energy_mj": found.energy.total_mj,
        "latency_gain": base.latency_ns / found.latency_ns,
        "capacity_gain": found.capacity_qps / base.capacity_qps,
        "p99_ms": tail.p99_ms if tail.stable else None,
        "quality": None,
        "knee": False,
    }
