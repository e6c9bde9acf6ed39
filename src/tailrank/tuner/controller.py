"""Who chooses the plan of the next window: nobody, someone who knows the future, or a controller that learns.

Pure state machines: no clock, no system. They are told what was seen of a window and asked for the next plan.
"""

from collections.abc import Sequence
from typing import Annotated, NamedTuple, Protocol

from msgspec import Meta

from tailrank.core import Config, Plan
from tailrank.tuner.plan_table import PlanTable

__all__ = ["Controller", "Fixed", "Foresight", "Habits", "Policy", "Seen"]

Share = Annotated[float, Meta(gt=0, le=1)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=0)]


class Seen(NamedTuple):
    """What can be known at the end of window number `window`, counted from 0.

    `offered_qps` counts arrivals in it; `finished` the queries that finished in it, whenever they arrived, and
    `tail_ms` is their latency at the target's percentile (0 where none finished).
    """

    window: int
    offered_qps: float
    finished: int
    tail_ms: float


class Policy(Protocol):
    """Chooses plans window by window."""

    def start(self, plan: Plan) -> Plan:
        """Forget the past and return the plan of the first window; `plan` is what the caller would begin with."""
        ...

    def observe(self, seen: Seen) -> Plan:
        """Take in what was seen of the window that just ended and return the plan of the next."""
        ...


class Fixed:
    """One plan for ever: the caller's. What a static configuration does."""

    def start(self, plan: Plan) -> Plan:
        """See `Policy`."""
        self._plan = plan
        return plan

    def observe(self, seen: Seen) -> Plan:  # noqa: ARG002 - that is the point
        """See `Policy`."""
        return self._plan


class Foresight:
    """The oracle: it knows the load of every window, `loads_qps`, and takes that row of the table."""

    def __init__(self, table: PlanTable, loads_qps: Sequence[float]) -> None:
        self.table, self.loads_qps = table, tuple(loads_qps)

    def start(self, plan: Plan) -> Plan:  # noqa: ARG002 - it knows better
        """See `Policy`."""
        return self._plan_of(0)

    def observe(self, seen: Seen) -> Plan:
        """See `Policy`."""
        return self._plan_of(seen.window + 1)

    def _plan_of(self, window: int) -> Plan:
        known = self.loads_qps[min(window, len(self.loads_qps) - 1)] if self.loads_qps else 0.0
        return self.table.row(known).plan


class Habits(Config, frozen=True, kw_only=True):
    """How a controller behaves; the defaults suit windows of some tenths of a second.

    The load expected of the next window is a moving average that takes in `alpha` of each window, times `headroom`,
    over the trust. A window with more than `surge` times the average is no noise: the average begins anew with it.
    Trust starts at 1, is multiplied by `distrust` (down to `least_trust`) by every window whose measured tail exceeds
    the target, and grows back by `regain` a window. The controller moves to a row for higher loads at once; to a lower
    one only after `patience` windows in a row whose load was below it even when raised by `hysteresis`. A plan that is
    rolled back is not taken again for `banned` windows. A window with under `least_queries` finished queries says
    nothing about the tail.
    """

    alpha: Share = 0.3
    surge: Annotated[float, Meta(ge=1)] = 1.25
    headroom: Annotated[float, Meta(ge=1)] = 1.0
    hysteresis: NotNegative = 0.0
    patience: Annotated[int, Meta(ge=1)] = 3
    distrust: Share = 0.8
    least_trust: Share = 0.3
    regain: Annotated[float, Meta(ge=1)] = 1.002
    banned: Count = 100
    least_queries: Count = 50


class Controller:
    """Follows the load through a plan table, and corrects itself by the tail it measures.

    `trust`, `changes` and `rollbacks` can be read at any time; `row` is the number of the present one.
    """

    def __init__(self, table: PlanTable, habits: Habits | None = None) -> None:
        self.table, self.habits = table, habits or Habits()
        self.start(table.rows[-1].plan)

    @property
    def plan(self) -> Plan:
        """The present plan."""
        return self.table.rows[self.row].plan

    def start(self, plan: Plan) -> Plan:
        """Begin with the highest row of `plan`; with the highest of all where the table has none such."""
        rows = self.table.rows
        mine = [number for number, row in enumerate(rows) if row.plan == plan]
        self.row = mine[-1] if mine else len(rows) - 1
        self.trust, self.changes, self.rollbacks = 1.0, 0, 0
        self._average: float | None = None
        self._last_qps = 0.0
        self._calm = 0  # windows in a row that would have let the controller move down
        self._came_from: int | None = None  # for one window after a change: the row before, if it met the target
        self._bans: list[tuple[Plan, int]] = []  # plan, last window of its ban
        return self.plan

    def observe(self, seen: Seen) -> Plan:
        """See `Policy`."""
        self._bans = [(plan, until) for plan, until in self._bans if until > seen.window]
        self._take_in(seen.offered_qps)
        late = seen.finished >= self.habits.least_queries and seen.tail_ms > self.table.target.latency_ms
        came_from, self._came_from = self._came_from, None
        if late and came_from is not None and self.table.rows[came_from].qps >= self._last_qps:
            self._roll_back(came_from, seen.window)
            return self.plan
        factor = self.habits.distrust if late else self.habits.regain
        self.trust = min(1.0, max(self.habits.least_trust, self.trust * factor))
        before = self.row
        if self._choose() and not late:
            self._came_from = before
        return self.plan

    @property
    def expected_qps(self) -> float:
        """The load to prepare for."""
        return self.habits.headroom * (self._average or 0.0) / self.trust

    def _take_in(self, qps: float) -> None:
        before = qps if self._average is None else self._average
        surges = qps > self.habits.surge * before
        self._average = qps if surges else before + self.habits.alpha * (qps - before)
        self._last_qps = qps

    def _roll_back(self, row: int, window: int) -> None:
        self._bans.append((self.plan, window + self.habits.banned))
        self.row, self._calm = row, 0
        self.rollbacks += 1
        self.changes += 1

    def _choose(self) -> bool:
        """Move to the row that suits the load expected; return whether that changed the plan."""
        wanted = self._allowed(self.table.index(self.expected_qps))
        if wanted > self.row:
            return self._move(wanted)
        lower = self._allowed(self.table.index(self.expected_qps * (1 + self.habits.hysteresis)))
        self._calm = self._calm + 1 if lower < self.row else 0
        return self._calm >= self.habits.patience and self._move(lower)

    def _allowed(self, row: int) -> int:
        """Return `row`, or the first above it whose plan is not banned; the last row is always allowed."""
        banned = [plan for plan, _ in self._bans]
        last = len(self.table.rows) - 1
        return next((each for each in range(row, last) if self.table.rows[each].plan not in banned), last)

    def _move(self, row: int) -> bool:
        changed = self.table.rows[row].plan != self.plan
        self.changes += changed
        self.row, self._calm = row, 0
        return changed
