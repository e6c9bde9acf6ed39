"""The top-k filter unit: a streaming histogram that finds about the best K scores without sorting."""

from tailrank.accelerator.topk.cycles import FilterCycles, filter_cycles, selection_cycles
from tailrank.accelerator.topk.quality import SelectionQuality, selection_quality
from tailrank.accelerator.topk.reference import Passed, reference
from tailrank.accelerator.topk.select import Encoding, Selection, encode, select, sub_batches
from tailrank.accelerator.topk.unit import MEANT, RTL, Excess, Faults, FilterUnit

__all__ = [
    "MEANT",
    "RTL",
    "Encoding",
    "Excess",
    "Faults",
    "FilterCycles",
    "FilterUnit",
    "Passed",
    "Selection",
    "SelectionQuality",
    "encode",
    "filter_cycles",
    "reference",
    "select",
    "selection_cycles",
    "selection_quality",
    "sub_batches",
]
