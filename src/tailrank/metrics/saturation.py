"""Saturation: was this run stable, or did its backlog grow for as long as it lasted?

The latency of an unstable run says how long the run was and nothing else, so it must not be reported.
With an offered load of rho times what the system can do, waiting grows by (rho - 1) nanoseconds every
nanosecond; in a stable run it comes back to where it was. The test is the growth from the first tenth of the
queries to the last, over the length of the run. A stable run grows a little by chance, the more the burstier its
arrivals and the fewer its queries: the limits below scale with both. Simulated M/M/c runs of 2,000 queries (c of
1, 4, 16) set them so that about one run in a hundred errs at rho 0.9 and four in a hundred at 1.05; without slice
records eleven in a hundred at 1.05. Where bursts last for a good part of a run (or the rate follows a day) the same
certainty takes a longer run or a clearer overload.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.core import Records, SliceRecords

__all__ = ["Saturation", "busy_ns", "saturated"]

I64 = NDArray[np.int64]

FULL = 0.975  # a pool offered this share of its time counts as overloaded if waiting grows too
LITTLE = 0.003  # growth of waiting, over the length of the run, that is stable whatever the noise
WINDOWS = 20
CHANCE = 2.3  # chi-square of 19 degrees of freedom over 19 passes this once in a thousand
FEW = 20  # below this many finished queries nothing can be said


@dataclass(frozen=True)
class Saturation:
    """Whether a run was unstable, and why we think so; true in an `if` when it was."""

    yes: bool
    reason: str

    def __bool__(self) -> bool:
        return self.yes


def saturated(records: Records) -> Saturation:
    """Judge whether the backlog grew over the whole run: see the head of this module.

    Failed queries are left out. Where slices were recorded and the growth alone is not conclusive, the load
    of the fullest pool decides.
    """
    ok = records.ok
    arrival, latency = records.arrival_ns[ok], records.latency_ns
    length_ns = int(arrival[-1] - arrival[0]) if len(arrival) else 0
    if len(arrival) < FEW or length_ns == 0:
        return Saturation(False, f"too few queries to tell ({len(arrival)} finished)")
    growth = _growth_ns(latency) / length_ns
    said = f"waiting grew by {100 * growth:.2g} % of the run's length"
    if growth <= LITTLE:
        return Saturation(False, said)
    noise = _burstiness(records.arrival_ns) / len(arrival)
    if len(records.slices) == 0:
        return Saturation(growth > min(max(0.01, 30 * noise), 0.5), said)
    if growth > min(max(0.02, 60 * noise), 0.5):
        return Saturation(True, said)
    if growth <= 6 * noise:
        return Saturation(False, said)
    load = max(busy / workers for busy, workers in busy_ns(records.slices)) / length_ns
    return Saturation(load > FULL, f"{said} and the fullest pool was offered {100 * load:.0f} % of its time")


def busy_ns(slices: SliceRecords) -> list[tuple[int, int]]:
    """Return (time its workers were busy, workers seen) of each of `slices.pools`.

    Slices that share a batch overlap on their worker; that time counts once.
    """
    found = []
    for pool in range(len(slices.pools)):
        mine = np.flatnonzero(slices.pool == pool)
        if len(mine) == 0:
            found.append((0, 1))
            continue
        worker, start, finish = slices.worker[mine], slices.start_ns[mine], slices.finish_ns[mine]
        base = np.int64(start.min())
        lane = worker * (np.int64(finish.max()) - base + 1) - base  # lay the workers' times end to end
        by_start = np.argsort(start + lane, kind="stable")
        start, finish = (start + lane)[by_start], (finish + lane)[by_start]
        latest = np.maximum.accumulate(finish)
        begin = np.maximum(start[1:], latest[:-1])
        busy = int(finish[0] - start[0]) + int(np.maximum(finish[1:] - begin, 0).sum())
        found.append((busy, int(worker.max()) + 1))
    return found


def _growth_ns(latency: I64) -> float:
    """Median latency of the last tenth of the queries above that of the first tenth."""
    tenth = max(len(latency) // 10, 1)
    return float(np.median(latency[-tenth:]) - np.median(latency[:tenth]))


def _burstiness(arrival_ns: I64) -> float:
    """Half of one plus the dispersion of the arrivals: 1 for a Poisson process.

    The dispersion is the squared coefficient of variation of the gaps, or, where bursts and lulls last, the
    variance over the mean of the counts in equal windows of time, if that is more than chance explains.
    """
    gaps = np.diff(arrival_ns)
    mean = float(gaps.mean())
    if mean == 0:
        return math.inf
    dispersion = float(gaps.var()) / mean**2
    counts, _ = np.histogram(arrival_ns, bins=WINDOWS)
    lasting = float(counts.var(ddof=1) / counts.mean())
    return 0.5 * (1 + (lasting if lasting > CHANCE * dispersion else dispersion))
