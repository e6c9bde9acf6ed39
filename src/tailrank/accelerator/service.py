"""A stage of a design as a `ServiceTime`: the simulator serves it like any other device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tailrank.accelerator.demand import demand
from tailrank.accelerator.design import Design
from tailrank.accelerator.evaluate import stage_setting
from tailrank.accelerator.stage import stage_cycles
from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.timing import BUCKETS, QUANTILES, ServiceTable, ServiceTime

__all__ = ["AcceleratorTime", "pool_name", "simulated"]


@dataclass(frozen=True)
class AcceleratorTime:
    """How long batches take on one sub-array of stage `stage` of `design`, without noise, however busy the others are.

    What a batch keeps for the stage after is in proportion to its size. Sub-batches are the caller's: a batch here is
    one part.
    """

    design: Design
    stage: int

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        batch_ns = self._batch_ns()
        mean_ns = np.array([0.0, *(batch_ns(items) for items in range(1, max_items + 1))])
        return ServiceTable(np.tile(mean_ns, (workers, 1)), np.ones((BUCKETS, QUANTILES)))

    def batch_ns(self, items: int) -> float:
        """Return the time of a batch of `items`, in nanoseconds."""
        return self._batch_ns()(items)

    def _batch_ns(self) -> Callable[[int], float]:
        design, stages = self.design, self.design.stages
        first, last = self.stage == 0, self.stage == len(stages) - 1
        whole, all_kept = stages[self.stage].items, design.kept if last else stages[self.stage + 1].items
        setting, part = stage_setting(design, self.stage), design.parts[self.stage]
        asked = demand(stages[self.stage].network, design.bugs)

        def batch_ns(items: int) -> float:
            kept = min(items, -(-all_kept * items // whole))
            cycles = stage_cycles(setting, asked, items, part, kept=kept, first=first, last=last)
            return cycles.total * design.chip.clock_ns

        return batch_ns


def pool_name(stage: int) -> str:
    """Return the name of the pool that serves stage `stage` of a simulated design."""
    return f"stage-{stage}"


def simulated(design: Design) -> tuple[Plan, Mapping[tuple[str, str], ServiceTime]]:
    """Return the plan and service times with which the simulator serves `design`: a pool of sub-arrays a stage.

    Queries bring the first stage's items and pass from stage to stage whole. Stages that take turns on the undivided
    array share one pool, so there the same network cannot stand twice. Raises `BadInputError` for a design with
    sub-batches, whose parts this does not cut.
    """
    if design.sub_batches > 1:
        raise BadInputError(
            f"sub_batches: {design.sub_batches}; the simulator is given whole queries here", hint="give 1 sub-batch"
        )
    parts = design.parts
    pools: dict[str, Pool] = {}
    stages, services = [], {}
    for number, (spec, part) in enumerate(zip(design.stages, parts, strict=True)):
        pool = pool_name(0 if part.shared else number)
        pools[pool] = Pool(workers=part.count, device="rpaccel")
        keep = design.kept if number == len(parts) - 1 else design.stages[number + 1].items
        stages.append(Stage(model=spec.network, batch_size=spec.items, pool=pool, keep=keep))
        if (spec.network, pool) in services:
            raise BadInputError(
                f"stages.{number}: `{spec.network}` stands twice on one array", hint="give every stage its own network"
            )
        services[spec.network, pool] = AcceleratorTime(design, number)
    return Plan(stages=tuple(stages), pools=pools), services
