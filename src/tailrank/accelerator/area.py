"""Area and power of each block, from RecPipe's synthesis at GF 12LP (0.70 V, 25 C, April 2021), scaled by count.

Values are those that the artifact's figure 11 adds up (whole micrometres squared and milliwatts). It gives power
without activity or clock. SRAM comes in macros, rounded up.
"""

from dataclasses import dataclass

from tailrank.accelerator.chip import Chip

__all__ = ["BINS", "Blocks", "Silicon", "area"]

SYNTHESISED = 32  # rows and columns of the array that was synthesised, in blocks of 4 x 4
# um^2 and mW each
ARRAY, DYNAMIC_ARRAY = (506_891, 166.0), (527_807, 171.0)
ACCUMULATOR, CROSSBAR, FILTER = (106, 0.14), (287, 0.32), (453, 0.198)
SRAM_4K, SRAM_32K, SRAM_256K = (4_684, 0.8), (29_142, 2.4), (183_290, 8.4)
KIB = 1024
BINS = 16  # of the filter that was synthesised


@dataclass(frozen=True)
class Blocks:
    """A number for each block: the array with accumulators and crossbars, top-k filters, and the three SRAMs."""

    array: float
    filter: float
    activation: float
    weight: float
    embedding: float

    @property
    def total(self) -> float:
        """Sum of all blocks."""
        return self.array + self.filter + self.activation + self.weight + self.embedding


@dataclass(frozen=True)
class Silicon:
    """Area in mm^2 and synthesised power in mW of a chip, by block."""

    area_mm2: Blocks
    power_mw: Blocks


def area(chip: Chip, *, rpaccel: bool = True, filters: bool = True, bins: int = BINS) -> Silicon:
    """Return area and power of `chip`, as RPAccel or as the baseline that it grew from.

    Half of a filter is taken to be counters, which grow with its `bins`.

    The baseline has an accumulator a column and activations in a macro of 32 KiB a row (as many as hold its bytes);
    RPAccel an accumulator, a filter and an activation macro of 4 KiB for each block, and a crossbar for four.
    """
    return Silicon(*(_blocks(chip, rpaccel, (1 + bins / BINS) / 2 if filters else 0.0, which) for which in (0, 1)))


def _blocks(chip: Chip, rpaccel: bool, filters: float, which: int) -> Blocks:
    arrays = chip.array.cells / SYNTHESISED**2
    blocks = chip.array.cells / chip.block**2
    if rpaccel:
        array = arrays * DYNAMIC_ARRAY[which] + blocks * ACCUMULATOR[which] + blocks / 4 * CROSSBAR[which]
        activation = _macros(chip.activation_sram_bytes, 4) * SRAM_4K[which]
    else:
        array = arrays * ARRAY[which] + chip.array_cols * ACCUMULATOR[which]
        activation = _macros(chip.activation_sram_bytes, 32) * SRAM_32K[which]
    scale = 1e-6 if which == 0 else 1.0
    return Blocks(
        array * scale,
        (blocks * FILTER[which] * filters if rpaccel else 0.0) * scale,
        activation * scale,
        _macros(chip.weight_sram_bytes, 256) * SRAM_256K[which] * scale,
        _macros(chip.embedding_sram_bytes, 256) * SRAM_256K[which] * scale,
    )


def _macros(size: int, kib: int) -> int:
    return -(-size // (kib * KIB))
