"""Hosts made of devices: `skylake-40c+gtx-1080ti`, their pools, their power, and what fits their memory."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tailrank.core.errors import BadInputError, InfeasibleError
from tailrank.core.plan import Plan, Pool
from tailrank.metrics.energy import busy_power_w
from tailrank.timing.attached import Attach, Attached
from tailrank.timing.device import Device, device
from tailrank.zoo import Network
from tailrank.zoo.network import FP32_BYTES

__all__ = ["ROOM", "Host", "check_plan", "fits", "parse_host"]

ROOM = 0.9  # of a memory; the rest is for the system, the runtime and activations
SYNTAX = "write CPU, CPU+GPU or CPU+2xGPU, and CPU:cores=16 for a part of a CPU: skylake-40c+gtx-1080ti"
MOST_GPUS = 16


@dataclass(frozen=True)
class Host:
    """`cores` of a CPU, and `gpus` of one kind beside them.

    A host that has fewer cores than its CPU is a part of that machine, as one rents it: it has that part of the
    power and of the price. Each GPU holds a copy of the model. `attached` is a device that is no GPU of the catalogue
    and models itself; it has no price.
    """

    name: str
    cpu: Device
    cores: int
    gpu: Device | None = None
    gpus: int = 0
    attached: Attached | None = None

    def __post_init__(self) -> None:
        if self.cpu.kind != "cpu":
            raise BadInputError(f"host `{self.name}`: `{self.cpu.name}` is no CPU", hint=SYNTAX)
        if not 1 <= self.cores <= self.cpu.cores:
            raise BadInputError(
                f"host `{self.name}`: `{self.cpu.name}` has {self.cpu.cores} cores, not {self.cores}",
                hint=f"ask for 1 to {self.cpu.cores}",
            )
        if self.gpu is not None and self.gpu.kind != "gpu":
            raise BadInputError(f"host `{self.name}`: `{self.gpu.name}` is no GPU", hint=SYNTAX)
        if not (1 <= self.gpus <= MOST_GPUS if self.gpu else self.gpus == 0):
            raise BadInputError(
                f"host `{self.name}`: {self.gpus} GPUs make no sense", hint=f"1 to {MOST_GPUS} of one kind, or none"
            )

    @property
    def share(self) -> float:
        """Share of the CPU's cores that the host has."""
        return self.cores / self.cpu.cores

    @property
    def tdp_w(self) -> float:
        """Power with everything busy, in watts."""
        return self.power_w(1.0, 1.0, 1.0)

    @property
    def idle_w(self) -> float:
        """Power with nothing to do, in watts."""
        return self.power_w(0.0, 0.0, 0.0)

    @property
    def price_per_hour(self) -> float | None:
        """Dollars an hour; None where a device has no price."""
        if self.cpu.price_per_hour is None or (self.gpu is not None and self.gpu.price_per_hour is None):
            return None
        if self.attached is not None:
            return None
        gpus = self.gpus * (self.gpu.price_per_hour or 0.0) if self.gpu else 0.0
        return self.share * self.cpu.price_per_hour + gpus

    def pools(self, gpu_workers: int = 1) -> dict[str, Pool]:
        """Return the pools of a plan: `cpu`, a worker a core; `gpu`, `gpu_workers` batches in flight a GPU.

        An attached device has a pool of its own name.
        """
        if gpu_workers < 1:
            raise BadInputError(f"a GPU works on at least one batch, not {gpu_workers}", hint="give 1 or more")
        pools = {"cpu": Pool(workers=self.cores)}
        if self.gpus:
            pools["gpu"] = Pool(workers=self.gpus * gpu_workers, device="cuda")
        if self.attached is not None:
            pools[self.attached.name] = Pool(workers=self.attached.workers, device=self.attached.name)
        return pools

    def power_at(self, busy: Mapping[str, float]) -> float:
        """Return the power in watts with these shares of the time of `pools` busy; those not named idle."""
        beside = 0.0 if self.attached is None else busy.get(self.attached.name, 0.0)
        return self.power_w(busy.get("cpu", 0.0), busy.get("gpu", 0.0), beside)

    def power_w(self, cpu_busy: float, gpu_busy: float = 0.0, attached_busy: float = 0.0) -> float:
        """Return the power in watts with these shares of the cores, of the GPUs' and the attached device's time busy.

        Linear between idle and TDP on each device; memory, fans and losses beside the devices are not counted.
        """
        watts = self.share * busy_power_w(self.cpu.idle_w, self.cpu.tdp_w, cpu_busy)
        if self.gpu is not None:
            watts += self.gpus * busy_power_w(self.gpu.idle_w, self.gpu.tdp_w, gpu_busy)
        if self.attached is not None:
            watts += busy_power_w(self.attached.idle_w, self.attached.tdp_w, attached_busy)
        return watts

    def check(self, *networks: Network) -> None:
        """Raise `InfeasibleError` with the reason where `networks` together do not fit the memory of some device."""
        for each in (self.cpu, self.gpu, self.attached):
            if each is not None:
                fits(networks, each)


def parse_host(text: str, attach: Attach | None = None) -> Host:
    """Return the host that `text` describes: `CPU[:cores=N][+[N x]GPU]`, devices by name or path of a .toml file.

    A part `+NAME[:MORE]` whose name is in `attach` is a device of that kind; there may be one beside a GPU. Raises
    `BadInputError` for a text that is none, an unknown device, or a host that cannot be.
    """
    first, *others = text.split("+")
    known = attach or {}
    beside = [part for part in others if part.partition(":")[0] in known]
    others = [part for part in others if part not in beside]
    if len(beside) > 1:
        raise BadInputError(f"host `{text}`: one attached device, not `{'+'.join(beside)}`", hint=SYNTAX)
    if len(others) > 1:
        raise BadInputError(
            f"host `{text}`: only one part may follow the CPU, not `{'+'.join(others)}`",
            hint="several GPUs of one kind are written cascade-lake+2xt4",
        )
    found = re.fullmatch(r"(?P<cpu>[^:]+)(:cores=(?P<cores>\d+))?", first)
    if found is None:
        raise BadInputError(f"host `{text}`: cannot read `{first}`", hint=SYNTAX)
    cpu = device(found["cpu"])
    gpu, gpus = _gpus(text, others[0]) if others else (None, 0)
    name, _, more = beside[0].partition(":") if beside else ("", "", "")
    attached = known[name](more) if beside else None
    return Host(text, cpu, int(found["cores"] or cpu.cores), gpu, gpus, attached)


def fits(networks: Network | tuple[Network, ...], device: Device | Attached) -> None:
    """Raise `InfeasibleError` with the reason where tables and weights, in fp32, exceed `ROOM` of the memory."""
    together = (networks,) if isinstance(networks, Network) else networks
    need = sum(network.table_bytes + network.fc_parameters * FP32_BYTES for network in together)
    room = int(ROOM * device.memory_bytes)
    if need <= room:
        return
    tables = sum(network.table_bytes for network in together)
    names, do = " and ".join(f"`{network.name}`" for network in together), "does" if len(together) == 1 else "do"
    raise InfeasibleError(
        f"{names} {do} not fit `{device.name}`: tables of {_gb(tables)} and weights of {_gb(need - tables)}, but "
        f"{_gb(room)} of its {_gb(device.memory_bytes)} are free for them",
        hint="choose a device with more memory, or a network with fewer or smaller tables",
    )


def check_plan(plan: Plan, host: Host, networks: Mapping[str, Network]) -> None:
    """Raise where `host` cannot serve `plan`, whose models are keys of `networks`.

    `BadInputError`: a pool on a device the host lacks, or more CPU workers than it has cores. `InfeasibleError`: the
    models a device serves do not fit its memory together.
    """
    models: dict[str, dict[str, Network]] = {"cpu": {}, "gpu": {}, "attached": {}}
    for name, pool in plan.pools.items():
        models[_kind(name, pool, host)] |= {
            stage.model: networks[stage.model] for stage in plan.stages if name in (stage.pool, stage.offload_pool)
        }
    workers = sum(pool.workers for pool in plan.pools.values() if pool.device == "cpu")
    if workers > host.cores:
        raise BadInputError(
            f"the plan has {workers} CPU workers, host `{host.name}` has {host.cores} cores",
            hint="a worker needs a core of its own: give fewer workers, or another host",
        )
    fits(tuple(models["cpu"].values()), host.cpu)
    if host.gpu is not None:
        fits(tuple(models["gpu"].values()), host.gpu)
    if host.attached is not None:
        fits(tuple(models["attached"].values()), host.attached)


def _kind(name: str, pool: Pool, host: Host) -> str:
    """Return which of the host's devices serves `pool`."""
    if pool.device == "cpu":
        return "cpu"
    if host.attached is not None and pool.device == host.attached.name:
        if pool.workers > host.attached.workers:
            raise BadInputError(
                f"pools.{name}.workers: {pool.workers}, but `{pool.device}` of host `{host.name}` has "
                f"{host.attached.workers}",
                hint="give fewer workers, or another division of the device",
            )
        return "attached"
    found = re.fullmatch(r"cuda(:(\d+))?", pool.device)
    if host.gpu is None or found is None or int(found[2] or 0) >= host.gpus:
        raise BadInputError(
            f"pools.{name}.device: host `{host.name}` has no `{pool.device}`",
            hint=f"it has {', '.join(['cpu'] + [f'cuda:{number}' for number in range(host.gpus)] + _attached(host))}",
        )
    return "gpu"


def _attached(host: Host) -> list[str]:
    return [] if host.attached is None else [host.attached.name]


def _gpus(text: str, part: str) -> tuple[Device, int]:
    found = re.fullmatch(r"((?P<count>\d+)x)?(?P<gpu>[^:]+)", part)
    if found is None:
        raise BadInputError(f"host `{text}`: cannot read `{part}`", hint=SYNTAX)
    return device(found["gpu"]), int(found["count"] or 1)


def _gb(count: int) -> str:
    return f"{count / 1e9:.3g} GB"
