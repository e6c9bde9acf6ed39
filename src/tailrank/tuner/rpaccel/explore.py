"""The search of a space of designs: every one of them costed, those within the limits kept, and their front."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.accelerator import CORRECTED, Chip, Design, Evaluation, StageDesign, area, evaluate
from tailrank.core import BadInputError, stream
from tailrank.tuner.explore import front, knee
from tailrank.tuner.rpaccel.costs import family_costs, miss_rate
from tailrank.tuner.rpaccel.quality import Qualities
from tailrank.tuner.rpaccel.space import Partition, Space, partitions

__all__ = ["Explored", "Limits", "Objective", "Point", "explore"]

Objective = Literal["latency", "capacity", "energy", "area", "quality"]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
MIB = 2**20
SAMPLE = 400
COLUMNS: tuple[Objective, ...] = get_args(Objective)


class Limits(NamedTuple):
    """What a design must not break: quality at least, area, synthesised power and energy at most (None: any)."""

    quality: float = 0.0
    area_mm2: float | None = None
    power_mw: float | None = None
    capacity_qps: float = 0.0


@dataclass(frozen=True)
class Point:
    """One design of the front: what it is, what it does, and its quality; `best_at` names objectives it leads."""

    design: Design
    found: Evaluation
    quality: float
    best_at: tuple[Objective, ...]
    knee: bool


@dataclass(frozen=True)
class Explored:
    """The front, in order of the first objective; how many designs were costed, and how many are within the limits."""

    points: tuple[Point, ...]
    designs: int
    feasible: int


class _Block(NamedTuple):
    """Designs of one funnel on one chip, arrays flat (n,): columns as `COLUMNS`, places for `_design`."""

    values: F64
    place: I64
    costed: int


@dataclass(frozen=True)
class _Family:
    networks: tuple[str, ...]
    items: tuple[int, ...]
    chip: Chip
    ways: list[Partition]
    shape: tuple[int, ...]


def explore(
    space: Space, quality: Qualities, limits: Limits, objectives: tuple[Objective, ...] = ("latency", "capacity")
) -> Explored:
    """Return the Pareto front of `space` within `limits`; raises `BadInputError` where nothing is within them."""
    for name in objectives:
        if name not in COLUMNS:
            raise BadInputError(f"objectives: no `{name}`", hint=f"known: {', '.join(COLUMNS)}")
    if not objectives:
        raise BadInputError("objectives: none", hint=f"known: {', '.join(COLUMNS)}")
    families = _families(space)
    blocks = [_block(space, family, quality, limits) for family in families]
    designs = sum(block.costed for block in blocks)
    values = np.concatenate([block.values for block in blocks])
    if len(values) == 0:
        raise BadInputError(
            f"none of {designs:,} designs is within the limits", hint="lower the quality floor, or raise a cap"
        )
    family = np.repeat(np.arange(len(blocks)), [len(block.values) for block in blocks])
    place = np.concatenate([block.place for block in blocks])
    asked = _upward(values)[:, [COLUMNS.index(name) for name in objectives]]
    best = _front(asked)
    centre = knee(asked[best])
    leads = {name: int(best[np.argmax(asked[best, at])]) for at, name in enumerate(objectives)}
    points = []
    for number, row in enumerate(best.tolist()):
        design = _design(space, families[family[row]], int(place[row]))
        led = tuple(name for name in objectives if leads[name] == row)
        points.append(Point(design, evaluate(design), float(values[row, -1]), led, number == centre))
    return Explored(tuple(points), designs, len(values))


def _families(space: Space) -> list[_Family]:
    found = []
    for side in space.array_sides:
        for mib in space.embedding_mib:
            chip = replace(space.chip, array_rows=side, array_cols=side, embedding_sram_bytes=mib * MIB)
            ways = {depth: partitions(space, chip, depth) for depth in {len(funnel) for funnel in space.funnels}}
            for networks in space.funnels:
                depth = len(networks)
                halves = (len(space.bandwidth), len(space.cache)) if depth == 2 else (1, 1)
                shape = (len(ways[depth]), *halves, len(space.parts), len(space.bins))
                found += [
                    _Family(networks, items, chip, ways[depth], shape) for items in _items(space, depth) if ways[depth]
                ]
    return found


def _items(space: Space, depth: int) -> list[tuple[int, ...]]:
    if depth == 1:
        return [(take,) for take in space.take]
    return [(take, keep) for take in space.take for keep in space.keep if space.results <= keep < take]


def _block(space: Space, family: _Family, quality: Qualities, limits: Limits) -> _Block:
    """Return those designs of a family that are within the limits."""
    costs = family_costs(space, family.chip, family.networks, family.items, family.ways)
    ndcg = np.array(
        [
            [quality.of.get((family.networks, family.items, bins, parts), -np.inf) for bins in space.bins]
            for parts in space.parts
        ]
    )
    if len(family.networks) == 1:  # nothing overlaps in one stage: whole queries only, and one kind of unit
        ndcg[np.array(space.parts) > 1] = -np.inf
        ndcg[:, 1:] = -np.inf
    silicon = [area(family.chip, bins=bins) for bins in space.bins]
    mm2, mw = (np.array([getattr(each, name).total for each in silicon]) for name in ("area_mm2", "power_mw"))
    within = (ndcg >= limits.quality) & np.isfinite(ndcg)
    within &= mm2 <= (np.inf if limits.area_mm2 is None else limits.area_mm2)
    within &= mw <= (np.inf if limits.power_mw is None else limits.power_mw)
    chosen = (within & (costs.capacity_qps >= limits.capacity_qps)).ravel()
    columns = (costs.latency_ms, costs.capacity_qps, costs.energy_mj, mm2, ndcg)
    flat = [np.broadcast_to(each, family.shape).ravel()[chosen] for each in columns]
    costed = int(np.isfinite(np.broadcast_to(ndcg, family.shape)).sum())
    return _Block(np.stack(flat, axis=1), np.flatnonzero(chosen), costed)


def _upward(values: F64) -> F64:
    """Return the columns so that more is better."""
    turned: F64 = values * np.array([-1.0, 1.0, -1.0, -1.0, 1.0])
    return turned


def _front(points: F64) -> I64:
    """Return the rows that no other dominates: what samples of them dominate is dropped first, all at once."""
    rows = np.arange(len(points))
    rng = stream(0, "sampled front")
    while len(rows) > 4 * SAMPLE:
        some = rng.choice(rows, SAMPLE, replace=False)
        best = some[front(points[some])]
        kept = np.ones(len(rows), dtype=bool)
        for each in best:
            worse = np.all(points[rows] <= points[each], axis=1)
            worse[rows == each] = False
            kept &= ~worse
        if kept.sum() > 0.9 * len(rows):
            break
        rows = rows[kept]
    return rows[front(points[rows])]


def _design(space: Space, family: _Family, place: int) -> Design:
    """Return the design at a place of its family's arrays."""
    way, b, c, s, k = (int(each) for each in np.unravel_index(place, family.shape))
    depth = len(family.networks)
    stages = []
    for number, (network, items) in enumerate(zip(family.networks, family.items, strict=True)):
        array, servers = family.ways[way][number]
        given = [1.0, 1.0] if depth == 1 else [space.bandwidth[b], space.cache[c]]
        bandwidth, cached = ((each if number == 0 else 1 - each) / servers for each in given)
        stages.append(
            StageDesign(
                network=network,
                items=items,
                rows=array.rows,
                cols=array.cols,
                servers=servers,
                bandwidth=bandwidth,
                cache=cached,
                miss_rate=miss_rate(space, family.chip, network, cached),
            )
        )
    parts = space.parts[s]
    design = Design(
        stages=tuple(stages),
        chip=family.chip,
        bugs=CORRECTED,
        kept=space.results,
        sub_batches=parts,
        hidden_rows=space.look_ahead and depth > 1 and parts > 1,
        bins=space.bins[k],
    )
    return replace(design, resident=_fits(design))


def _fits(design: Design) -> bool:
    """Return whether weights can stay: the model refuses those that do not fit."""
    try:
        evaluate(replace(design, resident=True))
    except BadInputError:
        return False
    return True
