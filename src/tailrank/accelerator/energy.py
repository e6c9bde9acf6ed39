"""Energy of a stage: multiplies, SRAM, DRAM and leakage, from the synthesised power of each block.

The artifact counts none. Assumed here, as its reports give neither activity nor a clock: reported dynamic power is that
of every cell, or an access, in every cycle of the chip's clock; energy of a multiply grows with the square of its
width (an array multiplier's area does); a tenth of an SRAM macro's power leaks (its data sheet's split is not public);
DRAM takes 1.3 nJ for 64 bits, the lower figure of Horowitz, "Computing's energy problem", ISSCC 2014, table of slide 9.
The link and the host are not counted.
"""

from dataclasses import dataclass, fields

from tailrank.accelerator.area import SRAM_4K, SRAM_256K, SYNTHESISED
from tailrank.accelerator.chip import Chip
from tailrank.accelerator.demand import Demand
from tailrank.accelerator.fission import Part
from tailrank.accelerator.stage import StageCycles

__all__ = ["Energy", "stage_energy"]

ARRAY_DYNAMIC_MW, ARRAY_LEAKAGE_MW = 169.13, 1.901  # of the synthesised 32 x 32 fissionable array, 16-bit operands
ARRAY_BITS = 16
MACRO_256K_BYTES, MACRO_4K_BYTES = 4, 2  # an access
SRAM_LEAKAGE_SHARE = 0.1
DRAM_PJ_PER_BYTE = 1300 / 8
KIB = 1024


@dataclass(frozen=True)
class Energy:
    """Picojoules by what they go to."""

    mac_pj: float = 0.0
    sram_pj: float = 0.0
    dram_pj: float = 0.0
    leakage_pj: float = 0.0

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def times(self, count: int) -> "Energy":
        """Return `count` times as much."""
        return Energy(*(getattr(self, each.name) * count for each in fields(self)))

    @property
    def total_pj(self) -> float:
        """Sum of all."""
        return self.mac_pj + self.sram_pj + self.dram_pj + self.leakage_pj

    @property
    def total_mj(self) -> float:
        """Sum of all, in millijoules."""
        return self.total_pj * 1e-9


def stage_energy(chip: Chip, demand: Demand, items: int, part: Part, cycles: StageCycles) -> Energy:
    """Return the energy of `items` through one stage that takes `cycles` on a sub-array of `part`.

    Weights are written to SRAM when loaded and read once for the batch; activations are read once for every fold of
    columns and written once for every fold of rows; rows are read where they hit, and written and read where they miss.
    Leakage is that of the stage's share of the chip while it works.
    """
    operand = chip.weight_bits / 8
    mac_pj = ARRAY_DYNAMIC_MW * chip.clock_ns / SYNTHESISED**2 * (chip.weight_bits / ARRAY_BITS) ** 2
    large_pj = (1 - SRAM_LEAKAGE_SHARE) * SRAM_256K[1] * chip.clock_ns / MACRO_256K_BYTES
    small_pj = (1 - SRAM_LEAKAGE_SHARE) * SRAM_4K[1] * chip.clock_ns / MACRO_4K_BYTES
    rows_bytes = float(demand.row_bytes) * items
    large_bytes = rows_bytes + cycles.dram_bytes + cycles.loaded_bytes + demand.weights * operand
    dram_pj = DRAM_PJ_PER_BYTE * (cycles.dram_bytes + cycles.loaded_bytes)
    leakage_mw = leakage(chip) * part.share
    return Energy(
        demand.macs * items * mac_pj,
        large_bytes * large_pj + _activations(demand, items, part) * operand * small_pj,
        dram_pj,
        leakage_mw * cycles.work * chip.clock_ns,
    )


def leakage(chip: Chip) -> float:
    """Return the leakage power of the whole chip in mW: the array's as reported, a tenth of each SRAM macro's."""
    large = (chip.weight_sram_bytes + chip.embedding_sram_bytes) / (256 * KIB) * SRAM_256K[1]
    small = chip.activation_sram_bytes / (4 * KIB) * SRAM_4K[1]
    return chip.array.cells / SYNTHESISED**2 * ARRAY_LEAKAGE_MW + SRAM_LEAKAGE_SHARE * (large + small)


def _activations(demand: Demand, items: int, part: Part) -> int:
    """Return how many activations are read and written."""
    count = 0
    for group in demand.groups:
        for layer in group.layers:
            reads = layer.inputs * -(-layer.outputs // part.array.cols)
            writes = layer.outputs * -(-layer.inputs // part.array.rows)
            count += group.copies * group.steps * items * (reads + writes)
    return count
