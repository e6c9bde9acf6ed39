"""One column of the study: one network on one host, every target and scheduler, each beginning at its neighbour."""

from collections.abc import Callable
from dataclasses import dataclass, field
from dataclasses import replace as replaced

import numpy as np
from msgspec.structs import replace

from tailrank.core import InfeasibleError, Plan
from tailrank.metrics import Interval, SLATarget
from tailrank.timing import Scaled, Switches, fits, parse_host, services
from tailrank.tuner.beside import Beside
from tailrank.tuner.capacity import Capacity
from tailrank.tuner.compare import speedup
from tailrank.tuner.grid import BATCHES, FINE_THRESHOLDS, LARGEST, REFINED, batched, offloading
from tailrank.tuner.joint import Plane, uphill
from tailrank.tuner.plans import static_baseline, with_batch
from tailrank.tuner.race import Course, Leader
from tailrank.tuner.regret import Regret
from tailrank.tuner.study import (
    Arrivals,
    CellResult,
    Column,
    ColumnResult,
    CurvePoint,
    Hardware,
    Penalty,
    Scheduler,
    StudyTarget,
)
from tailrank.tuner.workbench import Workbench
from tailrank.workload import Production
from tailrank.zoo import get

__all__ = ["catalogue", "run_column"]

CHANCES = Production().probabilities()


@dataclass(frozen=True)
class Found:
    """A plan and what was measured of it."""

    plan: Plan
    capacity: Capacity

    @property
    def qps(self) -> float:
        return self.capacity.qps


@dataclass
class Collected:
    """What a column has found so far."""

    cells: list[CellResult] = field(default_factory=list)
    curves: list[CurvePoint] = field(default_factory=list)
    penalty: list[Penalty] = field(default_factory=list)
    poisson: list[Arrivals] = field(default_factory=list)


def catalogue(column: Column) -> Hardware:
    """Return what the catalogue of devices says of `column`; raises where its host is none or lacks the memory."""
    network = get(column.network)
    bare = parse_host(column.host)
    fits(network, bare.cpu)
    host, lacks = bare, ""
    if column.gpu:
        host = parse_host(f"{column.host}+{column.gpu}")
        try:
            host.check(network)
        except InfeasibleError as error:
            host, lacks = bare, error.message
    switches = replace(Switches(), **dict.fromkeys(column.switches, True))  # of CPU and GPU alike
    found = {pool: each for (_, pool), each in services(network, host, switches).items()}
    if "gpu" in found and column.gpu_slower != 1.0:
        found["gpu"] = Scaled(found["gpu"], column.gpu_slower)
    pools = host.pools(column.gpu_workers)
    return Hardware(found, pools, bare.power_w, host.power_w, network.sla_ms, lacks)


def run_column(column: Column, hardware: Callable[[Column], Hardware] = catalogue) -> ColumnResult:
    """Find all of `column`: same column, same answer. Raises `InfeasibleError` where the CPU lacks the memory."""
    study = _Study(column, hardware(column))
    for target in column.targets:
        study.at(target)
    found = study.found
    return ColumnResult(
        column=column,
        cells=tuple(found.cells),
        curves=tuple(found.curves),
        penalty=tuple(found.penalty),
        poisson=tuple(found.poisson),
        probes=study.bench.probes,
    )


class _Study:
    def __init__(self, column: Column, hardware: Hardware) -> None:
        self.column, self.hardware, self.found = column, hardware, Collected()
        self.static = static_baseline(column.network, LARGEST, hardware.pools["cpu"].workers)
        longest_ms = hardware.sla_ms * max([1.0, *(each.factor for each in column.targets if each.of == "sla")])
        self.bench = Workbench(column.network, hardware, column.effort, seed=column.seed, longest_ms=longest_ms)
        likely_qps = self.bench.bounds.likely_qps
        most = max(map(likely_qps, batched(self.static)))
        parted = offloading(with_batch(self.static, 256), hardware.pools)
        self.bench.lasting(max([most, *map(likely_qps, parted)]))
        self.beside = Beside(column, self.bench, self.static)
        self.tighter: dict[Scheduler, Found] = {}
        self.before_joint: Capacity  # of the cell chosen last, before its joint walk

    def at(self, target: StudyTarget) -> None:
        """Find the three cells of one target, and what is asked for beside them."""
        goal = self._goal(target)
        course = self.bench.course(goal)
        led = course.measure(self.static)
        static = self._measured(self.static, goal, course, led)
        self._tell(target, goal, "static", static, static, None)
        best = self._climb_batches(course, led)
        cpu = self._chosen(goal, course, "cpu", best, [static])
        self._tell(target, goal, "cpu", cpu, static, self._regret(goal, course, "cpu", cpu))
        gpu = cpu
        if self.column.gpu:
            both = self._climb_thresholds(course, best, cpu.plan)
            gpu = self._chosen(goal, course, "gpu", both, [cpu])
            self._tell(target, goal, "gpu", gpu, static, self._regret(goal, course, "gpu", gpu))
        self._beside(target, goal, cpu, gpu)
        self.bench.probes += course.runs

    def _beside(self, target: StudyTarget, goal: SLATarget, cpu: Found, gpu: Found) -> None:
        extras, found = self.column.extras, self.found
        if "curves" in extras and target.name == "medium":
            found.curves += self.beside.curves(target.name, goal, gpu.plan, gpu.qps)
        if "lognormal" in extras:
            found.penalty.append(self.beside.lognormal(target.name, goal, cpu.plan, cpu.capacity))
        if "arrivals" in extras and target.name == "medium" and cpu.capacity.met:
            found.poisson.append(self.beside.integer(target.name, goal, cpu.plan, cpu.capacity))

    def _goal(self, target: StudyTarget) -> SLATarget:
        whole_ms = self.hardware.sla_ms
        if target.of == "unloaded":
            whole_ms = self.bench.measure(self.static, SLATarget(latency_ms=whole_ms), None, short=True).smallest_ms
        return SLATarget(latency_ms=target.factor * whole_ms)

    def _climb_batches(self, course: Course, led: Leader | None) -> Leader | None:
        """DeepRecSched's first climb: the batch size, on CPU workers alone; of equals the largest."""
        before = [self.tighter["cpu"].plan] if "cpu" in self.tighter else []
        led = course.race(led, before)
        return course.first(course.race(led, batched(self.static)), reversed(batched(self.static)))

    def _climb_thresholds(self, course: Course, led: Leader | None, cpu: Plan) -> Leader | None:
        """DeepRecSched's second climb: the offload threshold; then both once more around what was found."""
        if "gpu" not in self.hardware.pools:
            return led
        before = [self.tighter["gpu"].plan] if "gpu" in self.tighter else []
        led = course.race(led, before)
        led = course.race(led, offloading(cpu, self.bench.pools))
        if led is not None and (at := led.plan.stages[0].offload_at) is not None:
            led = course.race(led, batched(led.plan)) or led
            led = course.race(led, offloading(led.plan, self.bench.pools, [max(1, at + step) for step in REFINED]))
        return led

    def _chosen(
        self, goal: SLATarget, course: Course, scheduler: Scheduler, led: Leader | None, others: list[Found]
    ) -> Found:
        """Measure the winner of the race, and take the best of it, `others`, and the plan for the tighter target.

        That one is measured only where the race's winner does worse than it did: more time cannot cost capacity.
        """
        known = {repr(each.plan): each for each in others}
        candidates = list(others)
        if led is not None and repr(led.plan) not in known:
            candidates.append(self._measured(led.plan, goal, course, led))
        best = max(candidates, key=lambda each: each.qps)
        before = self.tighter.get(scheduler)
        if before is not None and before.qps > best.qps and before.plan != best.plan:
            candidates.append(Found(before.plan, self.bench.measure(before.plan, goal, before.qps)))
            best = max(candidates, key=lambda each: each.qps)
        self.before_joint = best.capacity
        best = self._uphill(goal, course, scheduler, best)
        self.tighter[scheduler] = best
        return best

    def _uphill(self, goal: SLATarget, course: Course, scheduler: Scheduler, found: Found) -> Found:
        """Walk on from `found` over both knobs jointly, now over several repetitions.

        The race is over one trace, whose luck can favour a plan by some per cent; and it settles one knob after the
        other. Returns `found` where no neighbour is better by the effort's margin.
        """
        if not found.capacity.met:
            return found
        contest = self.bench.contest(found.plan, goal, found.capacity)
        offload = scheduler == "gpu" and "gpu" in self.bench.pools
        whole = replace(found.plan, pools=dict(self.bench.pools)) if offload else found.plan
        plane = Plane(whole, BATCHES, FINE_THRESHOLDS if offload else (), "gpu" if offload else None, 0, found.plan)
        uphill(contest, plane)
        course.served |= contest.served
        self.bench.probes += contest.probes
        if contest.best.plan.stages == found.plan.stages:
            return found
        other = Found(contest.best.plan, self.bench.measure(contest.best.plan, goal, contest.best.capacity.qps))
        return max(found, other, key=lambda each: each.qps)

    def _regret(self, goal: SLATarget, course: Course, scheduler: Scheduler, found: Found) -> Regret | None:
        """Return what the search lost to every plan that `scheduler` could have; None where it was not asked for."""
        if "regret" not in self.column.extras or scheduler == "static" or not found.capacity.met:
            return None
        grid = batched(self.static)
        if scheduler == "gpu":
            grid += [pair for each in batched(self.static) for pair in offloading(each, self.bench.pools)]
        return self.beside.regret(
            goal,
            found.plan,
            found.capacity,
            grid,
            evaluations=len(course.served),
            before_joint=self.before_joint,
        )

    def _measured(self, plan: Plan, goal: SLATarget, course: Course, led: Leader | None) -> Found:
        near = None if led is None else course.qps(led)
        return Found(plan, self.bench.measure(plan, goal, near))

    def _tell(
        self,
        target: StudyTarget,
        goal: SLATarget,
        scheduler: Scheduler,
        found: Found,
        static: Found,
        lost: Regret | None,
    ) -> None:
        capacity, stage = found.capacity, found.plan.stages[0]
        at = LARGEST if stage.offload_at is None else stage.offload_at
        sizes = np.arange(len(CHANCES))
        busy = self.bench.busy(found.plan, capacity.qps) if capacity.met else {}
        power = self.hardware.gpu_power_w if scheduler == "gpu" else self.hardware.cpu_power_w
        watts = power(busy.get("cpu", 0.0), busy.get("gpu", 0.0))
        gain = _gain(capacity, static.capacity)
        self.found.cells.append(
            CellResult(
                network=self.column.network,
                target=target.name,
                host=self.column.host,
                gpu=self.column.gpu if scheduler == "gpu" else None,
                scheduler=scheduler,
                sla_ms=goal.latency_ms,
                capacity_qps=capacity.qps,
                capacity_ci95_qps=(capacity.low_qps, capacity.high_qps),
                batch_size=stage.batch_size,
                offload_at=stage.offload_at,
                gpu_query_share=float(CHANCES[at:].sum()),
                gpu_item_share=float(CHANCES[at:] @ sizes[at:] / (CHANCES @ sizes)),
                qps_per_watt=capacity.qps / watts,
                qps_per_tdp_watt=capacity.qps / power(1.0, 1.0),
                power_w=watts,
                gain=None if gain is None else capacity.qps / static.qps,
                gain_ci95=None if gain is None else (gain.low, gain.high),
                percentile_ms=capacity.percentile_ms if capacity.met else None,
                smallest_ms=capacity.smallest_ms if np.isfinite(capacity.smallest_ms) else None,
                cpu_busy=busy.get("cpu", 0.0),
                gpu_busy=busy.get("gpu", 0.0),
                queries=capacity.queries,
                replications=len(capacity.per_replication),
                note=self.hardware.lacks if scheduler == "gpu" else "",
                regret=lost,
            )
        )


def _gain(capacity: Capacity, static: Capacity) -> Interval | None:
    """Return the gain over `static` by the repetitions that both have; None where either misses the target."""
    if not (capacity.met and static.met):
        return None
    both = min(len(capacity.per_replication), len(static.per_replication))
    first, second = (replaced(each, per_replication=each.per_replication[:both]) for each in (capacity, static))
    return speedup(first, second)
