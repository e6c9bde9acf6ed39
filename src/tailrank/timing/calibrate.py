"""Fits the free parameters of a roofline to measured points: latencies, speed-ups and shares of time.

Never throughput of a serving system: that is what a fit must predict.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.timing.device import Device
from tailrank.timing.observations import Observation, Quantity
from tailrank.timing.parameters import BOUNDS, Fit, Parameters, Residual
from tailrank.timing.roofline import Roofline
from tailrank.timing.switches import Switches
from tailrank.zoo import Network

__all__ = ["FREE", "NEEDS", "fit", "predict"]

F64 = NDArray[np.float64]

FREE: dict[str, tuple[str, ...]] = {
    "cpu": ("efficiency", "half_rows", "outstanding", "operator_us"),
    "gpu": ("efficiency", "half_rows", "gather_efficiency", "operator_us"),
}
"""What is fitted on each kind of device unless asked otherwise."""

NEEDS = (1, 64, 1024)
"""Batches near which every network needs a point: overheads, the climb between, and the rates of large batches."""

NEAR = 2.0  # a point within this factor is near
TIME_SPREAD = 0.2  # a time off by this factor weighs as much as ...
ODDS_SPREAD = 0.4  # ... a share of time whose odds are off by this factor
AT_BOUND = 0.01  # of the bound's logarithmic range


def predict(points: Sequence[Observation], roofline: Roofline, over: Mapping[str, Roofline]) -> F64:
    """Return what `roofline` says of points of its network, shape (points,); `over` has the devices of speed-ups."""
    batches = np.array([float(point.batch) for point in points])
    spent = roofline.operator_seconds(batches)
    compute = np.sum(list(spent.values()), axis=0)
    alone = roofline.table_at(batches)
    parts: dict[Quantity, F64] = {
        "total_ms": 1e3 * alone,
        "compute_ms": 1e3 * compute,
        "load_ms": 1e3 * roofline.transfer_seconds(batches),
    }
    for share in ("share_matmul", "share_lookup", "share_recurrent"):
        chosen = [spent[work.name] for work in roofline.work if _counts(share, work.kind, work.operator)]
        parts[share] = np.sum(chosen, axis=0) / compute if chosen else np.zeros(len(points))
    found = np.empty(len(points))
    for number, point in enumerate(points):
        if point.quantity == "speedup":
            found[number] = over[point.over].seconds(point.batch) / alone[number]
        elif point.quantity == "total_ms" and point.busy > 1:
            found[number] = 1e3 * roofline.seconds(point.batch, point.busy)
        else:
            found[number] = parts[point.quantity][number]
    return found


def fit(
    points: Sequence[Observation],
    networks: Network | Sequence[Network],
    device: Device,
    *,
    free: Sequence[str] = (),
    start: Parameters | None = None,
    over: Mapping[tuple[str, str], Roofline] | None = None,
    linked: Sequence[str] = (),
    switches: Switches | None = None,
    needs: Sequence[int] = NEEDS,
    anchor: str = "",
    source: str = "",
) -> Fit:
    """Fit the parameters named `free` (default: `FREE` of the device's kind) of `device` to `points` of `networks`.

    The others keep their values in `start`. Deviations count as logarithms of ratios, for shares of the ratios of their
    odds, with a loss that grows linearly for outliers. `over` has the rooflines, by network and device, that speed-ups
    refer to; the parameters named `linked` are of the software on both sides, and take the same values there. Raises
    `BadInputError` where a network lacks points near one of the batches it `needs`, since a fit would extrapolate
    there, and where there are fewer points than parameters.
    """
    chosen = (networks,) if isinstance(networks, Network) else tuple(networks)
    names = tuple(free) or FREE[device.kind]
    _check(points, chosen, names, needs)
    base = start or Parameters()
    grouped = [(network, [point for point in points if point.network == network.name]) for network in chosen]

    def rivals(network: Network, theirs: Sequence[Observation], parameters: Parameters) -> dict[str, Roofline]:
        same = {name: getattr(parameters, name) for name in linked}
        return {name: _linked(each, same) for name, each in _over(over or {}, network, theirs).items()}

    def predictions(parameters: Parameters) -> list[F64]:
        trial = Fit(device=device.name, parameters=parameters)
        how = switches or Switches()
        return [
            predict(theirs, Roofline(network, device, switches=how, fit=trial), rivals(network, theirs, parameters))
            for network, theirs in grouped
        ]

    def residuals(logs: F64) -> F64:
        found = predictions(replace(base, **dict(zip(names, map(float, np.exp(logs)), strict=True))))
        return np.concatenate([_deviation(theirs, each) for (_, theirs), each in zip(grouped, found, strict=True)])

    solved = _solve(residuals, names, base)
    parameters = replace(base, **{name: _rounded(value) for name, value in solved.items()})
    told = _residuals(grouped, predictions(parameters))
    batches = [point.batch for point in points]
    return Fit(
        device=device.name,
        parameters=parameters,
        free=names,
        at_bound=tuple(name for name, value in solved.items() if _at_bound(name, value)),
        batches=(min(batches), max(batches)),
        points=sum(len(theirs) for _, theirs in grouped),
        residuals=told,
        anchor=anchor,
        source=source,
    )


def _solve(residuals: Any, names: Sequence[str], base: Parameters) -> dict[str, float]:
    from scipy.optimize import least_squares

    low, high = (np.log([BOUNDS[name][side] for name in names]) for side in (0, 1))
    given = [getattr(base, name) for name in names]
    middle = (low + high) / 2
    first = np.array([np.log(value) if value else middle[at] for at, value in enumerate(given)])
    inside = np.clip(first, low + 1e-3, high - 1e-3)
    solution = least_squares(residuals, inside, bounds=(low, high), loss="soft_l1", xtol=1e-9, ftol=1e-9)
    return dict(zip(names, map(float, np.exp(solution.x)), strict=True))


def _deviation(points: Sequence[Observation], found: F64) -> F64:
    """Return how far predictions are off, in units of the spread that is expected of each quantity."""
    measured = np.array([point.value for point in points])
    shares = np.array([point.quantity.startswith("share") for point in points])
    odds = np.where(shares, _log_odds(found) - _log_odds(measured), 0.0) / ODDS_SPREAD
    return np.where(shares, odds, np.log(np.maximum(found, 1e-12) / measured) / TIME_SPREAD)


def _log_odds(shares: F64) -> F64:
    within = np.clip(shares, 1e-4, 1 - 1e-4)
    odds: F64 = np.log(within / (1 - within))
    return odds


def _residuals(grouped: Sequence[tuple[Network, list[Observation]]], found: Sequence[F64]) -> tuple[Residual, ...]:
    told = []
    for (network, points), each in zip(grouped, found, strict=True):
        for quantity in get_args(Quantity):
            at = [number for number, point in enumerate(points) if point.quantity == quantity]
            if at:
                measured = np.array([points[number].value for number in at])
                error = np.abs(each[at] - measured) / (1.0 if quantity.startswith("share") else measured)
                told.append(
                    Residual(
                        network=network.name,
                        quantity=quantity,
                        points=len(at),
                        median_error=_rounded(float(np.median(error))),
                        worst_error=_rounded(float(error.max())),
                    )
                )
    return tuple(told)


def _check(
    points: Sequence[Observation], networks: Sequence[Network], free: Sequence[str], needs: Sequence[int]
) -> None:
    unknown = sorted(set(free) - set(BOUNDS))
    if unknown:
        raise BadInputError(f"no parameter is called `{unknown[0]}`", hint=f"known: {', '.join(BOUNDS)}")
    known = {network.name for network in networks}
    usable = [point for point in points if point.network in known]
    for network in networks:
        batches = [point.batch for point in usable if point.network == network.name]
        missing = [need for need in needs if not any(need / NEAR <= batch <= need * NEAR for batch in batches)]
        if missing:
            raise BadInputError(
                f"points of `{network.name}` lack batches near {', '.join(map(str, missing))}: a fit would extrapolate",
                hint=f"measure batches of {', '.join(map(str, missing))}, within a factor of {NEAR:g}",
            )
    if len(usable) < len(free):
        raise BadInputError(
            f"{len(usable)} points cannot fit {len(free)} parameters", hint="measure more batches, or free fewer"
        )


def _over(
    over: Mapping[tuple[str, str], Roofline], network: Network, points: Sequence[Observation]
) -> dict[str, Roofline]:
    wanted = {point.over for point in points if point.quantity == "speedup"}
    missing = sorted(name for name in wanted if (network.name, name) not in over)
    if missing:
        raise BadInputError(
            f"speed-ups of `{network.name}` over `{missing[0]}` need its roofline", hint="give it in `over`"
        )
    return {name: over[network.name, name] for name in wanted}


def _linked(roofline: Roofline, same: Mapping[str, float]) -> Roofline:
    """Return `roofline` with the values of `same` in place of its own parameters."""
    used = roofline.used
    return dataclasses.replace(roofline, fit=replace(used, parameters=replace(used.parameters, **same)))


def _counts(share: str, kind: str, operator: str) -> bool:
    if share == "share_recurrent":
        return operator == "recurrent"
    return operator != "recurrent" and kind == share.removeprefix("share_")


def _at_bound(name: str, value: float) -> bool:
    low, high = np.log(BOUNDS[name])
    return not AT_BOUND < (np.log(value) - low) / (high - low) < 1 - AT_BOUND


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
