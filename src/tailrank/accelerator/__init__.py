"""RPAccel, the accelerator of RecPipe, as a model of cycles, energy and area. No torch."""

from tailrank.accelerator.area import Blocks, Silicon, area
from tailrank.accelerator.array import Array, ArrayRun, Convention, Dataflow, Layer, chain, run, run_all
from tailrank.accelerator.attached import ATTACH, RPAccel, SubArrayTime, rpaccel
from tailrank.accelerator.bugs import CORRECTED, RELEASED, Bugs, bug_names, with_bug
from tailrank.accelerator.chip import Chip
from tailrank.accelerator.demand import Demand, demand, demand_of
from tailrank.accelerator.design import Design, Mode, StageDesign, artifact, design_of, parse_stages
from tailrank.accelerator.energy import Energy, stage_energy
from tailrank.accelerator.evaluate import Evaluation, StageResult, chained, evaluate, pipeline_ns
from tailrank.accelerator.fission import Part, Placed, place, slice_of, sliced
from tailrank.accelerator.service import AcceleratorTime, simulated
from tailrank.accelerator.stage import Filter, Setting, StageCycles, stage_cycles

__all__ = [
    "ATTACH",
    "CORRECTED",
    "RELEASED",
    "AcceleratorTime",
    "Array",
    "ArrayRun",
    "Blocks",
    "Bugs",
    "Chip",
    "Convention",
    "Dataflow",
    "Demand",
    "Design",
    "Energy",
    "Evaluation",
    "Filter",
    "Layer",
    "Mode",
    "Part",
    "Placed",
    "RPAccel",
    "Setting",
    "Silicon",
    "StageCycles",
    "StageDesign",
    "StageResult",
    "SubArrayTime",
    "area",
    "artifact",
    "bug_names",
    "chain",
    "chained",
    "demand",
    "demand_of",
    "design_of",
    "evaluate",
    "parse_stages",
    "pipeline_ns",
    "place",
    "rpaccel",
    "run",
    "run_all",
    "simulated",
    "slice_of",
    "sliced",
    "stage_cycles",
    "stage_energy",
    "with_bug",
]
