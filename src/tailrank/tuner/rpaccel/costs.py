"""Costs of all designs of a space at once: each term of a stage tabulated by the exact model, then added up.

A stage's cycles are a sum of terms, each of which depends on few things: computing on sub-array and items, loading on
sub-array and bandwidth, gathering on bandwidth and cache. Energy is linear in the bytes moved and the cycles worked.
Nothing is approximated: tests hold the sums to `accelerator.evaluate`.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.accelerator import CORRECTED, Array, Chip, Demand, Part, Setting, StageCycles, demand, stage_cycles
from tailrank.accelerator.energy import stage_energy
from tailrank.tuner.rpaccel.space import Partition, Space

__all__ = ["Costs", "StageCosts", "family_costs", "miss_rate", "stage_costs", "together"]

F64 = NDArray[np.float64]
FP32_BYTES = 4
PROBE = 1e6  # bytes and cycles by which energy is found to rise


@dataclass(frozen=True)
class StageCosts:
    """One stage in every partition (P), share of bandwidth (B), of cache (C), count of parts (S) and of bins (K).

    `work_ns` (P, B, C, S, K) of a part, `pace_ns` between parts, `link_ns` of a query, `energy_pj` (P, B, C, S, K) of a
    query, `servers` (P,).
    """

    work_ns: F64
    pace_ns: F64
    link_ns: float
    energy_pj: F64
    servers: F64


@dataclass(frozen=True)
class Costs:
    """Latency of a query alone, capacity and energy a query of every design, arrays (P, B, C, S, K)."""

    latency_ms: F64
    capacity_qps: F64
    energy_mj: F64


def miss_rate(space: Space, chip: Chip, network: str, cache_share: float) -> float:
    """Return the share of bytes that miss in a sub-array's part of the embedding SRAM."""
    return 1.0 - space.hits.at(cache_share * chip.embedding_sram_bytes / row_bytes(network))


@cache
def row_bytes(network: str) -> int:
    """Return the bytes of a row of `network`'s tables."""
    from tailrank import zoo

    return zoo.get(network).tables[0].dim * FP32_BYTES


def stage_costs(
    space: Space,
    chip: Chip,
    networks: tuple[str, ...],
    items: tuple[int, ...],
    number: int,
    ways: list[Partition],
    *,
    before: StageCosts | None = None,
) -> StageCosts:
    """Return the costs of stage `number` of a funnel in every way to divide `chip`; `before` are the stage before's."""
    network, whole = networks[number], items[number]
    asked, stages = demand(network, CORRECTED), len(networks)
    kept = space.results if number == stages - 1 else items[number + 1]
    ends = {"first": number == 0, "last": number == stages - 1}
    setting = Setting(chip, CORRECTED)
    bandwidth, cached = (_shares(space, name, number, stages) for name in ("bandwidth", "cache"))
    resident = np.array([_resident(chip, networks, way) for way in ways])
    arrays = [way[number][0] for way in ways]
    servers = np.array([way[number][1] for way in ways], dtype=np.float64)
    shape = (len(ways), len(bandwidth), len(cached), len(space.parts), len(space.bins))
    work, pace, energy = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for s, parts in enumerate(space.parts):
        size = -(-whole // parts)
        hidden = space.look_ahead and before is not None and parts > 1
        terms = _Terms(setting, asked, size, -(-kept // parts), ends)
        fixed = np.array([terms.computing(array) for array in arrays])
        filters = np.array([terms.filtering(bins) for bins in space.bins])
        load = np.array(
            [
                [0.0 if stays else terms.loading(array, b / n) for b in bandwidth]
                for array, n, stays in zip(arrays, servers, resident, strict=True)
            ]
        )
        rows = [[(b / n, c / n) for b in bandwidth for c in cached] for n in servers]
        missed = {c / n: miss_rate(space, chip, network, c / n) for c in cached for n in set(servers)}
        gather = np.array([[terms.gathering(b, c, missed[c]) for b, c in row] for row in rows])
        gather = gather.reshape(shape[:3])[..., None]
        shown = gather
        if hidden and before is not None:
            shown = np.maximum(0.0, gather - before.work_ns[:, :, :, s] / chip.clock_ns)
        cycles = (fixed[:, None] + load)[:, :, None, None] + shown + filters
        pace[:, :, :, s] = np.maximum(cycles, gather) * chip.clock_ns
        work[:, :, :, s] = cycles * chip.clock_ns
        dram = asked.row_bytes * size * np.array([[missed[c / n] for c in cached] for n in servers])
        loaded = np.where(resident, 0.0, terms.loaded)
        energy[:, :, :, s] = parts * _energy(chip, asked, size, arrays, cycles, dram, loaded)
    link = stage_cycles(setting, asked, whole, Part(chip.array, 1, 1.0), kept=kept, **ends)
    return StageCosts(work, pace, (link.link_in + link.link_out) * chip.clock_ns, energy, servers)


def family_costs(
    space: Space, chip: Chip, networks: tuple[str, ...], items: tuple[int, ...], ways: list[Partition]
) -> Costs:
    """Return what every design of one funnel on `chip` does."""
    stages: list[StageCosts] = []
    for number in range(len(networks)):
        before = stages[-1] if stages else None
        stages.append(stage_costs(space, chip, networks, items, number, ways, before=before))
    return together(space, stages)


def together(space: Space, stages: list[StageCosts]) -> Costs:
    """Return what designs of these stages do."""
    parts = np.array(space.parts, dtype=np.float64)[:, None]
    link = sum(stage.link_ns for stage in stages)
    slowest = np.max([stage.pace_ns for stage in stages], axis=0)
    latency = link + sum(stage.work_ns for stage in stages) + (parts - 1) * slowest
    rates = [
        1e9 * stage.servers[:, None, None, None, None] / (stage.link_ns + parts * stage.pace_ns) for stage in stages
    ]
    energy = np.sum([stage.energy_pj for stage in stages], axis=0)
    return Costs(latency / 1e6, np.min(rates, axis=0), energy * 1e-9)


def _shares(space: Space, name: str, number: int, stages: int) -> list[float]:
    if stages == 1:
        return [1.0]
    given: tuple[float, ...] = getattr(space, name)
    return [each if number == 0 else 1 - each for each in given]


def _resident(chip: Chip, networks: tuple[str, ...], way: Partition) -> bool:
    """Return whether the weights of every stage fit its sub-arrays' share of the weight SRAM."""
    return all(
        demand(network, CORRECTED).weights * chip.weight_bits
        <= 8 * chip.weight_sram_bytes * array.cells / chip.array.cells
        for network, (array, _) in zip(networks, way, strict=True)
    )


class _Terms:
    """The terms of one stage's cycles for parts of `size` items, each found once."""

    def __init__(self, setting: Setting, asked: Demand, size: int, kept: int, ends: dict[str, bool]) -> None:
        self._setting, self._asked, self._size, self._kept, self._ends = setting, asked, size, kept, ends
        self._computing: dict[Array, float] = {}
        self._loading: dict[tuple[Array, float], float] = {}
        self._gathering: dict[tuple[float, float], float] = {}
        self.loaded = self._cycles(Part(setting.chip.array, 1, 1.0)).loaded_bytes

    def _cycles(self, part: Part, setting: Setting | None = None) -> StageCycles:
        return stage_cycles(setting or self._setting, self._asked, self._size, part, kept=self._kept, **self._ends)

    def _part(self, array: Array, bandwidth: float, cached: float = 1.0) -> Part:
        share = array.cells / self._setting.chip.array.cells
        return Part(array, 1, share, bandwidth=bandwidth, cache=cached)

    def computing(self, array: Array) -> float:
        if array not in self._computing:
            found = self._cycles(self._part(array, 1.0))
            self._computing[array] = found.compute + found.interaction
        return self._computing[array]

    def loading(self, array: Array, bandwidth: float) -> float:
        key = array, bandwidth
        if key not in self._loading:
            self._loading[key] = self._cycles(self._part(array, bandwidth)).load
        return self._loading[key]

    def gathering(self, bandwidth: float, cached: float, missed: float) -> float:
        key = bandwidth, cached
        if key not in self._gathering:
            chip = replace(self._setting.chip, miss_rate=missed)
            part = Part(chip.array, 1, 1.0, bandwidth=bandwidth, cache=cached)
            small = Setting(chip, CORRECTED, resident=False)
            self._gathering[key] = self._cycles(part, small).gather
        return self._gathering[key]

    def filtering(self, bins: int) -> float:
        setting = Setting(self._setting.chip, CORRECTED, bins=bins)
        return self._cycles(Part(self._setting.chip.array, 1, 1.0), setting).filter


def _energy(chip: Chip, asked: Demand, size: int, arrays: list[Array], cycles: F64, dram: F64, loaded: F64) -> F64:
    """Return the energy of a part, (P, B, C, K): what rises with work (P, B, C, K), misses (P, C), loads (P,)."""

    def at(array: Array, work: float = 0.0, missed: float = 0.0, weights: float = 0.0) -> float:
        part = Part(array, 1, array.cells / chip.array.cells)
        probe = StageCycles(0.0, 0.0, 0.0, work, 0.0, 0.0, 0.0, weights, missed)
        return stage_energy(chip, asked, size, part, probe).total_pj

    kinds = {array: (at(array), at(array, work=PROBE)) for array in set(arrays)}
    base = np.array([kinds[array][0] for array in arrays])
    slope = np.array([(kinds[array][1] - kinds[array][0]) / PROBE for array in arrays])
    zero = at(chip.array)
    per_miss = (at(chip.array, missed=PROBE) - zero) / PROBE
    per_load = (at(chip.array, weights=PROBE) - zero) / PROBE
    fixed = (base + per_load * loaded)[:, None, None] + per_miss * dram[:, None, :]
    return fixed[..., None] + slope[:, None, None, None] * cycles
