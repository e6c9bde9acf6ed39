"""A host of the catalogue as flags, `--host`, `--switches` and `--fit`, and the service times of its roofline."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tailrank.core import BadInputError, Plan

if TYPE_CHECKING:
    from tailrank.timing import Fit, Host, ServiceTime, Switches

__all__ = ["SWITCHES", "add_host", "fits_of", "host_of", "refuse_switches", "services_on", "switches_of"]

SWITCHES = {
    "fused": "fused_lookup",
    "pinned": "pinned",
    "int32": "int32_ids",
    "overlap": "overlap",
    "prepared": "prepared_inputs",
    "shared": "shared_weights",
}
MEASURED = {
    "workers": "say how many cores: --host CPU:cores=N",
    "memory_gib": "the device's own memory counts",
    "executor": "a roofline speaks of no executor",
    "precision": "the search on a host is in fp32",
    "gpu": "name the GPU in the host: --host CPU+GPU",
    "gpu_precision": "the search on a host is in fp32",
}
NEUTRAL = {None, "auto", "fp32"}


def add_host(parser: argparse.ArgumentParser) -> None:
    """Add `--host`, `--switches` and `--fit`."""
    parser.add_argument(
        "--host",
        metavar="HOST",
        help="simulate this hardware instead of using this machine: skylake-40c, skylake-40c+gtx-1080ti, "
        "cascade-lake:cores=16+2xt4, cascade-lake+rpaccel; devices by name, or as a TOML file",
    )
    parser.add_argument(
        "--switches",
        metavar="LIST",
        help=f"with --host, what its software does that the paper's did not, of {','.join(SWITCHES)} (default none)",
    )
    parser.add_argument(
        "--fit",
        type=Path,
        action="append",
        metavar="FILE",
        help="with --host: parameters of one of its devices, as `profile --calibrate NAME --fit FILE` writes them, in "
        "place of the catalogue's; may be repeated",
    )


def host_of(args: argparse.Namespace) -> "Host":
    """Return the host of `--host`; raises `BadInputError` for an impossible one, and for flags about this machine."""
    from tailrank.accelerator import ATTACH
    from tailrank.timing import parse_host

    for flag, why in MEASURED.items():
        if getattr(args, flag, None) not in NEUTRAL:
            raise BadInputError(
                f"--{flag.replace('_', '-')} {getattr(args, flag)} is about this machine, and --host {args.host} "
                "is another",
                hint=why,
            )
    return parse_host(args.host, ATTACH)


def switches_of(args: argparse.Namespace) -> "Switches":
    """Return the switches of `--switches`; those not named are as the paper's system had them."""
    from msgspec.structs import replace

    from tailrank.timing import Switches

    words = [] if args.switches is None else [word.strip() for word in args.switches.split(",")]
    for word in words:
        if word not in SWITCHES:
            raise BadInputError(f"--switches: unknown switch `{word}`", hint=f"known: {', '.join(SWITCHES)}")
    return replace(Switches(), **{SWITCHES[word]: True for word in words})


def fits_of(args: argparse.Namespace, host: "Host") -> "dict[str, Fit]":
    """Return the fits of `--fit` by the device they are of.

    Raises `BadInputError` for a file that is missing or wrong, a device that `host` lacks, and two fits of one device.
    """
    from tailrank.timing import load_fit

    devices = [each.name for each in (host.cpu, host.gpu) if each is not None]
    found: dict[str, Fit] = {}
    for path in getattr(args, "fit", None) or ():
        fit = load_fit(path)
        if fit.device not in devices:
            raise BadInputError(
                f"--fit {path} is of `{fit.device}`, which --host {host.name} does not have",
                hint=f"give a fit of {' or '.join(f'`{name}`' for name in devices)}",
            )
        if fit.device in found:
            raise BadInputError(f"--fit {path} is a second fit of `{fit.device}`", hint="give one of each device")
        found[fit.device] = fit
    return found


def refuse_switches(args: argparse.Namespace) -> None:
    """Raise `BadInputError` for `--switches` and `--fit` without `--host`."""
    if args.switches is not None:
        raise BadInputError(f"--switches {args.switches} says nothing without a host", hint="add --host")
    if args.fit:
        raise BadInputError(f"--fit {args.fit[0]} says nothing without a host", hint="add --host")


def services_on(
    host: "Host", plan: Plan, switches: "Switches", fits: "Mapping[str, Fit] | None" = None
) -> dict[tuple[str, str], "ServiceTime"]:
    """Return the service time of every (model, pool) of `plan` on `host`; `fits` go before the catalogue's.

    Raises `BadInputError` where the plan names an unknown network or hardware the host lacks, and `InfeasibleError`
    where the networks do not fit its memory.
    """
    from tailrank import zoo
    from tailrank.timing import check_plan, services

    networks = {stage.model: zoo.get(stage.model) for stage in plan.stages}
    check_plan(plan, host, networks)
    found = {}
    for stage in plan.stages:
        known = services(networks[stage.model], host, switches=switches)
        for pool in (stage.pool, stage.offload_pool):
            if pool is not None:
                device = plan.pools[pool].device
                kind = device if (networks[stage.model].name, device) in known else "gpu"
                found[stage.model, pool] = _fitted(known[networks[stage.model].name, kind], fits or {})
    return found


def _fitted(service: "ServiceTime", fits: "Mapping[str, Fit]") -> "ServiceTime":
    """Return `service` with the parameters that `fits` has for its device."""
    from tailrank.timing import Roofline

    if isinstance(service, Roofline) and service.device.name in fits:
        return dataclasses.replace(service, fit=fits[service.device.name])
    return service
