"""Service-time models: how long a batch takes, and what serving costs beside it. No clock, no torch."""

from tailrank.timing.overheads import NO_OVERHEADS, Overheads
from tailrank.timing.service import BUCKETS, QUANTILES, ConstantTime, LinearTime, ServiceTable, ServiceTime, bucket

__all__ = [
    "BUCKETS",
    "NO_OVERHEADS",
    "QUANTILES",
    "ConstantTime",
    "LinearTime",
    "Overheads",
    "ServiceTable",
    "ServiceTime",
    "bucket",
]
