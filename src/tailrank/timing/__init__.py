"""Service-time models: how long a batch takes, and what serving costs beside it. No clock, no torch."""

from tailrank.timing.busy import busy_at_start
from tailrank.timing.noise import noise_table
from tailrank.timing.overheads import NO_OVERHEADS, Overheads
from tailrank.timing.profile import CLIP, Point, Profile, load_profile, save_profile
from tailrank.timing.service import (
    BUCKETS,
    QUANTILES,
    ConstantTime,
    LinearTime,
    Scaled,
    ServiceTable,
    ServiceTime,
    bucket,
)

__all__ = [
    "BUCKETS",
    "CLIP",
    "NO_OVERHEADS",
    "QUANTILES",
    "ConstantTime",
    "LinearTime",
    "Overheads",
    "Point",
    "Profile",
    "Scaled",
    "ServiceTable",
    "ServiceTime",
    "bucket",
    "busy_at_start",
    "load_profile",
    "noise_table",
    "save_profile",
]
