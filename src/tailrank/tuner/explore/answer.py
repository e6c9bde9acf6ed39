"""What an exploration is asked, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan
from tailrank.tuner.explore.point import DEFAULT_OBJECTIVES, Point, check_objectives
from tailrank.tuner.explore.space import Funnel

__all__ = ["Asked", "Counts", "Explored", "QualityOf"]

F64 = NDArray[np.float64]


class QualityOf(Protocol):
    """What an exploration asks of `metrics.FunnelQuality`."""

    def means(self, funnels: Sequence[Funnel]) -> F64:
        """Return the mean NDCG@k of each funnel, shape (n,)."""
        ...

    def mean_of_shares(self, funnel: Funnel, plan: Plan) -> float:
        """Return the mean where slices pass on the shares that `plan` gives them."""
        ...


@dataclass(frozen=True)
class Asked:
    """What is asked: the quality that may be lost to the best single stage (a share), the load, what counts.

    At most `most_runs` plans are simulated, and for the front no longer than `seconds`.
    """

    drop: float = 0.005
    load_qps: float | None = None
    objectives: tuple[str, ...] = DEFAULT_OBJECTIVES
    price_per_hour: float | None = None
    most_runs: int = 1500
    seconds: float = 45.0

    def __post_init__(self) -> None:
        check_objectives(self.objectives)
        if not 0 <= self.drop < 1:
            raise BadInputError(f"quality drop must be at least 0 and below 1, not {self.drop:g}", hint="0.5% is usual")


@dataclass
class Counts:
    """How many funnels and plans were looked at, and how."""

    funnels: int = 0
    quality_s: float = 0.0
    plans: int = 0
    arithmetic_s: float = 0.0
    simulated: int = 0
    simulator_runs: int = 0
    simulated_s: float = 0.0
    below: int = 0  # funnels worse than every network alone
    late: int = 0  # plans that cannot meet the target, by arithmetic
    outranked: int = 0  # plans that arithmetic ranks behind others of their quality and number of stages
    ruled_out: int = 0  # plans that some simulated plan is sure to beat
    given_up: int = 0  # plans within the floor whose promise was above what was found, when the search ended
    not_reached: int = 0  # plans for the front that the time did not allow

    @property
    def funnels_per_second(self) -> float:
        """Funnels whose quality was found, a second of finding it; preparation is not counted."""
        return self.funnels / self.quality_s if self.quality_s > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Explored:
    """What was found: every simulated point, the front of it, and the points that answer the question."""

    asked: Asked
    points: tuple[Point, ...]
    front: tuple[Point, ...]
    knee: Point
    best_single: Point
    reference: Funnel  # the single stage of highest quality, which the floor is relative to
    reference_quality: float
    floor: float
    chosen: Point
    load_qps: float
    funnels: tuple[Funnel, ...]
    qualities: F64
    counts: Counts
