"""What the engine showed: its runs, the capacities they bracket, and what the simulator says of the same traces."""

import statistics
from dataclasses import dataclass, field
from typing import NamedTuple

from tailrank.core import Records, Trace
from tailrank.timing import Profile
from tailrank.tuner import Bracket

__all__ = ["EngineRun", "Proof", "median_error_pct"]


class EngineRun(NamedTuple):
    """One run on the engine and what the simulator says of the same trace, percentiles in ms."""

    plan: str
    qps: float
    trace: Trace
    records: Records
    met: bool
    engine_ms: float
    sim_ms: float
    same_run_ms: float
    purpose: str
    simulated: Records
    repeated: Records | None  # with its own service times; None where queries failed or a policy decided
    drift: float  # how much slower than the pooled profile the host was around this run


@dataclass
class Proof:
    """Everything the engine showed."""

    brackets: dict[str, Bracket] = field(default_factory=dict)
    sim_qps: dict[str, float] = field(default_factory=dict)  # profile of the whole proof, same trace
    sim_earlier_qps: dict[str, float] = field(default_factory=dict)  # profile from before the search, same trace
    same_run_qps: dict[str, float] = field(default_factory=dict)  # the very times of the probe nearest the capacity
    runs: list[EngineRun] = field(default_factory=list)
    profile: Profile | None = None  # the rounds between the runs, pooled
    policies_lost: bool = False  # the plan without them served no less, and is `tuned` now
    drift: list[float] = field(default_factory=list)  # each round over the profile from before the search

    def of(self, plan: str, purpose: str) -> list[EngineRun]:
        """Return the runs of one plan for one purpose."""
        return [run for run in self.runs if run.plan == plan and run.purpose == purpose]

    def at_capacity(self, plan: str) -> EngineRun | None:
        """Return the highest load that met the target."""
        met = [run for run in self.of(plan, "probe") if run.met]
        return max(met, key=lambda run: run.qps, default=None)


def median_error_pct(runs: list[EngineRun], *, same_run: bool) -> float | None:
    """Return the median of simulator over engine minus one, in percent, over `runs`; None without runs."""
    errors = [100 * ((run.same_run_ms if same_run else run.sim_ms) / run.engine_ms - 1) for run in runs]
    return statistics.median(errors) if errors else None
