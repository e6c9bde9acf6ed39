"""A race of many plans over one trace: a plan is measured only as far as it takes to see that it loses.

Capacity costs a dozen runs, but whether a plan beats the leader costs one: serve it at a load just above the
leader's. And a plan whose bound (`Bounds`) is below the leader's capacity costs none. All plans meet the same
queries, so that what one run says is about the plans and not about luck.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tailrank.core import Plan, System, Trace
from tailrank.metrics import WARMUP, SLATarget
from tailrank.tuner.ladder import Ladder, highest

__all__ = ["Course", "Leader"]

SLACK = 1.03  # a run of finite length may exceed its bound by a little
STEP = 1.02


@dataclass(frozen=True)
class Leader:
    """The best plan so far, and the highest rung of the ladder of loads at which it met the target."""

    plan: Plan
    rung: int


@dataclass
class Course:
    """One trace and one target for all plans. `bound_qps` says what load a plan cannot exceed; 0: never in time.

    The ladder's `tolerance` is how much better a plan must be to win: among plans within it the first one stays.
    """

    system: System
    trace: Trace
    target: SLATarget
    bound_qps: Callable[[Plan], float]
    floor_qps: float
    tolerance: float = 0.005
    runs: int = 0
    served: set[str] = field(default_factory=set)  # plans, by `repr`: a plan's pools have no hash
    _ladders: dict[str, Ladder] = field(default_factory=dict)

    def qps(self, leader: Leader) -> float:
        """Return the capacity of the leader on this trace."""
        return self._ladder(leader.plan).qps(leader.rung)

    def measure(self, plan: Plan, near_qps: float | None = None) -> Leader | None:
        """Return `plan` with its capacity on this trace; None where it misses the target even at near-zero load.

        `near_qps` is a guess.
        """
        ladder = self._ladder(plan)
        if near_qps is not None:
            rung = highest(ladder, ladder.rung(near_qps), ladder.rungs(STEP), growth=2)
        else:
            rung = highest(ladder, ladder.rung(0.7 * self.bound_qps(plan)), ladder.rungs(1.1), growth=2)
        return None if rung is None else Leader(plan, rung)

    def race(self, leader: Leader | None, plans: Iterable[Plan]) -> Leader | None:
        """Return the winner of `leader` (None: nobody has met the target yet) and `plans`; the highest bound first."""
        bounded = sorted(((self.bound_qps(plan), plan) for plan in plans), key=lambda pair: -pair[0])
        for bound, plan in bounded:
            if bound == 0:
                break
            if leader is None:
                leader = self.measure(plan)
                continue
            above = leader.rung + 1
            ladder = self._ladder(plan)
            if plan == leader.plan or bound * SLACK < ladder.qps(above):
                continue
            if ladder.meets(above):
                rung = highest(ladder, above, ladder.rungs(STEP), growth=2)
                leader = leader if rung is None else Leader(plan, rung)
        return leader

    def first(self, leader: Leader | None, plans: Iterable[Plan]) -> Leader | None:
        """Return the first of `plans` that is as good as `leader`, by the ladder's step; the leader where none is.

        The convention for choosing among plans that tie.
        """
        if leader is None:
            return None
        for plan in plans:
            if plan == leader.plan:
                return leader
            ladder = self._ladder(plan)
            if self.bound_qps(plan) * SLACK >= ladder.qps(leader.rung) and ladder.meets(leader.rung):
                return Leader(plan, leader.rung)
        return leader

    def _ladder(self, plan: Plan) -> Ladder:
        key = repr(plan)
        if key not in self._ladders:

            def told(qps: float, met: bool) -> None:  # noqa: ARG001 - a probe's teller hears both
                self.runs += 1
                self.served.add(key)

            self._ladders[key] = Ladder(
                self.system,
                self.trace,
                plan,
                self.target,
                floor_qps=self.floor_qps,
                tolerance=self.tolerance,
                warmup=WARMUP,
                told=told,
            )
        return self._ladders[key]
