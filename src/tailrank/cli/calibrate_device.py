"""`tailrank profile --calibrate`: fits a device's free parameters to what was measured, and says how well they fit."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailrank.cli.output import significant, table

if TYPE_CHECKING:
    from tailrank.timing import Fit, Observation, Profile
    from tailrank.timing.device import Device
    from tailrank.timing.switches import Switches
    from tailrank.zoo import Network

__all__ = ["add_calibration", "asked_device", "calibration", "calibration_text", "costed", "measured", "read_points"]


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add `--calibrate`, `--points` and `--fit`."""
    parser.add_argument(
        "--calibrate",
        metavar="NAME",
        help="fit the free parameters of a device of the catalogue (or a .toml file) to the times measured here",
    )
    parser.add_argument(
        "--points",
        type=Path,
        metavar="FILE",
        help="with --calibrate: fit to these points (CSV: device,network,batch,quantity,value) and measure nothing",
    )
    parser.add_argument(
        "--fit", type=Path, metavar="FILE", help="with --calibrate: write the fitted parameters as TOML"
    )


def asked_device(args: argparse.Namespace) -> "Device | None":
    """Return the device to calibrate, None where none is asked for; raises `BadInputError` before work begins."""
    from tailrank.core import BadInputError
    from tailrank.timing.device import device

    if args.calibrate is None:
        for flag, value in (("--points", args.points), ("--fit", args.fit)):
            if value is not None:
                raise BadInputError(f"{flag} {value} says nothing without a device", hint="add --calibrate NAME")
        return None
    found = device(args.calibrate)
    if args.points is None and found.kind == "gpu" and args.gpu is None:
        raise BadInputError(
            f"`{found.name}` is a GPU, and nothing is measured on one", hint="add --gpu, or give --points FILE"
        )
    if args.points is None and args.precision == "int8":
        raise BadInputError("a roofline knows fp32 and bf16, not int8", hint="leave out --precision int8")
    return found


def costed(network: "Network | None", model: str) -> "Network":
    """Return `network`; raises `BadInputError` where the model has none, since its work is not known."""
    from tailrank.core import BadInputError

    if network is None:
        raise BadInputError(
            f"`{model}` is your own: what it costs an item is not known", hint="calibrate with a network of the zoo"
        )
    return network


def read_points(args: argparse.Namespace, device: "Device") -> "tuple[Observation, ...]":
    """Return the points of `--points` that are of `device`; raises `BadInputError` where there are none."""
    from tailrank.core import BadInputError
    from tailrank.timing import read_observations

    points = tuple(point for point in read_observations(args.points) if point.device == device.name)
    if not points:
        raise BadInputError(
            f"{args.points}: no point of device `{device.name}`", hint="its name belongs into the first column"
        )
    if any(point.quantity == "speedup" for point in points):
        raise BadInputError(f"{args.points}: speed-ups need a second device", hint="give times: total_ms")
    return points


def measured(profiles: "Mapping[str, Profile]", network: "Network", device: "Device") -> "tuple[Observation, ...]":
    """Return the means of the profile on the pool of the device's kind as points."""
    from tailrank.timing import Observation

    return tuple(
        Observation(
            device=device.name,
            network=network.name,
            batch=point.items,
            busy=point.busy,
            quantity="total_ms",
            value=float(point.clipped_ns().mean()) / 1e6,
            tag="measured here",
        )
        for point in profiles[device.kind].points
    )


def calibration(
    args: argparse.Namespace, device: "Device", points: "tuple[Observation, ...]", network: "Network | None" = None
) -> dict[str, Any]:
    """Fit, write `--fit`, and return the section `calibration` of the document.

    Points measured here are of our own engine (see `MODERN`), those of a file of a system like the paper's.
    """
    from msgspec.structs import asdict

    from tailrank.core.config import dump, to_dict
    from tailrank.timing import MODERN, Switches, fit
    from tailrank.zoo import get

    here = args.points is None
    names = dict.fromkeys(point.network for point in points)
    networks = [network] if network is not None else [get(name) for name in names]
    how = MODERN if here else Switches()
    if here and device.kind == "gpu":
        how = _with_precision(how, args.gpu_precision)
    elif here:
        how = _with_precision(how, args.precision)
    source = "profiled here" if here else f"points in {args.points.name}"
    found = fit(points, networks, device, switches=how, anchor="absolute times", source=source)
    if args.fit is not None:
        dump(found, args.fit)
    rows = [row for each in networks for row in _rows(each, device, points, how, found)]
    told = to_dict(found) | {"parameters": asdict(found.parameters)}
    return {"fit": told, "switches": how.label, "points": rows, "notes": _notes(found)}


def _with_precision(switches: "Switches", precision: str | None) -> "Switches":
    from msgspec.structs import replace

    return replace(switches, precision="bf16") if precision == "bf16" else switches


def _rows(
    network: "Network", device: "Device", points: "tuple[Observation, ...]", switches: "Switches", found: "Fit"
) -> list[dict[str, Any]]:
    from tailrank.timing import Roofline, predict

    theirs = [point for point in points if point.network == network.name]
    fitted = predict(theirs, Roofline(network, device, switches=switches, fit=found), {})
    return [
        {
            "network": point.network,
            "batch": point.batch,
            "busy": point.busy,
            "quantity": point.quantity,
            "measured": point.value,
            "fitted": float(value),
            "error": float(value) / point.value - 1,
        }
        for point, value in zip(theirs, fitted, strict=True)
    ]


def _notes(found: "Fit") -> list[str]:
    told = [f"{name} ended at a bound: the points do not settle it" for name in found.at_bound]
    low, high = found.batches
    return [*told, f"measured at batches {low} to {high}: times outside are extrapolated"]


def calibration_text(section: Mapping[str, Any]) -> str:
    """Return the parameters, each point beside its fit, and what to beware of."""
    fit = section["fit"]
    values = ", ".join(f"{name} {significant(fit['parameters'][name])}" for name in fit["free"])
    rows = [
        (
            row["network"],
            row["batch"],
            row["busy"],
            row["quantity"],
            row["measured"],
            row["fitted"],
            f"{100 * row['error']:+.1f} %",
        )
        for row in section["points"]
    ]
    return "\n".join(
        [
            f"calibrated {fit['device']} ({section['switches']}): {values}",
            table(["network", "batch", "busy", "quantity", "measured", "fitted", "off by"], rows),
            *(f"note: {note}" for note in section["notes"]),
        ]
    )
