"""RPAccel as a device of a simulated host: every sub-array is a worker that any stage may use."""

import re
from dataclasses import dataclass, field

import numpy as np

from tailrank.accelerator.area import area
from tailrank.accelerator.array import Array
from tailrank.accelerator.bugs import CORRECTED
from tailrank.accelerator.chip import Chip
from tailrank.accelerator.demand import Demand, demand_of
from tailrank.accelerator.energy import leakage
from tailrank.accelerator.fission import Part, place
from tailrank.accelerator.stage import Setting, stage_cycles
from tailrank.core import BadInputError
from tailrank.timing import BUCKETS, QUANTILES, Attach, ServiceTable, ServiceTime
from tailrank.zoo import Network

__all__ = ["ATTACH", "NAME", "RPAccel", "SubArrayTime", "rpaccel"]

NAME = "rpaccel"
USUAL = "4x64x64"
MEMORY_BYTES = 32 * 2**30  # of DRAM, as the artifact's configurations have it


@dataclass(frozen=True)
class SubArrayTime:
    """How long batches of one network take on one sub-array: ids come over the link, and all scores go back.

    Which items go on is the host's to say, as stages may follow on other devices. The chip keeps its top-k unit for
    funnels that stay on it: `simulated`.
    """

    chip: Chip
    part: Part
    asked: Demand

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        mean_ns = np.array([0.0, *(self.batch_ns(items) for items in range(1, max_items + 1))])
        return ServiceTable(np.tile(mean_ns, (workers, 1)), np.ones((BUCKETS, QUANTILES)))

    def batch_ns(self, items: int) -> float:
        """Return the time of a batch of `items`, in nanoseconds."""
        cycles = stage_cycles(Setting(self.chip, CORRECTED), self.asked, items, self.part, kept=items)
        return (cycles.total - cycles.filter) * self.chip.clock_ns


@dataclass(frozen=True)
class RPAccel:
    """A chip divided into `count` sub-arrays alike; an `Attached` device."""

    count: int
    array: Array
    chip: Chip = field(default_factory=Chip)

    def __post_init__(self) -> None:
        place(self.chip, [self.part])  # refuses what does not fit

    @property
    def part(self) -> Part:
        """What each worker has of the chip."""
        return Part(self.array, self.count, self.array.cells / self.chip.array.cells)

    @property
    def name(self) -> str:
        """See `Attached`."""
        return NAME

    @property
    def workers(self) -> int:
        """See `Attached`."""
        return self.count

    @property
    def memory_bytes(self) -> int:
        """See `Attached`."""
        return MEMORY_BYTES

    @property
    def idle_w(self) -> float:
        """Leakage of the chip; its DRAM is not counted."""
        return leakage(self.chip) / 1e3

    @property
    def tdp_w(self) -> float:
        """Synthesised power of the chip; its DRAM is not counted."""
        return area(self.chip).power_mw.total / 1e3

    def service(self, network: Network) -> ServiceTime:
        """See `Attached`."""
        return SubArrayTime(self.chip, self.part, demand_of(network, CORRECTED))


def rpaccel(text: str) -> RPAccel:
    """Return the device that `text` describes, `COUNTxROWSxCOLS` sub-arrays; empty: four quarters of 64x64.

    Raises `BadInputError` for a text that is none, and for sub-arrays that do not fit on the chip.
    """
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})x(\d{1,4})", text or USUAL)
    if found is None or int(found[1]) == 0:
        raise BadInputError(f"{NAME}: sub-arrays are COUNTxROWSxCOLS, not `{text}`", hint=f"such as {NAME}:{USUAL}")
    return RPAccel(int(found[1]), Array(int(found[2]), int(found[3])))


ATTACH: Attach = {NAME: rpaccel}
"""What `timing.parse_host` needs to know of the accelerator."""
