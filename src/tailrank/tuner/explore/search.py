"""The exploration: quality of every funnel, arithmetic of every plan, the simulator for those that may be best.

Of plans within the quality floor, those that arithmetic promises most are simulated until no promise is above what was
found. For the front, at each step of quality the plans that arithmetic ranks first in capacity and latency are. A plan
is ruled out without a run when one that was simulated has at least its quality, at least the capacity that arithmetic
allows it, and at most the latency that arithmetic asks of it. What is left out and why is counted.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, InfeasibleError
from tailrank.tuner.explore.answer import Asked, Counts, Explored, QualityOf
from tailrank.tuner.explore.arithmetic import Option
from tailrank.tuner.explore.bench import Bench, plan_of
from tailrank.tuner.explore.front import dominated_by, front, knee
from tailrank.tuner.explore.point import Point, values
from tailrank.tuner.explore.space import Feed, Funnel, funnels

__all__ = ["LOAD", "Explorer"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
LOAD = 0.7  # of the capacity of the best single stage: where latencies are compared, unless a load is given
FINE = 0.03  # of capacity and latency: a plan that gains less than this, by arithmetic, is not simulated for the front
LEVELS, EACH = 60, 4  # steps of quality of the front, and plans simulated of each, for every number of stages
FINALISTS, REPETITIONS = 5, 5  # plans whose capacity is measured again before one is chosen, and how often
SLACK = 64  # plans simulated for one number of stages without a better one before arithmetic's promises are given up


@dataclass(eq=False)
class Explorer:
    """Explores the space of `bench`. `progress` hears how far it is, between 0 and 1, in words."""

    bench: Bench
    quality: QualityOf
    asked: Asked
    progress: Callable[[str], None] = lambda _: None
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.points: list[Point] = []
        self._known: dict[tuple[Funnel, Option, Feed], Point] = {}
        self.load_qps = self.asked.load_qps or 0.0

    def explore(self) -> Explored:
        """Return the front and the choice; raises `InfeasibleError` where no funnel within the floor meets the target.

        Every funnel and plan of the space is looked at.
        """
        self.singles()
        every, found = self.rate()
        singles = [number for number, each in enumerate(every) if len(each.networks) == 1]
        best = max(singles, key=lambda number: float(found[number]))
        floor = self._floor(every, found)
        single = self.single([(every[number], float(found[number])) for number in singles if found[number] >= floor])
        options, number = self._options(every, found)
        self._promising(every, found, options, number)
        self._fronts(every, found, options, number)
        return self.answer(every, found, every[best], float(found[best]), single)

    def answer(self, every: Sequence[Funnel], found: F64, reference: Funnel, highest: float, single: Point) -> Explored:
        """Tune the plans that answer the question and return everything."""
        floor = highest * (1 - self.asked.drop)
        self._feeds()
        chosen = self._choose(floor)
        objectives = self.asked.objectives
        able = [each for each in self.points if each.capacity_qps > 0]
        kept = [able[row] for row in front(values(able, objectives))]
        middle = [each for each in kept if np.isfinite(values([each], objectives)).all()]
        self.counts.simulator_runs = self.bench.runs
        return Explored(
            asked=self.asked,
            points=tuple(self.points),
            front=tuple(kept),
            knee=middle[knee(values(middle, objectives))] if middle else kept[0],
            best_single=self.confirmed(single),
            reference=reference,
            reference_quality=highest,
            floor=floor,
            chosen=chosen,
            load_qps=self.load_qps,
            funnels=tuple(every),
            qualities=found,
            counts=self.counts,
        )

    def singles(self) -> list[Funnel]:
        """Return every single stage of the space; raises `BadInputError` where it has none."""
        space = self.bench.space
        found = [
            Funnel(chain, (take,)) for chain in space.chains() if len(chain) == 1 for take in sorted(set(space.take))
        ]
        if not found:
            raise BadInputError("stages: without single stages there is nothing to compare with", hint="add 1 to it")
        return found

    def rate(self) -> tuple[list[Funnel], F64]:
        """Return every funnel of the space and its quality."""
        every = funnels(self.bench.space)
        self.progress(f"quality of {len(every)} funnels")
        self.quality.means(every[:1])  # kernels compile once
        found = self.rated(every)
        if np.isnan(found).all():
            raise BadInputError("no query has a positive label, so no funnel has a quality", hint="give other queries")
        return every, found

    def rated(self, funnels: Sequence[Funnel]) -> F64:
        """Return the quality of each of `funnels`, shape (n,), counted and timed."""
        began = time.perf_counter()
        found = self.quality.means(funnels)
        self.counts.quality_s += time.perf_counter() - began
        self.counts.funnels += len(funnels)
        return found

    def single(self, stages: Sequence[tuple[Funnel, float]]) -> Point:
        """Return the single stage of highest capacity, every batch size simulated, and fix the load.

        `stages` are those whose quality is within the floor. Where none meets the target, the one that arithmetic says
        can do most.
        """
        self.progress(f"simulating {len(stages)} single stages at every batch size")
        options = [(each, quality, option) for each, quality in stages for option in self._every_batch(each)]
        options.sort(key=lambda each: -each[2].likely_qps)
        best: Point | None = None
        for funnel, quality, option in options:
            if best is not None and option.bound_qps <= best.capacity_qps:
                continue
            point = self.measure(funnel, quality, option)
            best = point if best is None or point.capacity_qps > best.capacity_qps else best
        assert best is not None
        if not self.load_qps:
            self.load_qps = LOAD * (best.capacity_qps or best.option.likely_qps)
            self.points = [self._with_load(each) for each in self.points]
            best = self._with_load(best)
        return best

    def measure(
        self, funnel: Funnel, quality: float, option: Option, *, feed: Feed = "whole", near_qps: float | None = None
    ) -> Point:
        """Simulate one plan, once."""
        key = funnel, option, feed
        if key not in self._known:
            began = time.perf_counter()
            plan = plan_of(self.bench.space, funnel, option, feed=feed)
            found = self.bench.capacity(plan, option, near_qps=near_qps)
            cost = None
            if self.asked.price_per_hour is not None and found.qps > 0:
                cost = self.asked.price_per_hour / (3600 * found.qps) * 1e6
            point = Point(
                funnel, option, plan, quality, found.qps, found.low_qps, found.high_qps, np.inf, feed=feed, cost=cost
            )
            self._known[key] = self._with_load(point) if self.load_qps else point
            self.points.append(self._known[key])
            self.counts.simulated += 1
            self.counts.simulated_s += time.perf_counter() - began
        return self._known[key]

    def _with_load(self, point: Point) -> Point:
        """Return `point` with what it does at the load."""
        at = self.bench.at_load(point.plan, self.load_qps)
        power_w = self.bench.power_w
        energy_j = None if power_w is None or not np.isfinite(at.tail_ms) else power_w(at.busy) / self.load_qps
        known = replace(point, tail_ms=at.tail_ms, energy_j=energy_j)
        self._known[point.funnel, point.option, point.feed] = known
        return known

    def _every_batch(self, funnel: Funnel) -> list[Option]:
        """Return the options of a single stage at every batch size, on every pool."""
        arithmetic = self.bench.arithmetic
        found = [
            arithmetic.option(funnel, each.places, each.sharing, each.workers, (batch,), each.offload)
            for each in arithmetic.options(funnel)
            for batch in arithmetic.sizes_for(funnel.items[0])
        ]
        return list(dict.fromkeys(found))

    def _options(self, every: Sequence[Funnel], found: F64) -> tuple[list[Option], I64]:
        """Return the plans that may meet the target, and the number of the funnel of each.

        Funnels that are worse than the worst network alone on all items are left out: nobody wants them.
        """
        began, options, numbers = time.perf_counter(), [], []
        most = max(self.bench.space.take)
        worst = min(float(q) for q, each in zip(found, every, strict=True) if each.items == (most,))
        self.progress(f"arithmetic of {len(every)} funnels")
        for number, funnel in enumerate(every):
            if found[number] < worst:
                self.counts.below += 1
                continue
            for option in self.bench.arithmetic.options(funnel):
                self.counts.plans += 1
                if option.least_ms > self.bench.target.latency_ms:
                    self.counts.late += 1
                    continue
                options.append(option)
                numbers.append(number)
        self.counts.arithmetic_s = time.perf_counter() - began
        return options, np.array(numbers, dtype=np.int64)

    def _promising(self, every: Sequence[Funnel], found: F64, options: Sequence[Option], number: I64) -> None:
        """Find for each number of stages the plan of highest capacity within the floor, best promise first.

        Ends where no promise is above what was found, or after `SLACK` plans in a row that were no better.
        """
        floor = self._floor(every, found)
        for depth in sorted(set(self.bench.space.stages)):
            within = [n for n, f in enumerate(number.tolist()) if found[f] >= floor and len(every[f].items) == depth]
            best, wasted = 0.0, 0
            for each in sorted(within, key=lambda n: -options[n].likely_qps):
                if options[each].bound_qps <= best:
                    self.counts.ruled_out += 1
                elif wasted >= SLACK or self.counts.simulated >= self.asked.most_runs:
                    self.counts.given_up += 1
                else:
                    self.progress(f"simulating funnels of {depth} stages within the quality floor")
                    point = self.measure(every[number[each]], float(found[number[each]]), options[each])
                    wasted = 0 if point.capacity_qps > best else wasted + 1
                    best = max(best, point.capacity_qps)

    def _floor(self, every: Sequence[Funnel], found: F64) -> float:
        """Return the quality below which a funnel loses more than was allowed."""
        return max(float(q) for q, each in zip(found, every, strict=True) if len(each.items) == 1) * (
            1 - self.asked.drop
        )

    def _fronts(self, every: Sequence[Funnel], found: F64, options: Sequence[Option], number: I64) -> None:
        """Simulate what arithmetic ranks first in capacity and latency, at each step of quality and number of stages.

        Best quality first; left out is what a simulated plan beats whatever a run would say.
        """
        if not options:
            return
        quality = found[number]
        ranked = np.array([(each.likely_qps, -each.least_ms) for each in options])
        allowed = np.column_stack([quality, [each.bound_qps for each in options], ranked[:, 1]])
        depth = np.array([len(each.batches) for each in options])
        level = np.floor((quality.max() - quality) / max(float(np.ptp(quality)) / LEVELS, 1e-12)).astype(np.int64)
        first = [self._spread(np.flatnonzero(same), ranked) for same in _groups(level, depth)]
        chosen = np.concatenate(first)
        self.counts.outranked = len(options) - len(chosen)
        began = time.perf_counter()
        for done, each in enumerate(chosen.tolist()):
            if self.counts.simulated >= self.asked.most_runs or time.perf_counter() - began > self.asked.seconds:
                self.counts.not_reached = len(chosen) - done
                return
            if dominated_by(allowed[each : each + 1] * np.array([1.0, 1 - FINE, 1 + FINE]), self._reached())[0]:
                self.counts.ruled_out += 1
                continue
            self.progress(f"simulating plans for the front: {done} of {len(chosen)}")
            self.measure(every[number[each]], float(found[number[each]]), options[each])

    def _spread(self, rows: I64, ranked: F64) -> I64:
        """Return at most `EACH` of `rows`, spread evenly over the front of their capacity and latency by arithmetic."""
        best = rows[front(ranked[rows])]
        if len(best) <= EACH:
            return best
        return best[np.unique(np.linspace(0, len(best) - 1, EACH).round().astype(np.int64))]

    def _reached(self) -> F64:
        """Return what simulated plans are, in the columns of `_allowed`."""
        return values(self.points, ("quality", "capacity", "p95"))

    def _feeds(self) -> None:
        """Simulate the points of the front again with other feeds: their quality changes where shares are passed on."""
        feeds = [feed for feed in self.bench.space.feeds if feed != "whole"]
        if not feeds or not self.points:
            return
        best = [self.points[row] for row in front(values(self.points, ("quality", "capacity", "p95")))]
        for point in [each for each in best if each.stages > 1]:
            for feed in feeds:
                self.progress(f"simulating plans that feed the next stage early: {point.funnel}")
                quality = point.quality
                if feed == "share":
                    plan = plan_of(self.bench.space, point.funnel, point.option, feed=feed)
                    quality = self.quality.mean_of_shares(point.funnel, plan)
                self.measure(point.funnel, quality, point.option, feed=feed, near_qps=point.capacity_qps or None)

    def _choose(self, floor: float) -> Point:
        """Return the plan of highest capacity within the floor, after its batch sizes were each tried again."""

        def best() -> Point:
            among = [each for each in self.points if each.quality >= floor and each.capacity_qps > 0]
            if not among:
                raise InfeasibleError(
                    f"no funnel of the space with quality of at least {floor:.4f} meets {self.bench.target}",
                    hint="allow a larger quality drop, a looser target, or add cheaper networks to the space",
                )
            return max(among, key=lambda each: (each.capacity_qps, -each.tail_ms))

        before, chosen = None, best()
        while chosen is not before:
            before = chosen
            for stage, items in enumerate(chosen.funnel.items):
                for size in self.bench.arithmetic.sizes_for(items):
                    self._with_batch(chosen, stage, size)
            chosen = best()
        among = sorted((each for each in self.points if each.quality >= floor), key=lambda each: -each.capacity_qps)
        self.progress("repeating the best plans with other queries")
        return max((self.confirmed(each) for each in among[:FINALISTS]), key=lambda each: each.capacity_qps)

    def confirmed(self, point: Point) -> Point:
        """Return `point` with a capacity from `REPETITIONS` independent repetitions, and the interval of it."""
        if point.capacity_qps <= 0:
            return point
        found = self.bench.capacity(point.plan, point.option, repetitions=REPETITIONS, near_qps=point.capacity_qps)
        return replace(point, capacity_qps=found.qps, capacity_low_qps=found.low_qps, capacity_high_qps=found.high_qps)

    def _with_batch(self, point: Point, stage: int, size: int) -> None:
        old = point.option
        batches = (*old.batches[:stage], size, *old.batches[stage + 1 :])
        option = self.bench.arithmetic.option(point.funnel, old.places, old.sharing, old.workers, batches, old.offload)
        if option.bound_qps < point.capacity_qps or (point.feed == "share" and batches != old.batches):
            return
        self.progress(f"tuning the batch sizes of {point.funnel}")
        self.measure(point.funnel, point.quality, option, feed=point.feed, near_qps=point.capacity_qps)


def _groups(*keys: I64) -> list[NDArray[np.bool_]]:
    """Return which rows have each combination of `keys`, ascending."""
    table = np.column_stack(keys)
    return [np.all(table == each, axis=1) for each in np.unique(table, axis=0)]
