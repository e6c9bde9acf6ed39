"""Capacity of a slow system (the real engine): a few probes of seconds each around a predicted load.

The search is an object that says which load it wants next, so that the caller can take turns between the
probes of several plans on one machine: slow drifts of the machine then hit all of them alike.
"""

import math
from typing import NamedTuple

from tailrank.core import BadInputError, Records
from tailrank.metrics import WARMUP, SLATarget, meets, saturated
from tailrank.tuner.reading import tail_ms

__all__ = ["Bracket", "Probe", "ProbeSearch"]


CAUTION = 0.98  # of what an overloaded run sustained; the next load to offer


class Probe(NamedTuple):
    """One run at `qps`: what was recorded, and what it says about the target."""

    qps: float
    records: Records
    met: bool
    percentile_ms: float


class Bracket(NamedTuple):
    """The capacity lies between `low_qps` (met; 0: no probe did) and `high_qps` (missed; infinite: none did).

    `qps` is the estimate: where log latency, interpolated between the two probes, crosses the target; their
    geometric mean when either latency says nothing (failures, or an overload within the percentile); the
    open-ended bracket's known end, or 0, where one side was never found.
    """

    low_qps: float
    high_qps: float
    qps: float
    probes: tuple[Probe, ...]

    @property
    def closed(self) -> bool:
        """Whether some probe met the target and some missed it."""
        return self.low_qps > 0 and math.isfinite(self.high_qps)


class ProbeSearch:
    """Brackets the capacity around `start_qps`, then bisects geometrically, with at most `probes` probes.

    Until bracketed the load moves by `step` (a ratio), and twice as far in the logarithm each time: a good prediction
    costs two probes, a bad one a few more. A run that could not keep up says how fast the system is: the next load
    is no higher. Up to `reach` probes more are granted while there is no bracket. Stops early when the bracket is
    closer than `tolerance`, or when it would have to offer less than `floor_qps`. A later probe never widens the
    bracket: with noisy readings the answer is one of several crossings.
    """

    def __init__(
        self,
        target: SLATarget,
        start_qps: float,
        *,
        probes: int = 8,
        reach: int = 0,
        floor_qps: float = 0.0,
        step: float = 1.15,
        tolerance: float = 0.01,
        warmup: float = WARMUP,
    ) -> None:
        if not 0 < start_qps < math.inf:
            raise BadInputError(
                f"the first load must be above zero, not {start_qps:g}", hint="give a predicted capacity"
            )
        if probes < 1 or step <= 1 or tolerance <= 0:
            raise BadInputError(
                f"cannot search with {probes} probes, step {step:g} and tolerance {tolerance:g}",
                hint="give at least one probe, a step above 1 and a tolerance above 0",
            )
        self.target, self.tolerance, self.warmup, self.floor_qps = target, tolerance, warmup, floor_qps
        self._left, self._reach, self._step, self._next = probes, reach, step, start_qps
        self._low: Probe | None = None
        self._high: Probe | None = None
        self._probes: list[Probe] = []

    def next_qps(self) -> float | None:
        """Return the load to offer next; None when the search is over."""
        over = self._left == 0 and (self._reach == 0 or self.bracket().closed)
        return None if over or self._close() or self._next < self.floor_qps else self._next

    def tell(self, qps: float, records: Records) -> Probe:
        """Take the records of a run at `qps` into account and return its reading."""
        met = meets(records, self.target, warmup=self.warmup)
        probe = Probe(qps, records, met, tail_ms(records, self.target, warmup=self.warmup))
        self._probes.append(probe)
        self._reach -= 1 if self._left == 0 and self._reach > 0 else 0
        self._left = max(0, self._left - 1)
        if met and (self._low is None or qps > self._low.qps) and (self._high is None or qps < self._high.qps):
            self._low = probe
        if not met and (self._high is None or qps < self._high.qps) and (self._low is None or qps > self._low.qps):
            self._high = probe
        self._aim()
        return probe

    def bracket(self) -> Bracket:
        """Return what is known so far."""
        low = self._low.qps if self._low else 0.0
        high = self._high.qps if self._high else math.inf
        return Bracket(low, high, self._estimate(), tuple(self._probes))

    def _close(self) -> bool:
        return bool(self._low and self._high and self._high.qps <= self._low.qps * (1 + self.tolerance))

    def _aim(self) -> None:
        if self._low and self._high:
            self._next = math.sqrt(self._low.qps * self._high.qps)
        elif self._low:
            self._next, self._step = self._low.qps * self._step, self._step**2
        elif self._high:
            below = min(self._high.qps / self._step, CAUTION * _sustained_qps(self._high.records))
            self._next, self._step = below, self._step**2

    def _estimate(self) -> float:
        if self._low is None or self._high is None:
            return self._low.qps if self._low else 0.0
        goal_ms, below_ms, above_ms = self.target.latency_ns / 1e6, self._low.percentile_ms, self._high.percentile_ms
        part = 0.5
        if 0 < below_ms <= goal_ms < above_ms < math.inf:
            part = math.log(goal_ms / below_ms) / math.log(above_ms / below_ms)
        return float(self._low.qps * (self._high.qps / self._low.qps) ** part)


def _sustained_qps(records: Records) -> float:
    """Return how many queries a second an overloaded run finished; infinite where it was not overloaded."""
    if not (records.ok.any() and saturated(records)):
        return math.inf
    span_ns = int(records.finish_ns.max() - records.arrival_ns[0])
    return int(records.ok.sum()) / span_ns * 1e9 if span_ns > 0 else math.inf
