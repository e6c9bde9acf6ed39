"""A funnel that was simulated, and the objectives by which such points are compared."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan
from tailrank.tuner.explore.arithmetic import Option
from tailrank.tuner.explore.space import Feed, Funnel

__all__ = ["DEFAULT_OBJECTIVES", "OBJECTIVES", "Objective", "Point", "check_objectives", "reason", "values"]


@dataclass(frozen=True, eq=False)
class Point:
    """A plan with its quality (mean NDCG@k), capacity at the target, and percentile at the load of the exploration.

    `tail_ms` is infinite where the plan cannot keep up with that load; `capacity_qps` is 0 where it misses the target
    at any. `cost` is dollars a million queries at the capacity, `energy_j` joules a query at the load; None: not known.
    """

    funnel: Funnel
    option: Option
    plan: Plan
    quality: float
    capacity_qps: float
    capacity_low_qps: float
    capacity_high_qps: float
    tail_ms: float
    feed: Feed = "whole"
    cost: float | None = None
    energy_j: float | None = None

    @property
    def stages(self) -> int:
        """How many stages the funnel has."""
        return len(self.funnel.networks)


class Objective(NamedTuple):
    """What a point is judged by: `of` is to be high; `best` and `least` say it in words."""

    of: Callable[[Point], float]
    best: str
    least: Callable[[Point], str]


def _negative(value: float | None) -> float:
    return math.nan if value is None else -value


OBJECTIVES: dict[str, Objective] = {
    "quality": Objective(lambda p: p.quality, "highest quality", lambda p: f"quality at least {p.quality:.4f}"),
    "p95": Objective(lambda p: -p.tail_ms, "lowest latency", lambda p: f"latency at most {p.tail_ms:.3g} ms"),
    "capacity": Objective(
        lambda p: p.capacity_qps, "highest capacity", lambda p: f"capacity at least {p.capacity_qps:.4g} qps"
    ),
    "cost": Objective(
        lambda p: _negative(p.cost), "lowest cost", lambda p: f"cost at most {p.cost or 0:.3g} $ a million queries"
    ),
    "energy": Objective(
        lambda p: _negative(p.energy_j), "lowest energy", lambda p: f"energy at most {p.energy_j or 0:.3g} J a query"
    ),
}
DEFAULT_OBJECTIVES = ("quality", "p95", "capacity")


def check_objectives(names: Sequence[str]) -> None:
    """Raise `BadInputError` for unknown objectives, none, or one named twice."""
    for name in names:
        if name not in OBJECTIVES:
            raise BadInputError(f"unknown objective `{name}`", hint=f"known: {', '.join(OBJECTIVES)}")
    if not names or len(set(names)) < len(names):
        raise BadInputError(f"objectives `{','.join(names)}`: give each once, at least one", hint="quality,capacity")


def values(points: Sequence[Point], objectives: Sequence[str]) -> NDArray[np.float64]:
    """Return the objectives of `points` as columns to be maximised, shape (points, objectives)."""
    rows = [[OBJECTIVES[name].of(point) for name in objectives] for point in points]
    return np.array(rows, dtype=np.float64).reshape(len(points), len(objectives))


def reason(point: Point, others: Sequence[Point], objectives: Sequence[str]) -> str:
    """Say why `point` is on the front of `others`: what it is best at, given which of its other objectives.

    The fewest conditions under which it is best are named: none, one other objective, and so on.
    """
    mine = values([point], objectives)[0]
    table = values(others, objectives)
    for count in range(len(objectives)):
        words = [text for text in _bests(point, mine, table, objectives, count) if text]
        if words:
            return "; ".join(words)
    return "equals another point"


def _bests(
    point: Point, mine: NDArray[np.float64], table: NDArray[np.float64], objectives: Sequence[str], count: int
) -> list[str]:
    """Return in words every objective that `point` is best at when `count` others must be as good as its own."""
    found = []
    for number, name in enumerate(objectives):
        rest = [each for each in range(len(objectives)) if each != number]
        for given in itertools.combinations(rest, count):
            rivals = table[np.all(table[:, given] >= mine[list(given)], axis=1)]
            if not np.any(rivals[:, number] > mine[number]):
                conditions = " and ".join(OBJECTIVES[objectives[each]].least(point) for each in given)
                found.append(OBJECTIVES[name].best + (f" at {conditions}" if conditions else " of all"))
                break
    return found
