"""The summary of a run: its records against an SLA target."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Records
from tailrank.metrics.late import late_share
from tailrank.metrics.percentiles import order, percentile, percentile_interval
from tailrank.metrics.saturation import busy_ns, saturated
from tailrank.metrics.sla import SLATarget

__all__ = ["WARMUP", "Summary", "meets", "summarise"]

I64 = NDArray[np.int64]

WARMUP = 0.1  # an empty system flatters its first queries; a tenth of a run is the usual allowance
NEVER_NS = int(np.iinfo(np.int64).max)  # the latency of a query that failed or was refused


@dataclass(frozen=True)
class Summary:
    """What a run says, in the units of a report.

    Percentiles count a failed or refused query as infinitely late; None stands for "no finite value": the run
    was unstable (`saturated`), or so many queries failed. `mean_ms` and `max_ms` are of the queries that
    finished, None when unstable. `tail_ms` is the target's percentile with its 95 % interval, `late` the share of
    queries beyond the target's latency and `late_high` its 95 % upper bound. Latencies,
    `queries`, `failed` and lags leave the warm-up out; loads and utilisation are of the whole run.
    """

    target: SLATarget
    queries: int
    failed: int
    offered_qps: float
    achieved_qps: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    mean_ms: float | None
    max_ms: float | None
    tail_ms: float | None
    tail_low_ms: float | None
    tail_high_ms: float | None
    late: float
    late_high: float
    utilisation: dict[str, float]
    lag_p50_us: float
    lag_p99_us: float
    lag_max_us: float
    saturated: bool
    saturation: str
    met: bool


def meets(records: Records, target: SLATarget, *, warmup: float = WARMUP) -> bool:
    """Return whether `records` meets `target`; a failed query violates it, and an unstable run never meets it.

    The first `warmup` of the queries are left out. Equal to `summarise(...).met`, and cheap.
    """
    latency = _latency_ns(records, warmup)
    within = int(np.count_nonzero(latency <= target.latency_ns))
    return within >= order(len(latency), target.percentile) and not saturated(records)


def summarise(records: Records, target: SLATarget, *, warmup: float = WARMUP, plan: Plan | None = None) -> Summary:
    """Summarise `records` against `target`, leaving out the first `warmup` of the queries by arrival.

    `plan` says how many workers each pool has; without it the workers that served anything are counted.
    """
    latency = _latency_ns(records, warmup)
    finished = latency[latency < NEVER_NS]
    unstable = saturated(records)
    lag_us = records.lag_ns[len(records) - len(latency) :] / 1e3
    p50_ms, p95_ms, p99_ms = (None if unstable else _ms(percentile(latency, q)) for q in (50, 95, 99))
    tail = percentile_interval(latency, target.percentile)
    late = late_share(latency, target)
    shown = not unstable and len(finished) > 0
    return Summary(
        target=target,
        queries=len(latency),
        failed=len(latency) - len(finished),
        offered_qps=_rate(len(records), int(records.arrival_ns[-1])),
        achieved_qps=_rate(int(np.count_nonzero(records.ok)), int(records.finish_ns.max())),
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        mean_ms=float(finished.mean()) / 1e6 if shown else None,
        max_ms=float(finished.max()) / 1e6 if shown else None,
        tail_ms=None if unstable else _ms(tail.value),
        tail_low_ms=None if unstable else _ms(tail.low),
        tail_high_ms=None if unstable else _ms(tail.high),
        late=late.value,
        late_high=late.high,
        utilisation=_utilisation(records, plan),
        lag_p50_us=float(np.median(lag_us)),
        lag_p99_us=float(np.quantile(lag_us, 0.99, method="inverted_cdf")),
        lag_max_us=float(lag_us.max()),
        saturated=bool(unstable),
        saturation=unstable.reason,
        met=meets(records, target, warmup=warmup),
    )


def _latency_ns(records: Records, warmup: float) -> I64:
    """Latency of every query after the warm-up, in order of arrival; `NEVER_NS` where it failed."""
    if not 0 <= warmup < 1:
        raise BadInputError(f"warmup must be at least 0 and below 1, not {warmup:g}", hint="0.1 leaves out a tenth")
    if len(records) == 0:
        raise BadInputError("the run has no queries", hint="ask for at least one query")
    latency: I64 = np.where(records.ok, records.finish_ns - records.arrival_ns, NEVER_NS)
    return latency[math.floor(len(latency) * warmup) :]


def _utilisation(records: Records, plan: Plan | None) -> dict[str, float]:
    """Share of the time until the last finish that each pool's workers were busy."""
    if len(records.slices) == 0:
        return {}
    until_ns = max(int(records.slices.finish_ns.max()), 1)
    shares = {}
    for name, (busy, seen) in zip(records.slices.pools, busy_ns(records.slices), strict=True):
        workers = plan.pools[name].workers if plan is not None and name in plan.pools else seen
        shares[name] = busy / (workers * until_ns)
    return shares


def _ms(latency_ns: float) -> float | None:
    return latency_ns / 1e6 if latency_ns < NEVER_NS else None


def _rate(queries: int, time_ns: int) -> float:
    return queries / time_ns * 1e9 if time_ns > 0 else 0.0
