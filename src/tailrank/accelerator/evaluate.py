"""What a design does with a query: latency, capacity, energy and area."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from tailrank.accelerator.area import BINS, Blocks, area
from tailrank.accelerator.demand import Demand, demand
from tailrank.accelerator.design import Design
from tailrank.accelerator.energy import Energy, stage_energy
from tailrank.accelerator.fission import Part, place
from tailrank.accelerator.stage import Setting, StageCycles, stage_cycles

__all__ = ["Evaluation", "StageResult", "chained", "evaluate", "pipeline_ns", "stage_setting"]


@dataclass(frozen=True)
class StageResult:
    """One stage of a design: what it has, and what one of its sub-batches costs it.

    `link_ns` and `work_ns` are for one sub-batch; where the link is paid once a query, `link_ns` is the query's.
    Gathering keeps the memory busy for `fetch_ns`, of which only what is not hidden is in `work_ns`.
    """

    network: str
    items: int
    part: Part
    cycles: StageCycles
    link_ns: float
    work_ns: float
    energy: Energy
    fetch_ns: float = 0.0

    @property
    def pace_ns(self) -> float:
        """Time between sub-batches that the stage can keep up, without the link."""
        return max(self.work_ns, self.fetch_ns)

    @property
    def latency_ns(self) -> float:
        """Time of the stage, link included."""
        return self.link_ns + self.work_ns


@dataclass(frozen=True)
class Evaluation:
    """A design evaluated; `latency_ns` is that of a query alone on the chip, sub-batches overlapped."""

    stages: tuple[StageResult, ...]
    latency_ns: float
    capacity_qps: float
    energy: Energy
    area: Blocks
    power: Blocks

    @property
    def stage_latency_ms(self) -> list[float]:
        """Each stage's time for one part of a query, and for the link."""
        return [stage.latency_ns / 1e6 for stage in self.stages]

    @property
    def qps_per_watt(self) -> float | None:
        """Queries per second and watt, which is queries per joule; None where no energy is counted."""
        return 1 / (self.energy.total_pj * 1e-12) if self.energy.total_pj else None


def pipeline_ns(each_ns: Sequence[float], sub_batches: int, pace_ns: Sequence[float] | None = None) -> float:
    """Return how long `sub_batches` equal parts take through stages of `each_ns` a part, all stages at work at once.

    With two stages F and B: F + (s - 1) max(F, B) + B. `pace_ns` is between parts, where a stage needs longer for that.
    """
    return math.fsum(each_ns) + (sub_batches - 1) * max(each_ns if pace_ns is None else pace_ns)


def chained(results: Sequence[StageResult], sub_batches: int, *, link_every_stage: bool) -> tuple[float, float]:
    """Return the latency in ns of a query alone through stages with these results, and how many pass in a second."""
    if link_every_stage:
        pace_ns = [max(result.latency_ns, result.fetch_ns) for result in results]
        latency_ns = pipeline_ns([result.latency_ns for result in results], sub_batches, pace_ns)
        busy = [sub_batches * one for one in pace_ns]
    else:
        pace_ns = [result.pace_ns for result in results]
        latency_ns = math.fsum(result.link_ns for result in results)
        latency_ns += pipeline_ns([result.work_ns for result in results], sub_batches, pace_ns)
        busy = [result.link_ns + sub_batches * one for result, one in zip(results, pace_ns, strict=True)]
    if all(result.part.shared for result in results):
        return latency_ns, 1e9 / math.fsum(busy)
    return latency_ns, min(1e9 * result.part.count / one for result, one in zip(results, busy, strict=True))


def stage_setting(design: Design, number: int) -> Setting:
    """Return the setting of stage `number` where no rows are hidden."""
    missed = design.stages[number].miss_rate
    return Setting(
        design.chip if missed is None else replace(design.chip, miss_rate=missed),
        design.bugs,
        design.filter,
        design.resident,
        design.double_buffered,
        bins=design.bins,
    )


def evaluate(design: Design) -> Evaluation:
    """Return what `design` does; raises `BadInputError` where it is impossible, with the reason.

    The link is paid once a query, before the first and after the last part, or with the bug `link_every_stage` by every
    stage for every part.
    """
    place(design.chip, design.parts)  # refuses a division that is none
    demands = [demand(stage.network, design.bugs) for stage in design.stages]
    results: list[StageResult] = []
    for number, each in enumerate(demands):
        results.append(_stage(design, number, each, results[-1] if results else None))
    chip, parts = design.chip, design.sub_batches
    latency_ns, capacity_qps = chained(results, parts, link_every_stage=design.bugs.link_every_stage)
    energy = Energy()
    for result in results:
        energy += result.energy.times(parts)
    blocks = area(chip, rpaccel=not design.baseline, filters=design.filter == "chip", bins=design.bins or BINS)
    return Evaluation(tuple(results), latency_ns, capacity_qps, energy, blocks.area_mm2, blocks.power_mw)


def _stage(design: Design, number: int, each: Demand, before: StageResult | None) -> StageResult:
    """Return what a stage costs; with look-ahead its rows arrive while the stage before works on the same part."""
    chip, parts, stages = design.chip, design.sub_batches, design.stages
    spec, part = stages[number], design.parts[number]
    first, last = number == 0, number == len(stages) - 1
    kept = min(design.kept, spec.items) if last else stages[number + 1].items
    setting = stage_setting(design, number)
    if design.hidden_rows and parts > 1 and before is not None:
        setting = dataclasses.replace(setting, hidden_cycles=before.cycles.work)
    cycles = stage_cycles(setting, each, -(-spec.items // parts), part, kept=-(-kept // parts), first=first, last=last)
    link = cycles.link_in + cycles.link_out
    if parts > 1 and not design.bugs.link_every_stage:  # once, for all parts together
        whole = stage_cycles(setting, each, spec.items, part, kept=kept, first=first, last=last)
        link = whole.link_in + whole.link_out
    energy = Energy()
    if not design.bugs.no_energy:
        energy = stage_energy(chip, each, -(-spec.items // parts), part, cycles)
    return StageResult(
        spec.network,
        spec.items,
        part,
        cycles,
        link * chip.clock_ns,
        cycles.work * chip.clock_ns,
        energy,
        (cycles.gather + cycles.hidden) * chip.clock_ns,
    )
