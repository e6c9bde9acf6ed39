"""A host of the catalogue as flags, `--host` and `--switches`, and the service times it has by its roofline."""

import argparse
from typing import TYPE_CHECKING

from tailrank.core import BadInputError, Plan

if TYPE_CHECKING:
    from tailrank.timing import Host, ServiceTime, Switches

__all__ = ["SWITCHES", "add_host", "host_of", "refuse_switches", "services_on", "switches_of"]

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
    """Add `--host` and `--switches`."""
    parser.add_argument(
        "--host",
        metavar="HOST",
        help="simulate this hardware instead of using this machine: skylake-40c, skylake-40c+gtx-1080ti, "
        "cascade-lake:cores=16+2xt4; devices by name, or as a TOML file",
    )
    parser.add_argument(
        "--switches",
        metavar="LIST",
        help=f"with --host, what its software does that the paper's did not, of {','.join(SWITCHES)} (default none)",
    )


def host_of(args: argparse.Namespace) -> "Host":
    """Return the host of `--host`; raises `BadInputError` for an impossible one, and for flags about this machine."""
    from tailrank.timing import parse_host

    for flag, why in MEASURED.items():
        if getattr(args, flag, None) not in NEUTRAL:
            raise BadInputError(
                f"--{flag.replace('_', '-')} {getattr(args, flag)} is about this machine, and --host {args.host} "
                "is another",
                hint=why,
            )
    return parse_host(args.host)


def switches_of(args: argparse.Namespace) -> "Switches":
    """Return the switches of `--switches`; those not named are as the paper's system had them."""
    from msgspec.structs import replace

    from tailrank.timing import Switches

    words = [] if args.switches is None else [word.strip() for word in args.switches.split(",")]
    for word in words:
        if word not in SWITCHES:
            raise BadInputError(f"--switches: unknown switch `{word}`", hint=f"known: {', '.join(SWITCHES)}")
    return replace(Switches(), **{SWITCHES[word]: True for word in words})


def refuse_switches(args: argparse.Namespace) -> None:
    """Raise `BadInputError` for `--switches` without `--host`."""
    if args.switches is not None:
        raise BadInputError(f"--switches {args.switches} says nothing without a host", hint="add --host")


def services_on(host: "Host", plan: Plan, switches: "Switches") -> dict[tuple[str, str], "ServiceTime"]:
    """Return the service time of every (model, pool) of `plan` on `host`.

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
                kind = "cpu" if plan.pools[pool].device == "cpu" else "gpu"
                found[stage.model, pool] = known[networks[stage.model].name, kind]
    return found
