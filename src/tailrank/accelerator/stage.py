"""How many cycles one stage takes for so many items on its sub-array: the artifact's formula, term by term."""

import math
from dataclasses import dataclass
from typing import Literal

from tailrank.accelerator.array import Array, Layer, run
from tailrank.accelerator.bugs import Bugs
from tailrank.accelerator.chip import Chip
from tailrank.accelerator.demand import Demand
from tailrank.accelerator.fission import Part
from tailrank.accelerator.topk.cycles import filter_cycles
from tailrank.accelerator.topk.unit import FilterUnit
from tailrank.core import BadInputError

__all__ = ["Filter", "Setting", "StageCycles", "stage_cycles"]

Filter = Literal["chip", "host"]

RELEASED_SRAM_BYTES = 1e6  # of every slice, as the artifact's configurations have it
RELEASED_GATHER_BYTES = 64.0
RELEASED_SIXTYFOURTH_GIB_S = 0.125
HOST_STEPS = ((511, 0.03), (1024, 0.07), (4096, 0.35))  # items up to, ms
LARGEST_SORTED = 4096


@dataclass(frozen=True)
class Setting:
    """What decides a stage's cycles beside its network and items.

    `filter` is where the best are chosen. Weights that are `resident` are never loaded; `double_buffered` weights are
    loaded while the layer before is computed; of gathering, `hidden_cycles` have passed before the stage begins. With
    `bins`, the top-k unit's walk over so many bins and the reading of its buffers count, too.
    """

    chip: Chip
    bugs: Bugs
    filter: Filter = "chip"
    resident: bool = False
    double_buffered: bool = False
    hidden_cycles: float = 0.0
    bins: int | None = None


@dataclass(frozen=True)
class StageCycles:
    """Cycles of one stage by what they go to; `loaded_bytes` of weights and `dram_bytes` of rows come from DRAM.

    `hidden` are cycles of gathering that have passed before the stage begins, and are not among `gather`.
    """

    link_in: float
    gather: float
    load: float
    compute: float
    interaction: float
    filter: float
    link_out: float
    loaded_bytes: float
    dram_bytes: float
    hidden: float = 0.0

    @property
    def work(self) -> float:
        """Cycles without the link."""
        return self.gather + self.load + self.compute + self.interaction + self.filter

    @property
    def total(self) -> float:
        """All cycles."""
        return self.link_in + self.work + self.link_out


def stage_cycles(
    setting: Setting, demand: Demand, items: int, part: Part, *, kept: int, first: bool = True, last: bool = True
) -> StageCycles:
    """Return what `items` of `demand` cost on one sub-array of `part`.

    `kept` items leave the chip after the `last` stage; between stages on the chip nothing takes the link, unless the
    host filters. Raises `BadInputError` for resident weights that do not fit, and for items the artifact cannot sort.
    """
    chip, bugs = setting.chip, setting.bugs
    rate = _dram_rate(chip, bugs, part)
    bits = 32 if bugs.four_byte_weights else chip.weight_bits
    room = RELEASED_SRAM_BYTES if bugs.undivided_sram else chip.weight_sram_bytes * part.share
    if setting.resident and demand.weights * bits > 8 * room:
        raise BadInputError(
            f"`{demand.network}` has {demand.weights * bits // 8} bytes of weights, a sub-array SRAM for {room:.0f}",
            hint="give the stage a larger sub-array, narrower operands, or reload weights",
        )
    loads, times, loaded = [], [], 0.0
    for group in demand.groups:
        for layer in group.layers:
            size = layer.weights * bits / 8
            for _ in range(group.copies):
                loads.append(0.0 if setting.resident else _load(chip, bugs, size, room, rate))
                times.append(_compute(setting, part.array, layer, items * group.steps))
                loaded += 0.0 if setting.resident else size
    compute = math.fsum(times)
    load = _hidden(loads, times) if setting.double_buffered else math.fsum(loads)
    link_in, link_out = _link(setting, items, kept, first, last)
    gather = _gather(chip, bugs, float(demand.row_bytes) * items, part, rate)
    hidden = min(gather, setting.hidden_cycles)
    return StageCycles(
        link_in,
        gather - hidden,
        load,
        compute,
        _interaction(chip, demand, items, part.array),
        _filter(setting, items),
        link_out,
        loaded,
        float(demand.row_bytes) * items * chip.miss_rate,
        hidden,
    )


def _dram_rate(chip: Chip, bugs: Bugs, part: Part) -> float:
    """Return the bytes a cycle that DRAM gives one sub-array."""
    starved = bugs.starved_sixtyfourth and part.share == 1 / 64
    return chip.bytes_per_cycle(RELEASED_SIXTYFOURTH_GIB_S if starved else chip.dram_gib_s * part.bandwidth_share)


def _load(chip: Chip, bugs: Bugs, size: float, room: float, rate: float) -> float:
    fillings = math.ceil(size / room)
    moved = fillings * min(size, room) if bugs.whole_loads else size
    return fillings * chip.dram_latency_cycles + moved / rate


def _hidden(loads: list[float], times: list[float]) -> float:
    """Return the loading that shows when each layer's weights are loaded while the layer before is computed."""
    late = (max(0.0, load - time) for load, time in zip(loads[1:], times[:-1], strict=True))
    return loads[0] + math.fsum(late)


def _compute(setting: Setting, array: Array, layer: Layer, items: int) -> float:
    if not setting.bugs.coarse_tiles:
        return float(run(array, layer, items, double_buffered=setting.double_buffered).cycles)
    tiles = -(-layer.inputs // array.rows) * -(-layer.outputs // array.cols)
    return float(tiles * (min(layer.inputs, array.rows) + min(layer.outputs, array.cols) + items))


def _gather(chip: Chip, bugs: Bugs, size: float, part: Part, rate: float) -> float:
    """Return the cycles to gather `size` bytes of rows: misses from DRAM, or flash if that is slower, then hits."""
    if size == 0:
        return 0.0
    port = RELEASED_GATHER_BYTES if bugs.undivided_sram else chip.gather_bytes * part.cache_share
    dram = chip.dram_latency_cycles + size * chip.miss_rate / rate
    flash = 0.0
    if chip.dram_miss_rate > 0:
        flash_rate = chip.bytes_per_cycle(chip.flash_gib_s * (1.0 if bugs.undivided_sram else part.bandwidth_share))
        flash = chip.flash_latency_cycles + size * chip.dram_miss_rate / flash_rate
    return max(flash, dram) + size * (1 - chip.miss_rate) / port


def _interaction(chip: Chip, demand: Demand, items: int, array: Array) -> float:
    """Return the cycles of products of rows.

    Dot products: an item's rows lie on the array (`pair_dim` x `pairs` cells) and stream through it, items beside and
    below each other where there is room, in folds like those of a layer that is stacked (convention `v1`). Products
    element by element: one a cycle in each block's accumulator.
    """
    cycles = 0
    if demand.pairs:
        dim, pairs = demand.pair_dim, demand.pairs
        below, beside = array.rows // dim, array.cols // pairs
        if below and beside:
            cycles = -(-items // (below * beside)) * (below * dim + dim + beside * pairs + pairs)
        else:
            cycles = items * run(array, Layer(dim, pairs), pairs).cycles
    blocks = max(1, array.cells // chip.block**2)
    return float(cycles + -(-items * demand.products // blocks))


def _filter(setting: Setting, items: int) -> float:
    chip, bugs = setting.chip, setting.bugs
    if setting.filter == "chip" and setting.bins is not None:
        unit = FilterUnit(bins=setting.bins, lanes=max(1, round(chip.filter_items)))
        return filter_cycles(unit, items).total / (chip.clock_ns if bugs.filter_clock_twice else 1.0)
    if setting.filter == "chip":
        return items / chip.filter_items / (chip.clock_ns if bugs.filter_clock_twice else 1.0)
    if not bugs.host_filter_steps:
        work = items * math.log2(items + 1) / (LARGEST_SORTED * math.log2(LARGEST_SORTED + 1))
        return chip.cycles(1000 * chip.host_filter_ms * work)
    for most, ms in HOST_STEPS:
        if items <= most:
            return chip.cycles(1000 * ms)
    raise BadInputError(
        f"the artifact's host cannot sort {items} items", hint=f"at most {LARGEST_SORTED}, or correct host_filter_steps"
    )


def _link(setting: Setting, items: int, kept: int, first: bool, last: bool) -> tuple[float, float]:
    chip, bugs = setting.chip, setting.bugs
    off = setting.filter == "host" or bugs.link_every_stage
    back = items if setting.filter == "host" else 0 if bugs.link_returns_nothing else kept
    there_us = chip.link_us + chip.link_in_us_per_item * items if first or off else 0.0
    back_us = chip.link_us + chip.link_out_us_per_item * back if last or off else 0.0
    if bugs.link_unit:
        return 1000 * there_us, 1000 * back_us
    return chip.cycles(there_us), chip.cycles(back_us)
