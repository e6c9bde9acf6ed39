"""What a column of the study tells beside its cells: curves, the wrong sizes, the wrong arrivals, and the regret."""

from collections.abc import Sequence

from msgspec.structs import replace

from tailrank.core import Plan, Pool
from tailrank.metrics import Interval, SLATarget
from tailrank.tuner.capacity import Capacity
from tailrank.tuner.climb import Candidate, Search
from tailrank.tuner.grid import BATCHES, batched, offloading
from tailrank.tuner.plans import with_threshold
from tailrank.tuner.regret import Regret, exhaust, fresh_ratio, regret
from tailrank.tuner.study import Arrivals, Column, CurvePoint, Penalty
from tailrank.tuner.workbench import SLACK, Workbench, of_first

__all__ = ["Beside"]

CURVE = tuple(1 << power for power in range(3, 11))  # smaller batches cost hundreds of slices a query
CURVE_AT = (64, 256, 448, 512, 576, 640, 704, 768, 832, 896, 960, 992)


class Beside:
    """Studies one column beside its cells; every plan meets the queries of the cells."""

    def __init__(self, column: Column, bench: Workbench, static: Plan) -> None:
        self.column, self.bench, self.static = column, bench, static
        self.cpu_pools: dict[str, Pool] = {"cpu": bench.pools["cpu"]}

    def curves(self, target: str, goal: SLATarget, plan: Plan, qps: float) -> list[CurvePoint]:
        """Move each knob alone around the tuned `plan`; the batch size without offload, as the first climb does."""
        bounds = self.bench.bounds
        alone = replace(with_threshold(plan, None), pools=self.cpu_pools)
        moved = [("batch_size", each, 0.8 * bounds.most_qps(each)) for each in batched(alone, CURVE)]
        moved += [
            ("offload_at", each, min(qps, 0.95 * bounds.most_qps(each)))
            for each in offloading(plan, self.bench.pools, CURVE_AT)
        ]
        return [self._point(knob, target, goal, each, near_qps) for knob, each, near_qps in moved]

    def lognormal(self, target: str, goal: SLATarget, plan: Plan, capacity: Capacity) -> Penalty:
        """Tune on the sizes that the artifact's scripts draw, and serve production's with the answer."""
        course = self.bench.course(goal, lognormal=True)
        largest = int(course.trace.size.max())
        sizes = [size for size in BATCHES if size < largest]
        plans = batched(self.static, [*sizes, BATCHES[len(sizes)]])  # the last takes every query whole
        led = course.first(course.race(course.measure(self.static), plans), reversed(plans))
        other = plan if led is None else led.plan
        served = capacity if other == plan else self.bench.measure(other, goal, capacity.qps or None)
        self.bench.probes += course.runs
        return Penalty(
            network=self.column.network,
            host=self.column.host,
            target=target,
            lognormal_batch_size=other.stages[0].batch_size,
            production_batch_size=plan.stages[0].batch_size,
            lognormal_capacity_qps=served.qps,
            lognormal_ci95_qps=(served.low_qps, served.high_qps),
            capacity_qps=capacity.qps,
            penalty=capacity.qps / served.qps if served.qps > 0 else None,
        )

    def integer(self, target: str, goal: SLATarget, plan: Plan, capacity: Capacity) -> Arrivals:
        """Serve the tuned plan with the artifacts' arrivals."""
        integer = self.bench.measure(plan, goal, capacity.qps, integer=True)
        return Arrivals(
            network=self.column.network,
            host=self.column.host,
            target=target,
            exact_qps=capacity.qps,
            integer_qps=integer.qps,
            integer_ci95_qps=(integer.low_qps, integer.high_qps),
            ratio=integer.qps / capacity.qps,
        )

    def regret(
        self,
        goal: SLATarget,
        plan: Plan,
        capacity: Capacity,
        grid: Sequence[Plan],
        *,
        evaluations: int,
        before_joint: Capacity,
    ) -> Regret:
        """Return what `plan` loses to the best of `grid`, on the queries it was chosen on, and on fresh ones."""
        bench = self.bench
        numbers = range(min(bench.effort.contest, len(capacity.per_replication)))
        mine = Candidate(plan, of_first(len(numbers), capacity), "study")
        search = Search(mine, (mine,))
        bound = bench.bound(goal, numbers)
        found = exhaust(
            bench.repetitions(numbers),
            sorted(grid, key=bound, reverse=True),
            goal,
            first=search,
            tolerance=bench.effort.tolerance,
            floor_qps=bench.floor_qps,
            bound=bound,
            slack=SLACK,
        )
        bench.probes += found.probes
        unseen = range(bench.effort.most_replications, bench.effort.most_replications + len(numbers))

        def fresh(best: Plan) -> Interval:
            return fresh_ratio(bench.repetitions(unseen), plan, best, goal, tolerance=bench.effort.tolerance)

        before = of_first(len(numbers), before_joint)
        return regret(search, found, evaluations=evaluations, before_joint=before, fresh=fresh)

    def _point(self, knob: str, target: str, goal: SLATarget, plan: Plan, near_qps: float) -> CurvePoint:
        found = self.bench.measure(plan, goal, near_qps, short=True)
        return CurvePoint(
            knob="batch_size" if knob == "batch_size" else "offload_at",
            network=self.column.network,
            host=self.column.host,
            target=target,
            batch_size=plan.stages[0].batch_size,
            offload_at=plan.stages[0].offload_at,
            capacity_qps=found.qps,
            ci95_qps=(found.low_qps, found.high_qps),
            bound_qps=self.bench.bounds.most_qps(plan),
        )
