"""What a run says about the target: the latency at the target's percentile, failures counted as endless."""

import math

import numpy as np

from tailrank.core import Records
from tailrank.metrics import WARMUP, SLATarget, percentile

__all__ = ["tail_ms"]

NEVER = np.iinfo(np.int64).max


def tail_ms(records: Records, target: SLATarget, *, warmup: float = WARMUP) -> float:
    """Return the latency (ms) at the target's percentile; a query that failed or was refused never finished.

    The first `warmup` of the queries, by arrival, is left out. Infinite when too many failed.
    """
    latency_ns = np.where(records.ok, records.finish_ns - records.arrival_ns, NEVER)
    counted_ns = latency_ns[math.floor(len(records) * warmup) :]
    tail_ns = int(percentile(counted_ns, target.percentile))
    return math.inf if tail_ns == NEVER else tail_ns / 1e6
