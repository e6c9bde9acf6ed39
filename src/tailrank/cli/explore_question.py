"""What an exploration asks: the space, service times by measuring or by roofline, and what counts."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tailrank.cli.explore_machine import Effort, Served, serve
from tailrank.cli.explore_steps import SPACE, Steps
from tailrank.cli.explore_tiers import K, Tiers
from tailrank.cli.kernels import prepare_kernels
from tailrank.cli.subject import default_workers
from tailrank.core import BadInputError, Plan, Pool, Stage
from tailrank.core.config import dump
from tailrank.core.config import load as load_config
from tailrank.metrics import SLATarget
from tailrank.timing import Host, ServiceTime, check_plan, services
from tailrank.tuner.explore import Asked, Bench, Space, default_space

if TYPE_CHECKING:
    from tailrank.zoo import Network

__all__ = ["Question", "Wanted", "question", "wanted"]

EFFORT = Effort(profile_s=8.0, rounds=4, overheads_s=2.0)
QUICK = Effort(profile_s=3.0, rounds=2, overheads_s=1.0)
SERVED, QUICK_SERVED = 300, 100  # queries whose candidates are prepared for the engine
GPU_WORKERS = 2  # batches in flight: while one is computed, the next is copied


@dataclass(frozen=True, eq=False)
class Question:
    """What is explored, and the engine that can prove it; `served` is None where the hardware is only described."""

    tiers: Tiers
    space: Space
    bench: Bench
    asked: Asked
    target: SLATarget
    served: Served | None
    host: Host | None
    facts: dict[str, Any] = field(default_factory=dict)


class Wanted(NamedTuple):
    """What the flags alone say, checked before anything is loaded or trained; `space` is that of `--space`."""

    target: SLATarget
    asked: Asked
    host: Host | None
    pools: dict[str, Pool]
    space: Space | None


def wanted(args: argparse.Namespace) -> Wanted:
    """Read the flags; raises `BadInputError` for what makes no sense whatever the data."""
    target = SLATarget(latency_ms=args.sla_ms, percentile=args.percentile)
    host = _host(args) if args.host is not None else None
    pools = {"cpu": Pool(workers=args.workers or default_workers())}
    if host is not None:
        pools = host.pools(gpu_workers=GPU_WORKERS)
    objectives = tuple(name.strip() for name in args.objectives.split(","))
    price = None if host is None else host.price_per_hour
    asked = Asked(drop=args.quality_drop, load_qps=args.load, objectives=objectives, price_per_hour=price)
    _check_objectives(objectives, host, price)
    space = None if args.space is None else load_config(Space, args.space)
    if space is not None:
        _check_space(args, space, pools)
    return Wanted(target, asked, host, pools, space)


def question(args: argparse.Namespace, flags: Wanted, tiers: Tiers, out: Path, steps: Steps) -> Question:
    """Return what is asked of these tiers; writes the space that is searched beside the result."""
    target, asked, host, pools, space = flags
    sizes = tiers.data.queries.sizes
    if space is None:
        space = default_space(tuple(tiers.models), sizes.tolist(), pools, results=K)
    space.check(int(sizes.max()), tuple(tiers.models))
    dump(space, out / SPACE)
    served: Served | None = None
    if host is not None:
        times: Mapping[tuple[str, str], ServiceTime] = _modelled(args, host, pools, tiers)
    else:
        served = _served(args, tiers, pools["cpu"].workers, steps)
        times = {(name, "cpu"): profile for name, profile in served.profiles.items()}
    steps.begin("compiling the simulator")
    prepare_kernels(steps.progress)
    power_w = None if host is None else host.power_at
    more: dict[str, Any] = {} if served is None else {"overheads": served.overheads}
    bench = Bench(space, times, sizes, target, seed=args.seed, power_w=power_w, **more)
    return Question(tiers, space, bench, asked, target, served, host, {} if served is None else dict(served.facts))


def _served(args: argparse.Namespace, tiers: Tiers, workers: int, steps: Steps) -> Served:
    count = QUICK_SERVED if args.quick else SERVED
    return serve(
        tiers.models,
        tiers.executors,
        tiers.data.queries.subset(count),
        workers=workers,
        effort=QUICK if args.quick else EFFORT,
        seed=args.seed,
        steps=steps,
    )


def _check_space(args: argparse.Namespace, space: Space, pools: Mapping[str, Pool]) -> None:
    """Refuse a space with pools that are not there."""
    for name, pool in space.pools.items():
        if name not in pools or pool.device != pools[name].device:
            raise BadInputError(
                f"{args.space}: pools.{name}: there is no such pool on `{pool.device}` here",
                hint=f"known: {', '.join(f'{each} on {at.device}' for each, at in pools.items())}",
            )
        if pool.workers > pools[name].workers:
            raise BadInputError(
                f"{args.space}: pools.{name}.workers: {pool.workers}, but there are {pools[name].workers}",
                hint="give fewer, or --workers",
            )


def _host(args: argparse.Namespace) -> Host:
    from tailrank.cli.hosts import host_of

    return host_of(args)


def _modelled(
    args: argparse.Namespace, host: Host, pools: Mapping[str, Pool], tiers: Tiers
) -> dict[tuple[str, str], ServiceTime]:
    """Return the service times of every tier on the pools of `host`, by its roofline."""
    from tailrank.cli.hosts import switches_of

    networks: dict[str, Network] = {}
    for name, model in tiers.models.items():
        assert model.network is not None
        networks[name] = model.network
    stages = tuple(Stage(model=name, batch_size=1, pool=pool) for name in networks for pool in pools)
    check_plan(Plan(stages=stages, pools=dict(pools)), host, networks)
    found: dict[tuple[str, str], ServiceTime] = {}
    for network in networks.values():
        found |= services(network, host, switches=switches_of(args))
    return found


def _check_objectives(objectives: tuple[str, ...], host: Host | None, price: float | None) -> None:
    if "cost" in objectives and price is None:
        where = "this machine" if host is None else f"`{host.name}`"
        raise BadInputError(f"--objectives cost: {where} has no price", hint="name a --host whose devices have one")
    if "energy" in objectives and host is None:
        raise BadInputError("--objectives energy: the power of this machine is not known", hint="name a --host")
