"""The best plan so far, and plans that challenge it over several repetitions of the same queries.

Capacity costs a dozen runs a repetition, but that a plan is no better costs one: where it misses the target just above
the best plan's capacity in every repetition its mean cannot be higher, as far as more load is never easier, which
every capacity search here assumes. A plan that cannot even do the work that arrives at that load needs no run at all.
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal

from tailrank.core import Plan
from tailrank.metrics import WARMUP, SLATarget
from tailrank.tuner.budget import affordable, prefix
from tailrank.tuner.capacity import Replication, capacity
from tailrank.tuner.climb import Candidate
from tailrank.tuner.ladder import Ladder

__all__ = ["SLACK", "Bound", "Contest", "Outcome"]

SLACK = 0.05  # a finite run can be a little overloaded and still meet the target: bounds count only beyond this
Bound = Callable[[Plan], float]
Outcome = Literal["bounded", "refused", "measured", "best"]


class Contest:
    """Holds the `best` plan over `replications`; its capacity must be of the same repetitions, by number.

    `bound(plan)` is a load that a plan cannot keep up with, but for `slack`, a share of it. A challenger wins where
    its mean capacity is higher by more than `margin`, a share, too. The other arguments are those of `capacity`.
    `probes` counts the runs, `served` the plans they were of, by `repr`.
    """

    def __init__(
        self,
        replications: Sequence[Replication],
        target: SLATarget,
        best: Candidate,
        *,
        tolerance: float = 0.005,
        floor_qps: float | None = None,
        slices: int | None = None,
        warmup: float = WARMUP,
        bound: Bound | None = None,
        slack: float = SLACK,
        margin: float = 0.0,
        phase: str = "contest",
    ) -> None:
        self.replications, self.target, self.best = replications, target, best
        self.tolerance, self.slices, self.warmup = tolerance, slices, warmup
        self.floor_qps = floor_qps if floor_qps is not None else 0.01 / (target.latency_ns / 1e9)
        self.bound, self.slack, self.margin, self.phase = bound, slack, margin, phase
        self.probes = 0
        self.served: set[str] = set()

    def limit_qps(self, plan: Plan) -> float:
        """Return a load at which `plan` surely misses the target; infinite where nothing is known."""
        return math.inf if self.bound is None else self.bound(plan) * (1 + self.slack)

    def challenge(self, plan: Plan) -> Outcome:
        """Let `plan` challenge the best one: `bounded` without a run, `refused` by one a repetition, or measured.

        `best` where it is the best one from now on.
        """
        if self.limit_qps(plan) < self.best.capacity.qps:
            return "bounded"
        if not self.may_beat(plan):
            return "refused"
        found = self.measure(plan)
        if found.capacity.qps <= self.best.capacity.qps * (1 + self.margin):
            return "measured"
        self.best = found
        return "best"

    def may_beat(self, plan: Plan) -> bool:
        """Return whether `plan` meets the target above the capacity of the best one in some repetition."""
        loads = self.best.capacity.per_replication
        return any(self._meets(plan, each, qps) for each, qps in zip(self.replications, loads, strict=True))

    def measure(self, plan: Plan) -> Candidate:
        """Return `plan` with its capacity."""
        self.served.add(repr(plan))  # pools make a plan unhashable
        found = capacity(
            self.replications,
            plan,
            self.target,
            tolerance=self.tolerance,
            floor_qps=self.floor_qps,
            start_qps=self.best.capacity.qps or None,
            slices=self.slices,
            warmup=self.warmup,
        )
        self.probes += found.probes
        return Candidate(plan, found, self.phase)

    def _meets(self, plan: Plan, replication: Replication, qps: float) -> bool:
        self.probes += 1
        self.served.add(repr(plan))
        system, whole = replication
        trace = whole if self.slices is None else prefix(whole, affordable(whole, plan, self.slices))
        ladder = Ladder(
            system,
            trace,
            plan,
            self.target,
            floor_qps=self.floor_qps,
            tolerance=self.tolerance,
            warmup=self.warmup,
            told=lambda _qps, _met: None,
        )
        return ladder.meets(ladder.rung(qps * (1 + self.margin) * (1 + self.tolerance / 2)) + 1)
