"""One repetition at many offered loads: which is the highest that still meets the SLA target?

Loads are the rungs of one geometric ladder that depends on the target and the tolerance alone. So every plan
is asked about the same loads, and the answer does not depend on where the search started.
"""

import math
from collections.abc import Callable

from tailrank.core import BadInputError, Plan, System, Trace
from tailrank.metrics import SLATarget, meets
from tailrank.tuner.reading import tail_ms

__all__ = ["Ladder", "highest"]

CEILING_QPS = 1e8  # ten nanoseconds between queries; nothing that ranks is faster, so a fake that is, stops here
SHORTEST = 4  # a run shorter than this many target latencies ends before an overload can show
PEEKS = (1.02, 1.05)  # after the search, look this far above the lowest missed load


class Ladder:
    """Serves `trace` under `plan` at the load `floor_qps * (1 + tolerance) ** rung`, each rung at most once.

    `told(qps, met)` hears every probe. Not aware of other repetitions or plans.
    """

    def __init__(
        self,
        system: System,
        trace: Trace,
        plan: Plan,
        target: SLATarget,
        *,
        floor_qps: float,
        tolerance: float,
        warmup: float,
        told: Callable[[float, bool], None],
    ) -> None:
        self.system, self.trace, self.plan, self.target = system, trace, plan, target
        self.floor_qps, self.tolerance, self.warmup, self.told = floor_qps, tolerance, warmup, told
        self.tails_ms: dict[int, float] = {}
        self.unloaded_ns = math.inf  # mean latency at rung 0
        self.monotone = True
        self._met: dict[int, bool] = {}

    @property
    def probes(self) -> int:
        """How many times the system has served the trace."""
        return len(self._met)

    def qps(self, rung: int) -> float:
        """Return the offered load of a rung."""
        return float(self.floor_qps * (1 + self.tolerance) ** rung)

    def rungs(self, ratio: float) -> int:
        """Return the smallest count of rungs that multiplies the load by at least `ratio`."""
        return max(1, math.ceil(math.log(ratio) / math.log1p(self.tolerance) - 1e-9))

    def rung(self, qps: float) -> int:
        """Return the highest rung at or below `qps`, at least 0."""
        return max(0, math.floor(math.log(max(qps, self.floor_qps) / self.floor_qps) / math.log1p(self.tolerance)))

    def meets(self, rung: int) -> bool:
        """Return whether the target holds at `rung`, serving the trace if that is not known yet."""
        if rung not in self._met:
            self._met[rung] = self.qps(rung) <= CEILING_QPS and self._serve(rung)
            self.told(self.qps(rung), self._met[rung])
        return self._met[rung]

    def _serve(self, rung: int) -> bool:
        records = self.system.serve(self.trace.at_rate(self.qps(rung)), self.plan)
        met = meets(records, self.target, warmup=self.warmup)
        if met or rung == 0:
            self.tails_ms[rung] = tail_ms(records, self.target, warmup=self.warmup)
        if rung == 0 and records.ok.any():
            self.unloaded_ns = float(records.latency_ns.mean())
        if met and len(self.trace) / self.qps(rung) < SHORTEST * self.target.latency_ns / 1e9:
            needed = math.ceil(2 * SHORTEST * self.qps(rung) * self.target.latency_ns / 1e9)
            raise BadInputError(
                f"{len(self.trace)} queries at {self.qps(rung):.4g} qps last less than {SHORTEST} times the target of "
                f"{self.target.latency_ms:g} ms, too short to tell a stable run from an overloaded one",
                hint=f"give at least {needed} queries a replication; {10 * needed} for an answer to one per cent",
            )
        return met


def highest(ladder: Ladder, start: int, step: int, *, growth: int = 1) -> int | None:
    """Return the highest rung that meets the target, None where not even rung 0 does.

    Doubles (or walks by `step`, times `growth` each time) from `start` until the answer is bracketed, then
    bisects. What is returned was probed and met, and the next rung was probed and missed. Where latency does
    not rise steadily with load there are several such rungs: two peeks above the missed one catch an
    isolated miss (a noisy saturation test, say) and resume there; a relapse further up goes unseen.
    """
    if not ladder.meets(0):
        return None
    low, high = _bracket(ladder, max(start, 0), step, growth)
    while True:
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if ladder.meets(middle) else (low, middle)
        above = [rung for rung in (high + ladder.rungs(ratio) for ratio in PEEKS) if ladder.meets(rung)]
        if not above:
            return low
        ladder.monotone = False
        low, high = _bracket(ladder, above[-1], step, growth)


def _bracket(ladder: Ladder, start: int, step: int, growth: int) -> tuple[int, int]:
    """Return a met and a higher missed rung around `start`; rung 0 is known to be met."""
    rising = ladder.meets(start)
    edge = start
    while True:
        beyond = edge + step if rising else max(0, edge - step)
        if ladder.meets(beyond) != rising:
            return (edge, beyond) if rising else (beyond, edge)
        edge, step = beyond, step * growth
