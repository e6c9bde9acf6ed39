"""The chip: array, memories, link and clock. Defaults are the accelerator of RecPipe's artifact, undivided."""

from typing import Annotated, Literal

from msgspec import Meta

from tailrank.accelerator.array import Array
from tailrank.core import BadInputError, Config

__all__ = ["MIB", "Chip"]

MIB = 2**20
GIB_PER_NS = 2**30 / 1e9  # bytes a nanosecond of 1 GiB/s

Count = Annotated[int, Meta(ge=1)]
Above = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
NotBelow = Annotated[float, Meta(ge=0)]


class Chip(Config, frozen=True, kw_only=True):
    """What there is to divide between stages.

    The array has `array_rows` x `array_cols` cells and splits into rectangles of whole blocks of `block` x `block`.
    SRAM: the artifact's synthesis, 4 MiB of weights, 4 MiB of activations, 16 MiB of embedding rows, the last in 64
    macros that give 4 bytes a cycle each (`gather_bytes` in all). `miss_rate` is the share of embedding bytes not found
    in SRAM (the artifact's constant), `dram_miss_rate` the share not found in DRAM either. The link to the host costs
    `link_us` and so much an item, in (ids) and out (scores): the artifact's measurements of a T4's PCIe, taken as
    microseconds. The top-k unit takes `filter_items` scores a cycle. `weight_bits` is the width of operands on the
    array; embedding rows are fp32. `host_filter_ms` is what a host takes to sort 4,096 scores.
    """

    array_rows: Count = 128
    array_cols: Count = 128
    block: Count = 4
    clock_ns: Above = 8.0
    weight_bits: Literal[8, 16, 32] = 16
    weight_sram_bytes: Count = 4 * MIB
    activation_sram_bytes: Count = 4 * MIB
    embedding_sram_bytes: Count = 16 * MIB
    gather_bytes: Above = 256.0
    miss_rate: Share = 0.5
    dram_gib_s: Above = 32.0
    dram_latency_cycles: NotBelow = 100.0
    dram_miss_rate: Share = 0.0
    flash_gib_s: Above = 0.1
    flash_latency_cycles: NotBelow = 20_000.0
    filter_items: Above = 16.0
    link_us: NotBelow = 5.0
    link_in_us_per_item: NotBelow = 12 / 4096
    link_out_us_per_item: NotBelow = 5 / 4096
    host_filter_ms: NotBelow = 0.35

    def __post_init__(self) -> None:
        for name, side in (("array_rows", self.array_rows), ("array_cols", self.array_cols)):
            if side % self.block:
                raise BadInputError(
                    f"{name}: {side} is not whole blocks of {self.block}", hint="give a multiple of `block`"
                )

    @property
    def array(self) -> Array:
        """The whole array."""
        return Array(self.array_rows, self.array_cols)

    def bytes_per_cycle(self, gib_s: float) -> float:
        """Return what `gib_s` GiB/s move in a cycle."""
        return gib_s * GIB_PER_NS * self.clock_ns

    def cycles(self, us: float) -> float:
        """Return how many cycles `us` microseconds are."""
        return us * 1000 / self.clock_ns
