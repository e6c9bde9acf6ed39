"""The study of DeepRecSys as data: what is asked of one network on one host, and what the answer holds.

The paper's cells are network x target x host x scheduler. The cells of one network on one host are found together,
as one `Column`: they share traces, and each search begins where its neighbour ended. `run_column` in `column` does it.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from tailrank.core import Config, Pool
from tailrank.timing import ServiceTime
from tailrank.tuner.regret import Regret

__all__ = [
    "Arrivals",
    "CellResult",
    "Column",
    "ColumnResult",
    "CurvePoint",
    "Effort",
    "Hardware",
    "Penalty",
    "Scheduler",
    "StudyTarget",
    "geomean",
    "geomean_gain",
]

Scheduler = Literal["static", "cpu", "gpu"]
Extra = Literal["curves", "lognormal", "arrivals", "regret"]


class Effort(Config, frozen=True, kw_only=True):
    """How long runs are, and how close answers.

    A run has at least `queries` queries and lasts `targets` target latencies, as far as `most_queries` allow; races
    are shorter. Capacities are repeated `replications` times, then half as often again up to `most_replications`, until
    the 95 % interval is at most `precision` wide, from end to end, relative to the capacity. Neighbouring plans meet
    in the first `contest` repetitions, and one wins by more than `margin`.
    """

    queries: int = 16_000
    most_queries: int = 60_000
    targets: float = 40.0
    race_queries: int = 6_000
    race_targets: float = 25.0
    replications: int = 6
    contest: int = 3
    margin: float = 0.003
    most_replications: int = 72
    precision: float = 0.02
    tolerance: float = 0.002


class StudyTarget(Config, frozen=True, kw_only=True):
    """A target: `factor` times the network's SLA, or times what the static baseline takes at near-zero load."""

    name: str
    factor: float
    of: Literal["sla", "unloaded"] = "sla"


PAPER_TARGETS = (
    StudyTarget(name="low", factor=0.5),
    StudyTarget(name="medium", factor=1.0),
    StudyTarget(name="high", factor=1.5),
)


class Column(Config, frozen=True, kw_only=True):
    """One network on one CPU host, with `gpu` beside it for scheduler `gpu` (empty: none), at every target.

    `gpu_slower` makes the GPU's batches take that many times longer: a what-if. `switches` are the names of those
    of `timing.Switches` that are on. `extras` are studied at the targets' side: see `ColumnResult`.
    """

    network: str
    host: str
    gpu: str = ""
    gpu_slower: float = 1.0
    gpu_workers: int = 1
    switches: tuple[str, ...] = ()
    targets: tuple[StudyTarget, ...] = PAPER_TARGETS
    extras: tuple[Extra, ...] = ()
    effort: Effort = Effort()
    seed: int = 1
    reading: str = ""

    @property
    def label(self) -> str:
        """For progress lines."""
        beside = f"+{self.gpu}" if self.gpu else ""
        reading = f" ({self.reading})" if self.reading else ""
        return f"{self.network} on {self.host}{beside}{reading}"


class Hardware(NamedTuple):
    """What a column runs on: service times by pool, pools, and power from busy shares of CPU and GPU.

    `gpu_power_w` is of the host with its GPU, `cpu_power_w` without one; `lacks` says why there is no GPU pool.
    """

    services: Mapping[str, ServiceTime]
    pools: Mapping[str, Pool]
    cpu_power_w: Callable[[float, float], float]
    gpu_power_w: Callable[[float, float], float]
    sla_ms: float
    lacks: str = ""


class CellResult(Config, frozen=True, kw_only=True):
    """One cell. `capacity_qps` is 0 where the target is missed even at near-zero load; `gain` is then None for all.

    `smallest_ms` is the percentile at near-zero load, `cpu_busy` and `gpu_busy` the shares of time at the capacity;
    `qps_per_tdp_watt` divides by the power with everything busy, as the paper probably did. `regret` is of this cell's
    plan against every plan that its scheduler could have chosen, where the column asks for it.
    """

    network: str
    target: str
    host: str
    gpu: str | None
    scheduler: Scheduler
    sla_ms: float
    capacity_qps: float
    capacity_ci95_qps: tuple[float, float]
    batch_size: int
    offload_at: int | None
    gpu_query_share: float
    gpu_item_share: float
    qps_per_watt: float
    qps_per_tdp_watt: float
    power_w: float
    gain: float | None
    gain_ci95: tuple[float, float] | None
    percentile_ms: float | None
    smallest_ms: float | None
    cpu_busy: float
    gpu_busy: float
    queries: int
    replications: int
    note: str
    regret: Regret | None = None


class CurvePoint(Config, frozen=True, kw_only=True):
    """Capacity with one knob moved and the rest as tuned; `bound_qps` is what arithmetic alone says of the plan."""

    knob: Literal["batch_size", "offload_at"]
    network: str
    host: str
    target: str
    batch_size: int
    offload_at: int | None
    capacity_qps: float
    ci95_qps: tuple[float, float]
    bound_qps: float


class Penalty(Config, frozen=True, kw_only=True):
    """The plan tuned on lognormal sizes beside the one tuned on production sizes, both served production sizes."""

    network: str
    host: str
    target: str
    lognormal_batch_size: int
    production_batch_size: int
    lognormal_capacity_qps: float
    lognormal_ci95_qps: tuple[float, float]
    capacity_qps: float
    penalty: float | None


class Arrivals(Config, frozen=True, kw_only=True):
    """The tuned plan under exact Poisson arrivals and under the artifacts' whole-millisecond gaps."""

    network: str
    host: str
    target: str
    exact_qps: float
    integer_qps: float
    integer_ci95_qps: tuple[float, float]
    ratio: float | None


class ColumnResult(Config, frozen=True, kw_only=True):
    """All that was found of a column."""

    column: Column
    cells: tuple[CellResult, ...]
    curves: tuple[CurvePoint, ...]
    penalty: tuple[Penalty, ...]
    poisson: tuple[Arrivals, ...]
    probes: int


def geomean(values: Iterable[float]) -> float | None:
    """Return the geometric mean; None of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(math.fsum(logs) / len(logs)) if logs else None


def geomean_gain(cells: Sequence[CellResult]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Return host -> scheduler (cpu, gpu) -> target -> geometric mean of the gains over networks that have one."""
    found: dict[str, dict[str, dict[str, float | None]]] = {}
    for cell in cells:
        if cell.scheduler == "static":
            continue
        by_target = found.setdefault(cell.host, {}).setdefault(cell.scheduler, {})
        if cell.target not in by_target:
            same = [
                each.gain
                for each in cells
                if (each.host, each.scheduler, each.target) == (cell.host, cell.scheduler, cell.target)
            ]
            by_target[cell.target] = geomean(gain for gain in same if gain is not None)
    return found
