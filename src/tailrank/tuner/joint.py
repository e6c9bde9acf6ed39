"""A joint climb: batch size and offload threshold move together.

DeepRecSched settles the batch size first and the threshold after it, so it walks past a good pair of which neither
half is good alone. Here a pattern search walks the plane of both: eight directions, long steps first, from several
starts. Every plan meets the same queries, so a step uphill is a step of the plans, not of luck.
"""

from collections.abc import Callable, Iterator, Sequence

from tailrank.core import BadInputError, Plan
from tailrank.tuner.capacity import Capacity
from tailrank.tuner.climb import Climber, Search
from tailrank.tuner.contest import Contest
from tailrank.tuner.plans import with_batch, with_threshold

__all__ = ["Plane", "joint_climb", "uphill"]

Cell = tuple[int, int]  # places on the two axes: batch sizes, and thresholds with "no offload" last
DIRECTIONS: tuple[Cell, ...] = ((0, -1), (0, 1), (-1, 0), (1, 0), (-1, -1), (1, 1), (-1, 1), (1, -1))
SPREAD = (
    (0.5, 1.0),
    (0.25, 0.5),
    (0.75, 0.5),
    (0.25, 0.1),
    (0.75, 0.1),
)  # of either axis; where walks begin, one by one
PHASE = "joint"


def joint_climb(
    capacity_of: Callable[[Plan], Capacity],
    plan: Plan,
    *,
    batches: Sequence[int],
    thresholds: Sequence[int],
    offload_pool: str | None = None,
    stage: int = 0,
    first: Search | None = None,
    budget: int = 64,
) -> Search:
    """Walk uphill over all pairs of `batches` and `thresholds`, "no offload" being the last threshold.

    A walk takes the first of eight directions that leads up, and halves its step where none does; it ends where no
    neighbouring pair is better. The first walk begins at the best plan of `first`, an earlier search of the same
    `plan`, whose candidates count as measured and whose values join the axes; its steps begin with an eighth of either
    axis. The others begin without offload, and at four pairs spread over the plane, with steps of a quarter. All end
    when the answer has `budget` candidates, those of `first` included. Raises `InfeasibleError` when no candidate
    meets the target.
    """
    to = offload_pool if offload_pool is not None else plan.stages[stage].offload_pool
    _check(batches, thresholds, to, budget)
    measured = () if first is None else first.candidates
    best = None if first is None else first.best.plan
    plane = Plane(plan, batches, thresholds, to, stage, best)
    climber = Climber(capacity_of, stage, measured)
    walker = _Walker(climber, plane, budget)
    if best is not None:
        walker.walk(plane.cell(best), part=8)
    for start in plane.spread():
        walker.walk(start, part=4)
    return climber.search()


def uphill(contest: Contest, plane: "Plane", *, part: int = 8) -> None:
    """Let the best plan of `contest` be challenged by its neighbours on `plane`, by theirs once one wins, and so on.

    The same walk as `joint_climb`'s where plans are only compared: steps begin with the `part`-th of either axis, and
    are halved where no neighbour wins. It ends where no neighbouring pair does. The best plan must be on `plane`.
    """
    here, way = plane.cell(contest.best.plan), DIRECTIONS[0]
    across, up = (max(1, size // part) for size in plane.size)
    known = {here}  # no better than the best plan was, so no better than it is
    while True:
        for direction, cell in plane.around(here, (across, up), way):
            if cell not in known:
                known.add(cell)
                if contest.challenge(plane.plan_of(cell)) == "best":
                    here, way = cell, direction
                    break
        else:
            if max(across, up) == 1:
                return
            across, up = max(1, across // 2), max(1, up // 2)


class Plane:
    """Pairs of `batches` and `thresholds` to pool `to`, as places on two axes; the values of `best` join them."""

    def __init__(
        self,
        plan: Plan,
        batches: Sequence[int],
        thresholds: Sequence[int],
        to: str | None,
        stage: int,
        best: Plan | None,
    ) -> None:
        own = () if best is None else (best.stages[stage],)
        self.plan, self.to, self.stage = plan, to, stage
        self.batches = sorted({*batches, *(each.batch_size for each in own)})
        ats = {*thresholds, *(each.offload_at for each in own if each.offload_at is not None)}
        self.thresholds: list[int | None] = [*sorted(ats), None]

    @property
    def size(self) -> Cell:
        """How many values either axis has."""
        return len(self.batches), len(self.thresholds)

    def plan_of(self, cell: Cell) -> Plan:
        """Return the plan at a place."""
        at = self.thresholds[cell[1]]
        sized = with_batch(self.plan, self.batches[cell[0]], stage=self.stage)
        return with_threshold(sized, at, None if at is None else self.to, stage=self.stage)

    def cell(self, plan: Plan) -> Cell:
        """Return the place of a plan; raises `ValueError` where it has none."""
        stage = plan.stages[self.stage]
        return self.batches.index(stage.batch_size), self.thresholds.index(stage.offload_at)

    def spread(self) -> list[Cell]:
        """Return where walks begin, spread over the plane."""
        wide, high = self.size
        return list(dict.fromkeys((int(across * (wide - 1)), int(up * (high - 1))) for across, up in SPREAD))

    def around(self, cell: Cell, step: Cell, first: Cell) -> Iterator[tuple[Cell, Cell]]:
        """Yield (direction, neighbour) a step away and on the plane, direction `first` before the others."""
        for way in dict.fromkeys((first, *DIRECTIONS)):
            beside = cell[0] + way[0] * step[0], cell[1] + way[1] * step[1]
            across, up = (min(max(place, 0), most - 1) for place, most in zip(beside, self.size, strict=True))
            if (across, up) != cell:
                yield way, (across, up)


class _Walker:
    """Walks over a plane, measuring at most `budget` plans in all."""

    def __init__(self, climber: Climber, plane: Plane, budget: int) -> None:
        self.climber, self.plane, self.budget = climber, plane, budget
        self.known = {repr(each.plan): each for each in climber.candidates}  # pools make a plan unhashable
        self.ends: set[Cell] = set()

    def walk(self, start: Cell, *, part: int) -> None:
        """Walk uphill from `start`, the first step the `part`-th of either axis, to a place no step leads up from.

        Or to where another walk has been, or the budget is spent.
        """
        here, way = start, DIRECTIONS[0]
        across, up = (max(1, size // part) for size in self.plane.size)
        while self.merit(here) is not None and here not in self.ends:
            found = self._step(here, (across, up), way)
            if found is not None:
                way, here = found
            elif max(across, up) > 1:
                across, up = max(1, across // 2), max(1, up // 2)
            else:
                self.ends.add(here)

    def _step(self, here: Cell, step: Cell, way: Cell) -> tuple[Cell, Cell] | None:
        """Return the first direction that leads up, and where to."""
        height = self.merit(here)
        assert height is not None  # it has been measured
        for direction, cell in self.plane.around(here, step, way):
            merit = self.merit(cell)
            if merit is not None and merit > height:
                return direction, cell
        return None

    def merit(self, cell: Cell) -> tuple[float, float] | None:
        """Return the capacity (and, among plans that miss the target, the speed); None where the budget is spent."""
        plan = self.plane.plan_of(cell)
        name = repr(plan)
        if name not in self.known:
            if len(self.climber.candidates) >= self.budget:
                return None
            self.climber.measure(PHASE, [plan])
            self.known[name] = self.climber.candidates[-1]
        capacity = self.known[name].capacity
        return capacity.qps, 0.0 if capacity.met else -capacity.smallest_ms


def _check(batches: Sequence[int], thresholds: Sequence[int], pool: str | None, budget: int) -> None:
    if not batches or not thresholds or min((*batches, *thresholds)) < 1:
        raise BadInputError(
            f"a joint climb needs batch sizes and thresholds of 1 and more, not {list(batches)} and {list(thresholds)}",
            hint="without thresholds there is nothing to do jointly: use climb",
        )
    if pool is None:
        raise BadInputError(
            f"{len(thresholds)} offload thresholds, but no pool to offload to", hint="name the accelerator pool"
        )
    if budget < 1:
        raise BadInputError(f"a budget has at least one plan, not {budget}", hint="64 is a tenth of the full grid")
