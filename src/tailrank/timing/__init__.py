"""Service-time models: how long a batch takes, and what serving costs beside it. No clock, no torch."""

from tailrank.timing.attached import Attach, Attached
from tailrank.timing.busy import busy_at_start
from tailrank.timing.calibrate import FREE, NEEDS, fit, predict
from tailrank.timing.device import Device, device, device_names
from tailrank.timing.host import Host, check_plan, fits, parse_host
from tailrank.timing.noise import noise_table
from tailrank.timing.observations import Observation, Quantity, observations, read_observations, shipped_observations
from tailrank.timing.overheads import NO_OVERHEADS, Overheads
from tailrank.timing.parameters import BOUNDS, Fit, Parameters, Residual, fit_for, fit_names, load_fit
from tailrank.timing.profile import CLIP, Point, Profile, load_profile, save_profile
from tailrank.timing.published import published_names, refit
from tailrank.timing.roofline import Roofline, services
from tailrank.timing.service import (
    BUCKETS,
    QUANTILES,
    ConstantTime,
    LinearTime,
    Scaled,
    ServiceTable,
    ServiceTime,
    Tabled,
    bucket,
)
from tailrank.timing.switches import MODERN, Switches, popular_share
from tailrank.timing.work import Inputs, OperatorWork, inputs, intensity, operators

__all__ = [
    "BOUNDS",
    "BUCKETS",
    "CLIP",
    "FREE",
    "MODERN",
    "NEEDS",
    "NO_OVERHEADS",
    "QUANTILES",
    "Attach",
    "Attached",
    "ConstantTime",
    "Device",
    "Fit",
    "Host",
    "Inputs",
    "LinearTime",
    "Observation",
    "OperatorWork",
    "Overheads",
    "Parameters",
    "Point",
    "Profile",
    "Quantity",
    "Residual",
    "Roofline",
    "Scaled",
    "ServiceTable",
    "ServiceTime",
    "Switches",
    "Tabled",
    "bucket",
    "busy_at_start",
    "check_plan",
    "device",
    "device_names",
    "fit",
    "fit_for",
    "fit_names",
    "fits",
    "inputs",
    "intensity",
    "load_fit",
    "load_profile",
    "noise_table",
    "observations",
    "operators",
    "parse_host",
    "popular_share",
    "predict",
    "published_names",
    "read_observations",
    "refit",
    "save_profile",
    "services",
    "shipped_observations",
]
