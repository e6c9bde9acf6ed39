"""Service-time models: how long a batch takes, and what serving costs beside it. No clock, no torch."""

from tailrank.timing.busy import busy_at_start
from tailrank.timing.device import Device, device, device_names
from tailrank.timing.host import Host, check_plan, fits, parse_host
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
    "Device",
    "Host",
    "LinearTime",
    "Overheads",
    "Point",
    "Profile",
    "Scaled",
    "ServiceTable",
    "ServiceTime",
    "bucket",
    "busy_at_start",
    "check_plan",
    "device",
    "device_names",
    "fits",
    "load_profile",
    "noise_table",
    "parse_host",
    "save_profile",
]
