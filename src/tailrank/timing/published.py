"""Fits of the devices whose latencies are public: what is fitted to what, and what gives the absolute scale.

The repository's figures hold no absolute time. Their scale comes from the c5n.2xlarge, which has: a core of the Skylake
server, with the same vector units, is taken to reach the same share of its peak in large matrix products. All else
follows from shares of time (Skylake) and from speed-ups over that (GTX 1080 Ti). The speed-ups also tell what inputs
cost: embedding networks gain next to nothing on a GPU only if the software handles ids on both sides, and the time per
id that follows agrees with the one that Kairos measured on other machines.
"""

from collections.abc import Callable, Sequence
from functools import cache

from msgspec.structs import replace

from tailrank.core import BadInputError
from tailrank.timing.calibrate import fit
from tailrank.timing.device import device
from tailrank.timing.observations import Observation, shipped_observations
from tailrank.timing.parameters import Fit, Parameters
from tailrank.timing.roofline import Roofline
from tailrank.zoo import Network, get

__all__ = ["published_names", "refit"]

HANDLING = ("copy_us", "feed_id_ns", "feed_bag_ns", "feed_dense_ns")
FROM_FIGURES = "figure values of the public DeepRecSys repository, batches 1 to 1,024"
FROM_KAIROS = "public latencies of Kairos (HPDC 2023), batches 10 to 1,000"
CPU_START = Parameters(copy_us=10.0, feed_id_ns=50.0, feed_bag_ns=100.0)
GPU_START = replace(CPU_START, efficiency=0.5, half_rows=64.0, operator_us=10.0, gather_efficiency=0.5)


@cache
def refit(name: str) -> Fit:
    """Fit the device called `name` anew from the shipped points; raises `BadInputError` where none are shipped."""
    if name not in _RECIPES:
        raise BadInputError(f"no published points of `{name}`", hint=f"known: {', '.join(_RECIPES)}")
    return _RECIPES[name]()


def published_names() -> tuple[str, ...]:
    """Return the devices with published points."""
    return tuple(_RECIPES)


def _networks(points: Sequence[Observation]) -> tuple[Network, ...]:
    return tuple(get(name) for name in dict.fromkeys(point.network for point in points))


def _rivals(networks: Sequence[Network], base: Fit) -> dict[tuple[str, str], Roofline]:
    return {(network.name, base.device): Roofline(network, device(base.device), fit=base) for network in networks}


def _c5n() -> Fit:
    points = shipped_observations("c5n-2xlarge")
    return fit(
        points,
        _networks(points),
        device("c5n-2xlarge"),
        free=("efficiency", "half_rows", "outstanding", "operator_us", *HANDLING[:3]),
        start=CPU_START,
        needs=(10, 100, 1000),
        anchor="absolute latencies",
        source=FROM_KAIROS,
    )


@cache
def _skylake_operators() -> Fit:
    """Fit the operators alone: shares say nothing of inputs."""
    points = shipped_observations("skylake-40c")
    return fit(
        points,
        _networks(points),
        device("skylake-40c"),
        free=("half_rows", "outstanding", "stream_gbps", "bag_ns", "operator_us", "step_us"),
        start=replace(CPU_START, efficiency=refit("c5n-2xlarge").parameters.efficiency),
        anchor="efficiency of the c5n.2xlarge, fitted to absolute latencies",
        source=FROM_FIGURES,
    )


def _skylake() -> Fit:
    """Add what the speed-ups say of inputs, which the same software handles for both devices."""
    operators, both = _skylake_operators(), refit("gtx-1080ti").parameters
    inputs = {name: getattr(both, name) for name in HANDLING}
    return replace(operators, parameters=replace(operators.parameters, **inputs))


def _gtx_1080ti() -> Fit:
    points = shipped_observations("gtx-1080ti")
    networks = _networks(points)
    return fit(
        points,
        networks,
        device("gtx-1080ti"),
        free=("efficiency", "half_rows", "gather_efficiency", "operator_us", "step_us", *HANDLING),
        start=replace(GPU_START, feed_dense_ns=1.0),
        over=_rivals(networks, _skylake_operators()),
        linked=HANDLING,
        anchor="the Skylake fit",
        source=FROM_FIGURES,
    )


def _t4() -> Fit:
    points = shipped_observations("t4")
    networks, pascal = _networks(points), device("gtx-1080ti")
    scale = device("t4").peak_fp32_gflops / pascal.peak_fp32_gflops
    half_rows = scale * refit("gtx-1080ti").parameters.half_rows  # no point is small enough to tell
    return fit(
        points,
        networks,
        device("t4"),
        free=("efficiency", "gather_efficiency", "operator_us", *HANDLING[:3]),
        start=replace(GPU_START, half_rows=half_rows),
        over=_rivals(networks, refit("c5n-2xlarge")),
        needs=(100, 500, 1000),
        anchor="absolute latencies",
        source=FROM_KAIROS,
    )


_RECIPES: dict[str, Callable[[], Fit]] = {
    "c5n-2xlarge": _c5n,
    "skylake-40c": _skylake,
    "gtx-1080ti": _gtx_1080ti,
    "t4": _t4,
}
