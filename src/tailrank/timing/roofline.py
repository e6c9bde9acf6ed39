"""Service times of a network on a device that need not be here: FLOPs and bytes against the device's rates.

An operator takes the larger of its computing time and its memory time, and an overhead for each launch; a batch takes
the sum of its operators and the handing over of its inputs. `parameters` holds what data sheets do not say.
"""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.timing.device import Device
from tailrank.timing.feed import Feed, feed
from tailrank.timing.host import Host
from tailrank.timing.memory import Memory, memory
from tailrank.timing.parameters import Fit, Parameters, fit_for
from tailrank.timing.service import BUCKETS, QUANTILES, ServiceTable, ServiceTime
from tailrank.timing.switches import Switches
from tailrank.timing.work import OperatorWork, operators
from tailrank.zoo import OPERATORS, Network, Operator

__all__ = ["Roofline", "services"]

F64 = NDArray[np.float64]
LARGEST = 1024  # tables reach at least so far, so that searches find them made


@dataclass(frozen=True)
class Roofline:
    """A `ServiceTime` computed from what `network` does and what `device` can.

    A worker computes on `cores` cores of a CPU; a GPU's worker is a batch in flight, and a pool's workers spread over
    `devices` GPUs. Parameters come from `fit`, or from the catalogue's (see `fit_for`). Workers compete: on a CPU for
    memory and the shared cache, on a GPU for the processor and the link; a batch takes its time alone, or as long as
    the busiest of what is shared needs for all batches in flight (the bottleneck law). Launches of batches in flight
    on one GPU are assumed to overlap. Raises `BadInputError` where the device lacks the precision asked for.
    """

    network: Network
    device: Device
    _: KW_ONLY
    cores: int = 1
    devices: int = 1
    switches: Switches = field(default_factory=Switches)
    fit: Fit | None = None

    def __post_init__(self) -> None:
        if self.switches.precision == "bf16" and self.device.peak_bf16_gflops is None:
            raise BadInputError(f"`{self.device.name}` has no bf16", hint='compute in precision "fp32"')
        if self.device.kind == "cpu" and not 1 <= self.cores <= self.device.cores:
            raise BadInputError(
                f"a worker cannot have {self.cores} of the {self.device.cores} cores of `{self.device.name}`",
                hint=f"give 1 to {self.device.cores}",
            )

    @cached_property
    def used(self) -> Fit:
        """The fit in use."""
        return fit_for(self.device) if self.fit is None else self.fit

    @cached_property
    def work(self) -> tuple[OperatorWork, ...]:
        """The network's operators."""
        return operators(self.network)

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        most = max(LARGEST, 1 << max_items.bit_length())
        if (most, workers) not in self._tables:  # a search asks for every plan anew
            sizes = np.arange(most + 1, dtype=np.float64)
            seconds = np.stack([self._busy_seconds(sizes, busy) for busy in range(1, workers + 1)])
            self._tables[most, workers] = 1e9 * np.maximum.accumulate(seconds, axis=0)
        mean_ns = self._tables[most, workers][:, : max_items + 1].copy()
        return ServiceTable(mean_ns, np.ones((BUCKETS, QUANTILES)))

    def seconds(self, items: int, busy: int = 1) -> float:
        """Return the time of one batch of `items` that runs while `busy` workers, itself included, are busy."""
        return float(self.table_at(np.array([float(items)]), busy)[0])

    def table_at(self, items: F64, busy: int = 1) -> F64:
        """Return the times in seconds of batches of `items`, as `seconds`."""
        slowest: F64 = np.max([self._busy_seconds(items, each) for each in range(1, busy + 1)], axis=0)
        return slowest

    def operator_seconds(self, items: F64, busy: int = 1) -> dict[str, F64]:
        """Return the time each operator takes, by name, in batches of `items`; inputs are not among them."""
        place = self._memory(busy)
        return {work.name: self._operator(work, items, place) for work in self.work}

    def compute_seconds(self, items: F64) -> F64:
        """Return the time of all operators of batches that run alone."""
        return _total(self.operator_seconds(items).values())

    def transfer_seconds(self, items: F64) -> F64:
        """Return the time to hand over the inputs of batches that run alone, overlapped or not."""
        return self._feed.seconds(items)

    def shares(self, items: int) -> dict[Operator, float]:
        """Return the share of computing time of each class of operators in batches of `items`; they sum to 1."""
        spent = self.operator_seconds(np.array([float(items)]))
        by_class = dict.fromkeys(OPERATORS, 0.0)
        for work in self.work:
            by_class[work.operator] += float(spent[work.name][0])
        total = sum(by_class.values())
        return {name: seconds / total for name, seconds in by_class.items()}

    def transfer_share(self, items: int) -> float:
        """Return which share of a batch's time alone its operators do not explain: inputs on their way."""
        size = np.array([float(items)])
        whole = float(self._busy_seconds(size, 1)[0])
        return max(0.0, 1.0 - float(self.compute_seconds(size)[0]) / whole)

    def notes(self, largest: int = 1024) -> tuple[str, ...]:
        """Return what a reader must know: parameters borrowed from another device, times outside what was measured."""
        return self.used.notes(largest)

    @cached_property
    def _tables(self) -> dict[tuple[int, int], F64]:
        return {}

    @property
    def _parameters(self) -> Parameters:
        return self.used.parameters

    @cached_property
    def _feed(self) -> Feed:
        return feed(self.network, self.device, self._parameters, self.switches)

    def _memory(self, busy: int) -> Memory:
        return memory(self.network, self.device, self._parameters, self.switches, cores=self.cores, busy=busy)

    def _busy_seconds(self, items: F64, busy: int) -> F64:
        """Return the times of batches in the company of `busy` on their device, by the bottleneck law."""
        here = -(-busy // self.devices)
        place = self._memory(here)
        compute = _total(self._operator(work, items, place) for work in self.work)
        alone = self._feed.with_compute(items, compute)
        shared = _total(self._shared(work, items, place) for work in self.work)
        slowest: F64 = np.maximum(alone, here * np.maximum(shared, self._feed.link_seconds(items)))
        return slowest

    def _operator(self, work: OperatorWork, items: F64, place: Memory) -> F64:
        """Return the time of one operator in batches of `items` that run alone."""
        busy = np.maximum(self._computing(work, items, self._parameters.half_rows), place.seconds(work, items))
        return busy + self._overhead_s(work)

    def _overhead_s(self, work: OperatorWork) -> float:
        step_us = self._parameters.step_us
        if work.steps > 1 and step_us is not None:  # once a step: its product carries it
            return 1e-6 * step_us * work.steps if work.kind == "matmul" else 0.0
        return work.all_launches(fused_lookup=self.switches.fused_lookup) * self._operator_s

    def _shared(self, work: OperatorWork, items: F64, place: Memory) -> F64:
        """Return how long one operator occupies what all workers share: the memory, and a GPU's processor."""
        moved = place.shared_seconds(work, items)
        return np.maximum(moved, self._computing(work, items, 0.0)) if self.device.kind == "gpu" else moved

    def _computing(self, work: OperatorWork, items: F64, half_rows: float) -> F64:
        """Return the time of the arithmetic: outputs fill whole vectors, and few rows do not fill the pipes."""
        if work.kind != "matmul":
            return work.flops_per_item * items / self._flops
        padded = -(-work.outputs // self.device.lanes) * self.device.lanes / work.outputs
        rows = items + half_rows / work.positions
        return np.where(items > 0, padded * work.flops_per_item * rows / self._flops, 0.0)

    @cached_property
    def _flops(self) -> float:
        """FLOPs a second that large matrix products reach."""
        low = self.switches.precision == "bf16" and self.device.peak_bf16_gflops
        peak = low or self.device.peak_fp32_gflops
        share = self.cores / self.device.cores if self.device.kind == "cpu" else 1.0
        return 1e9 * peak * share * self._parameters.efficiency

    @cached_property
    def _operator_s(self) -> float:
        given = self._parameters.operator_us
        return 1e-6 * (self.device.operator_us if given is None else given)


def _total(times: Iterable[F64]) -> F64:
    total: F64 = np.sum(list(times), axis=0)
    return total


def services(network: Network, host: Host, switches: Switches | None = None) -> dict[tuple[str, str], ServiceTime]:
    """Return the service time of `network` on each pool of `host`: `cpu`, a worker a core, and `gpu` if it has one.

    An attached device says itself how long it takes, whatever the switches.

    A host with fewer cores than its CPU has that part of the CPU's memory bandwidth, as one rents it.
    """
    how = Switches() if switches is None else switches
    cpu = host.cpu
    if host.cores < cpu.cores:
        cpu = cpu.varied(cores=host.cores, dram_gbps=cpu.dram_gbps * host.cores / cpu.cores)
    found: dict[tuple[str, str], ServiceTime] = {(network.name, "cpu"): Roofline(network, cpu, switches=how)}
    if host.gpu is not None:
        found[network.name, "gpu"] = Roofline(network, host.gpu, devices=host.gpus, switches=how)
    if host.attached is not None:
        found[network.name, host.attached.name] = host.attached.service(network)
    return found
