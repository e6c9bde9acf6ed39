"""A plan for every load: made ahead in the simulator, looked up while serving."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config, InfeasibleError, Plan, Records
from tailrank.metrics import WARMUP, SLATarget, meets, summarise
from tailrank.tuner.capacity import Replication
from tailrank.tuner.mixture import POINTS, best_single, later
from tailrank.tuner.reading import tail_ms

__all__ = ["Objective", "PlanTable", "Power", "TableRow", "busy_shares", "plan_table"]

Power = Callable[[Mapping[str, float]], float]  # share of the time each pool is busy -> watts
Objective = Literal["tail", "frugal"]

MARGIN = 0.9  # a frugal plan may use this much of the target: what the simulator does not know needs room, too
SLACK = 0.002  # of the queries at a load: a plan that puts so many more of them beyond a latency is as good
TIE = 0.02  # a plan this close to the best is as good: then the row above's is kept, for fewer changes


class TableRow(Config, frozen=True, kw_only=True):
    """The plan for offered loads up to `qps`, and what was read of it there.

    `tail_ms` is the latency at the target's percentile, `power_w` the power, absent where none was modelled.
    """

    qps: Annotated[float, Meta(gt=0)]
    plan: Plan
    tail_ms: Annotated[float, Meta(ge=0)]
    power_w: Annotated[float, Meta(ge=0)] | None = None


class PlanTable(Config, frozen=True, kw_only=True):
    """Plans by offered load, ascending. Its plans share their pools: those of a running system stay as they are.

    `single` is the best plan for all loads together, where their shares were known.
    """

    target: SLATarget
    rows: Annotated[tuple[TableRow, ...], Meta(min_length=1)]
    objective: Objective = "tail"
    single: Plan | None = None

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows[1:], start=1):
            before = self.rows[number - 1]
            if row.qps <= before.qps:
                raise BadInputError(
                    f"rows.{number}.qps: {row.qps:g} is not above the row before, {before.qps:g}",
                    hint="sort the rows by load; each load appears once",
                )
            if row.plan.pools != before.plan.pools:
                raise BadInputError(
                    f"rows.{number}.plan: its pools differ from those of the row before",
                    hint="plans of one table change batch sizes and thresholds, not the pools",
                )

    def index(self, qps: float) -> int:
        """Return the number of the first row made for at least `qps`; the last where the load is beyond all."""
        return next((number for number, row in enumerate(self.rows) if row.qps >= qps), len(self.rows) - 1)

    def row(self, qps: float) -> TableRow:
        """Return the row for an offered load."""
        return self.rows[self.index(qps)]

    @property
    def plans(self) -> tuple[Plan, ...]:
        """The different plans, in order of the lowest load they serve."""
        found: list[Plan] = []
        for row in self.rows:
            if row.plan not in found:
                found.append(row.plan)
        return tuple(found)


def plan_table(
    replications: Sequence[Replication],
    plans: Sequence[Plan],
    loads_qps: Sequence[float],
    target: SLATarget,
    *,
    objective: Objective = "tail",
    power: Power | None = None,
    margin: float = MARGIN,
    reserve: float = 1.0,
    shares: Sequence[float] | None = None,
    warmup: float = WARMUP,
) -> PlanTable:
    """Serve every load under every plan and return the best plan of each.

    `tail`: the plan with the lowest latency at the target's percentile. `frugal`: the one that draws least power with
    at most `margin` of the target's latency, by `power`; where no plan leaves that margin, the lowest tail. A plan
    that misses the target at some load is not tried above it. `reserve` asks that a row's plan meet the target at that
    many times its load, too, as far as any plan does: within a window the load rises above its mean, and a plan that
    is quick but nearly full does not forgive that. With `shares`, of all queries at each of `loads_qps`, the percentile
    of all queries counts, too: no row's plan puts more queries beyond it than the best single plan would, at `reserve`
    times the row's load (`mixture`; objective `tail` only). The table ends at the highest load that some plan serves.
    Raises `InfeasibleError` where none serves even the lowest load.
    """
    _check(plans, loads_qps, objective, power, margin, reserve, shares)
    weights = dict(zip(loads_qps, shares or [0.0] * len(loads_qps), strict=True))
    alive, measured = list(plans), []
    for qps in sorted(weights):
        found = [_read(replications, plan, qps, target, power, warmup) for plan in alive]
        trials = [trial for trial in found if trial is not None]
        if not trials:
            break
        alive = [trial.plan for trial in trials]
        measured.append((qps, trials))
    if not measured:
        raise InfeasibleError(
            f"no plan meets {target} at {min(loads_qps):.4g} qps", hint="give lower loads, or loosen the target"
        )
    single = None
    if shares is None:
        open_to = [(qps, _able(trials, _at_least(reserve * qps, measured))) for qps, trials in measured]
    else:
        single, open_to = _no_worse_than_one(measured, [weights[qps] for qps, _ in measured], reserve, target)
    rows: list[TableRow] = []
    for qps, trials in reversed(open_to):
        best = _best(trials, target, objective, margin, rows[-1].plan if rows else None)
        rows.append(TableRow(qps=float(qps), plan=best.plan, tail_ms=best.tail_ms, power_w=best.power_w))
    return PlanTable(target=target, rows=tuple(reversed(rows)), objective=objective, single=single)


def busy_shares(records: Records, plan: Plan) -> dict[str, float]:
    """Return the share of the time until the last finish that each pool's workers were busy.

    The simulator notes it in the records; elsewhere it is read off the slices, and empty where there are none.
    """
    noted = {name: records.meta.get(f"utilisation.{name}") for name in plan.pools}
    known = {name: share for name, share in noted.items() if share is not None}
    if known or len(records.slices) == 0:
        return known
    return summarise(records, SLATarget(latency_ms=1.0), plan=plan).utilisation


@dataclass(frozen=True)
class _Trial:
    """One plan at one load: means over the repetitions, and quantiles of all their latencies."""

    plan: Plan
    tail_ms: float
    power_w: float | None
    quantiles_ms: NDArray[np.float64]


def _read(
    replications: Sequence[Replication], plan: Plan, qps: float, target: SLATarget, power: Power | None, warmup: float
) -> _Trial | None:
    """Return what `plan` does at `qps`; None where some repetition misses the target."""
    tails, watts, latencies = [], [], []
    for system, trace in replications:
        records = system.serve(trace.at_rate(qps), plan)
        if not meets(records, target, warmup=warmup):
            return None
        tails.append(tail_ms(records, target, warmup=warmup))
        latencies.append(np.where(records.ok, records.latency_ns / 1e6, math.inf)[math.floor(len(records) * warmup) :])
        if power is not None:
            watts.append(power(busy_shares(records, plan)))
    watt = math.fsum(watts) / len(watts) if watts else None
    quantiles_ms = np.quantile(np.concatenate(latencies), (np.arange(POINTS) + 0.5) / POINTS, method="inverted_cdf")
    return _Trial(plan, math.fsum(tails) / len(tails), watt, quantiles_ms)


def _at_least(qps: float, measured: Sequence[tuple[float, list[_Trial]]]) -> list[_Trial]:
    """Return the trials at the first load of at least `qps`, or at the highest."""
    return next((trials for load, trials in measured if load >= qps), measured[-1][1])


def _able(trials: Sequence[_Trial], others: Sequence[_Trial]) -> list[_Trial]:
    """Return the trials whose plans are among the `others`, too."""
    plans = [trial.plan for trial in others]
    return [trial for trial in trials if trial.plan in plans]


def _no_worse_than_one(
    measured: Sequence[tuple[float, list[_Trial]]], shares: Sequence[float], reserve: float, target: SLATarget
) -> tuple[Plan, list[tuple[float, list[_Trial]]]]:
    """Return the best single plan, and of each load the trials of plans that delay no more of its queries.

    More by what the target's percentile allows beyond what that plan delays of all queries: where its latencies are
    few, hardly any are beyond its percentile.

    They are judged at `reserve` times the load, but no higher than that plan serves; above what it serves, at the load
    itself, by the least share of late queries. Above the last load with more than the least share, where no queries
    were seen, `reserve` alone counts.
    """
    plans = [trial.plan for trial in measured[0][1]]
    quantiles_ms = np.full((len(measured), len(plans), POINTS), math.inf)
    for number, (_, trials) in enumerate(measured):
        for trial in trials:
            quantiles_ms[number, plans.index(trial.plan)] = trial.quantiles_ms
    allowed = 1 - target.percentile / 100
    single, level_ms = best_single(quantiles_ms, shares, allowed)
    beyond = later(quantiles_ms, level_ms)
    spare = max(SLACK, allowed - float(np.dot(shares, beyond[:, single])) / float(sum(shares)))
    beyond[np.isinf(quantiles_ms).all(axis=-1)] = math.inf
    known = np.flatnonzero(np.asarray(shares) > min(shares))
    seen = int(known[-1]) if len(known) else len(shares) - 1
    serves = int(np.flatnonzero(np.isfinite(beyond[:, single]))[-1])
    found = []
    for row, (qps, trials) in enumerate(measured):
        reserved = next((number for number, (load, _) in enumerate(measured) if load >= reserve * qps), len(measured))
        judged = max(row, min(reserved, serves))
        most = (beyond[judged, single] if row <= serves else beyond[judged].min()) + spare
        kept = [each for each in trials if beyond[judged, plans.index(each.plan)] <= most]
        found.append((qps, kept if row <= seen else _able(trials, _at_least(reserve * qps, measured))))
    return plans[single], found


def _best(
    trials: Sequence[_Trial], target: SLATarget, objective: Objective, margin: float, above: Plan | None
) -> _Trial:
    """Return the best trial, or that of the plan `above` (of the next higher load) where it is as good."""
    fit = [trial for trial in trials if trial.tail_ms <= margin * target.latency_ms]
    frugal = objective == "frugal" and bool(fit)

    def merit(trial: _Trial) -> float:
        return trial.power_w if frugal and trial.power_w is not None else trial.tail_ms

    among = fit if frugal else trials
    best = min(among, key=merit)
    close = [trial for trial in among if merit(trial) <= (1 + TIE) * merit(best)]
    return next((trial for trial in close if trial.plan == above), best)


def _check(
    plans: Sequence[Plan],
    loads_qps: Sequence[float],
    objective: Objective,
    power: Power | None,
    margin: float,
    reserve: float,
    shares: Sequence[float] | None,
) -> None:
    if not plans or not loads_qps:
        raise BadInputError(
            f"a table needs plans and loads, not {len(plans)} and {len(loads_qps)}",
            hint="twenty loads up to the capacity, and the plans of a search, are usual",
        )
    if any(plan.pools != plans[0].pools for plan in plans):
        raise BadInputError(
            "the plans of a table must share their pools", hint="vary batch sizes and thresholds, not workers"
        )
    lowest = min(loads_qps)
    if not (lowest > 0 and math.isfinite(max(loads_qps))):
        raise BadInputError(f"loads must be finite and above zero, not {lowest:g}", hint="give queries per second")
    if not 0 < margin <= 1:
        raise BadInputError(f"margin must lie above 0 and at most at 1, not {margin:g}", hint="0.9 is usual")
    if not 1 <= reserve < math.inf:
        raise BadInputError(f"reserve starts at 1, not {reserve:g}", hint="1.3 is 30 % above the row's load")
    if shares is not None and (objective != "tail" or len(shares) != len(loads_qps) or not sum(shares) > 0):
        raise BadInputError(
            f"{len(shares)} shares of the queries for {len(loads_qps)} loads, objective `{objective}`",
            hint="give one share for each load, their sum above zero, and the objective `tail`",
        )
    if objective == "frugal" and power is None:
        raise BadInputError("a frugal table needs a power model", hint="give `power`, or use the objective `tail`")
