"""`tailrank accel explore`: the best designs of a space, under a quality floor and caps of area and power."""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailrank.cli.arguments import count_or_zero, positive_float
from tailrank.cli.output import print_json, significant, table
from tailrank.core import BadInputError

if TYPE_CHECKING:
    from tailrank.tuner.rpaccel import Explored, Point, Qualities

HELP = "search partitions, shares of bandwidth and cache, sub-batches and top-k bins for the best designs of RPAccel"
EXAMPLE = """tailrank accel explore
  tailrank accel explore --quality-drop 1% --area-cap 30 --objectives latency,capacity,energy
  tailrank accel explore --space space.toml --tables runs/ml1m/scores --qps 2000 --designs best/ --json"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "--space", type=Path, metavar="FILE", help="what to try, as TOML (default: some 1.7 million designs)"
    )
    parser.add_argument(
        "--tables",
        type=Path,
        metavar="DIR",
        help="score tables of the space's networks (default: planted scores, which stand for no data)",
    )
    floor = parser.add_mutually_exclusive_group()
    floor.add_argument(
        "--quality-drop",
        default="0.5%",
        metavar="X%",
        help="NDCG may be this much below that of the best single stage (default 0.5%%)",
    )
    floor.add_argument("--quality-floor", type=positive_float, metavar="NDCG", help="or at least this")
    parser.add_argument("--area-cap", type=positive_float, metavar="MM2", help="area at most")
    parser.add_argument("--power-cap", type=positive_float, metavar="W", help="synthesised power at most")
    parser.add_argument("--least-qps", type=positive_float, default=None, metavar="N", help="capacity at least")
    parser.add_argument(
        "--objectives",
        default="latency,capacity",
        metavar="LIST",
        help="of latency, capacity, energy, area, quality (default latency,capacity)",
    )
    parser.add_argument("--qps", type=positive_float, metavar="N", help="also the tails at this offered load")
    parser.add_argument("--designs", type=Path, metavar="DIR", help="write the front's designs here, a file each")
    parser.add_argument("--seed", type=count_or_zero, default=1, metavar="N", help="of scores and arrivals (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document to stdout and nothing else there")


def run(args: argparse.Namespace) -> int:
    """Search and print."""
    from tailrank.core.config import load
    from tailrank.datasets.score_tables import load_score_tables
    from tailrank.tuner.rpaccel import Limits, Space, explore, planted, qualities

    drop = _share(args.quality_drop)
    space = Space() if args.space is None else load(Space, args.space)
    stand_in = args.tables is None
    tables = planted(items=max(space.take), seed=args.seed) if stand_in else load_score_tables(args.tables)
    quality = qualities(tables, space, seed=args.seed)
    floor = args.quality_floor if args.quality_floor is not None else quality.best_single * (1 - drop)
    limits = Limits(
        floor, args.area_cap, None if args.power_cap is None else 1000 * args.power_cap, args.least_qps or 0
    )
    objectives: Any = tuple(word.strip() for word in args.objectives.split(","))
    began = time.perf_counter()
    found = explore(space, quality, limits, objectives)
    seconds = time.perf_counter() - began
    rows = _rows(found, args)
    if args.designs is not None:
        _write(found, args.designs)
    document = {
        "scores": "planted" if args.tables is None else str(args.tables),
        "objectives": list(objectives),
        "quality_floor": floor,
        "best_single_stage_quality": quality.best_single,
        "judged_queries": quality.queries,
        "designs": found.designs,
        "within_limits": found.feasible,
        "seconds": seconds,
        "designs_per_second": found.designs / max(seconds, 1e-9),
        "front": rows,
    }
    print_json(document) if args.json else print(_text(document, quality))
    return 0


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise BadInputError(f"--quality-drop: `{text}` is no share below 1", hint="such as 0.5% or 0.005")
    return value


def _rows(found: "Explored", args: argparse.Namespace) -> list[dict[str, Any]]:
    from tailrank.core.config import to_dict
    from tailrank.tuner.rpaccel import Loaded

    loaded = Loaded(seed=args.seed)
    rows = []
    for point in found.points:
        row = {
            "design": to_dict(point.design),
            "text": describe(point),
            "latency_ms": point.found.latency_ns / 1e6,
            "capacity_qps": point.found.capacity_qps,
            "energy_mj_per_query": point.found.energy.total_mj,
            "area_mm2": point.found.area.total,
            "power_mw": point.found.power.total,
            "quality": point.quality,
            "best_at": list(point.best_at),
            "knee": point.knee,
        }
        if args.qps is not None:
            tail = loaded.tail(point.design, args.qps)
            row |= {"p95_ms": tail.p95_ms, "p99_ms": tail.p99_ms} if tail.stable else {"p95_ms": None, "p99_ms": None}
        rows.append(row)
    return rows


def describe(point: "Point") -> str:
    """Return a design in a line: networks, items, sub-arrays, the first stage's shares, parts and bins."""
    design = point.design
    stages = [
        f"{stage.network}:{stage.items} on {stage.servers} x {stage.rows}x{stage.cols}" for stage in design.stages
    ]
    words = [", ".join(stages)]
    if len(design.stages) > 1:
        bandwidth, cache = (
            round(100 * (getattr(design.stages[0], name) or 0.0) * design.stages[0].servers)
            for name in ("bandwidth", "cache")
        )
        words.append(f"{bandwidth} % of bandwidth and {cache} % of cache first")
    words.append(f"{design.sub_batches} part{'' if design.sub_batches == 1 else 's'}")
    words.append(f"{design.bins} bins")
    words.append(f"{design.chip.embedding_sram_bytes >> 20} MiB of rows")
    return "; ".join(words) + ("; weights stay" if design.resident else "")


def _text(document: dict[str, Any], quality: "Qualities") -> str:
    head = ["latency ms", "capacity q/s", "mJ", "mm2", f"NDCG@{quality.results}", "", "design"]
    keys = ["latency_ms", "capacity_qps", "energy_mj_per_query", "area_mm2", "quality"]
    if "p99_ms" in document["front"][0]:
        head.insert(2, "p99 ms")
        keys.insert(2, "p99_ms")
    rows = [
        [*(row[key] for key in keys), ", ".join([*row["best_at"], *(["knee"] if row["knee"] else [])]), row["text"]]
        for row in document["front"]
    ]
    return "\n".join(
        [
            f"{document['designs']:,} designs, {document['within_limits']:,} within the limits, in "
            f"{significant(document['seconds'])} s; NDCG at least {document['quality_floor']:.4f} "
            f"({document['scores']} scores)",
            "",
            table(head, rows),
        ]
    )


def _write(found: "Explored", folder: Path) -> None:
    from tailrank.core.config import dump
    from tailrank.core.files import disk_errors

    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for number, point in enumerate(found.points, start=1):
        dump(point.design, folder / f"design-{number:02}.toml")
