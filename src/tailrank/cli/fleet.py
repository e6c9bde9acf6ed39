"""What `tailrank plan --fleet` finds: the capacity of each kind of host, simulated, and the fleet of every hour."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrank import zoo
from tailrank.cli.budget import DEFAULT, QUICK
from tailrank.cli.climbing import Question, climbed
from tailrank.cli.demand import Demand
from tailrank.cli.hosted import UNVERIFIED, question
from tailrank.cli.hosts import host_of, switches_of
from tailrank.cli.progress import Progress
from tailrank.cli.results import finite, made_at, versions
from tailrank.cli.searched import workload_dict
from tailrank.cli.target import target_of
from tailrank.core import BadInputError, InfeasibleError, Plan
from tailrank.core.config import to_dict
from tailrank.core.files import result_directory, write_json
from tailrank.timing import Host
from tailrank.tuner import Aim, Candidate, Capacity, Fleet, HostKind, busy_shares, plan_fleet, static_baseline

__all__ = ["Kind", "document", "kinds_of", "prices_of", "write"]

QUERIES = 20_000  # of the run that tells the power


@dataclass(frozen=True)
class Kind:
    """A kind of host, the plan it serves with, and the capacity of that plan; left out of the fleet where `lacks`."""

    name: str
    host: HostKind | None
    plan: Plan | None
    capacity: Capacity | None
    lacks: str = ""


def prices_of(given: Sequence[str], hosts: Sequence[str]) -> dict[str, float]:
    """Return the prices of `--price HOST=DOLLARS`; raises `BadInputError` for a host that is not asked for."""
    found: dict[str, float] = {}
    for text in given:
        host, _, price = text.rpartition("=")
        if host not in hosts:
            raise BadInputError(f"--price {text}: no --host is called `{host}`", hint=f"hosts: {', '.join(hosts)}")
        try:
            found[host] = float(price)
        except ValueError:
            raise BadInputError(f"--price {text}: `{price}` is no number", hint="give dollars an hour") from None
        if not 0 <= found[host] < float("inf"):
            raise BadInputError(f"--price {text}: prices are finite and not negative", hint="give dollars an hour")
    return found


def kinds_of(args: argparse.Namespace, prices: Mapping[str, float], progress: Progress) -> list[Kind]:
    """Search the capacity of every `--host`; a kind that cannot serve is left out unless none can.

    Raises `BadInputError` for an impossible host or network, `InfeasibleError` where no kind can serve.
    """
    if len(set(args.host)) < len(args.host):
        raise BadInputError("a --host is given twice", hint="name each kind once")
    network, switches = zoo.get(args.network), switches_of(args)
    described = [
        argparse.Namespace(**{**vars(args), "host": name, "model": args.network, "gpu_workers": None})
        for name in args.host
    ]
    hosts = [host_of(each) for each in described]  # all of them, before any work begins
    found, last = [], None
    for each, host in zip(described, hosts, strict=True):
        progress.step(f"capacity of {host.name}")
        try:
            asked = question(network, host, switches, each)
            found.append(_kind(asked, host, prices, progress, quick=args.quick))
        except InfeasibleError as error:
            last = InfeasibleError(f"{host.name}: {error.message}", hint=error.hint)
            found.append(Kind(host.name, None, None, None, error.message))
    if last is not None and all(kind.host is None for kind in found):
        raise last
    return found


def document(args: argparse.Namespace, demand: Demand, kinds: Sequence[Kind], *, command: str) -> dict[str, Any]:
    """Plan the fleet and return the result, for programs and for the page."""
    from tailrank.cli.traffic import workload_of

    usable = [kind.host for kind in kinds if kind.host is not None]
    aim: Aim = args.aim or ("cost" if all(host.price_per_hour is not None for host in usable) else "power")
    fleet = plan_fleet(usable, demand.hours, spare=args.spare, aim=aim)
    alone = {host.name: plan_fleet([host], demand.hours, spare=args.spare, aim=aim) for host in usable}
    target = target_of(argparse.Namespace(**{**vars(args), "model": args.network}))
    return {
        "schema": 1,
        "kind": "fleet",
        "command": command,
        "made_at": made_at(),
        "versions": versions(),
        "seed": args.seed,
        "network": args.network,
        "sla": to_dict(target) | {"percentile": target.percentile},
        "workload": workload_dict(workload_of(args)),
        "trace": {"name": args.trace, "text": demand.text, "mean_qps": demand.mean_qps},
        "spare": args.spare,
        "aim": aim,
        "kinds": [_kind_section(kind) for kind in kinds if kind.host is not None],
        "hours": hours_of(fleet),
        "kept_hours": hours_of(fleet.kept()),
        "totals": totals_of(fleet) | {"bound": fleet.bound},
        "kept": totals_of(fleet.kept()),
        "alone": {name: totals_of(each) for name, each in alone.items()},
        "verdict": {"certified": False, "text": UNVERIFIED},
        "notes": [f"{kind.name} is left out: {kind.lacks}" for kind in kinds if kind.lacks],
    }


def hours_of(fleet: Fleet) -> list[dict[str, Any]]:
    """Return every hour of a fleet as plain data."""
    return [
        {
            "hour": number,
            "demand_qps": hour.demand_qps,
            "hosts": {kind.name: count for kind, count in zip(fleet.kinds, hour.hosts, strict=True)},
            "capacity_qps": hour.capacity_qps,
            "load": hour.load,
            "power_w": hour.power_w,
            "price": hour.price,
        }
        for number, hour in enumerate(fleet.hours)
    ]


def totals_of(fleet: Fleet) -> dict[str, Any]:
    """Return the sums over the hours, and the most hosts of each kind."""
    return {
        "host_hours": fleet.host_hours,
        "energy_kwh": fleet.energy_kwh,
        "cost": fleet.cost,
        "most": {kind.name: count for kind, count in zip(fleet.kinds, fleet.most, strict=True)},
    }


def write(out: Path, result: dict[str, Any]) -> None:
    """Write the result directory, whole or not at all."""
    from tailrank.report import write_fleet

    with result_directory(out) as folder:
        write_json(folder / "result.json", result)
        write_fleet(folder)


def _kind(asked: Question, host: Host, prices: Mapping[str, float], progress: Progress, *, quick: bool) -> Kind:
    """Search one kind: what counts is the low end of its capacity's interval, and the power there."""
    baseline = static_baseline(asked.model, asked.workload.sizes.max_size, host.cores)
    best: Candidate = climbed(asked, baseline, QUICK if quick else DEFAULT, progress).best
    qps = best.capacity.low_qps
    if not qps > 0:
        raise InfeasibleError(
            f"its capacity cannot be told from none: {best.capacity.qps:.4g} qps, from {best.capacity.low_qps:.4g}",
            hint="leave --quick out",
        )
    trace = asked.workload.trace(QUERIES, qps, asked.seed, replication=961)
    busy = busy_shares(asked.simulator(asked.seed).serve(trace, best.plan), best.plan)
    full_w = host.power_w(busy.get("cpu", 0.0), busy.get("gpu", 0.0))
    kind = HostKind(host.name, qps, host.idle_w, full_w, prices.get(host.name, host.price_per_hour))
    return Kind(host.name, kind, best.plan, best.capacity)


def _kind_section(kind: Kind) -> dict[str, Any]:
    assert kind.host is not None
    assert kind.plan is not None
    assert kind.capacity is not None
    stage, capacity = kind.plan.stages[0], kind.capacity
    return {
        "name": kind.name,
        "capacity_qps": capacity.qps,
        "capacity_ci95_qps": [capacity.low_qps, finite(capacity.high_qps)],
        "planned_qps": kind.host.capacity_qps,
        "batch_size": stage.batch_size,
        "offload_at": stage.offload_at,
        "idle_w": kind.host.idle_w,
        "full_w": kind.host.full_w,
        "price_per_hour": kind.host.price_per_hour,
        "plan": to_dict(kind.plan),
    }
