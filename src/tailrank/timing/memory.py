"""Where a batch's bytes come from: weights and popular rows from caches, the rest from memory that workers share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailrank.timing.device import Device
from tailrank.timing.parameters import Parameters
from tailrank.timing.switches import Switches, popular_share
from tailrank.timing.work import OperatorWork, operators
from tailrank.zoo import Network

__all__ = ["Memory", "memory"]

F64 = NDArray[np.float64]

L2_BYTES_PER_CYCLE = 32.0  # one core, in cycles of the device's clock; estimates from published microbenchmarks of
L3_BYTES_PER_CYCLE = 16.0  # Broadwell and Skylake, which find 25 to 64 and 6 to 16, and cores boost beyond that clock
L3_LATENCY_SHARE = 0.25  # of the memory's latency
GPU_CACHE_SPEED = 3.0  # times the memory's bandwidth, as published for the L2 of GPUs since Pascal
GPU_STREAM_SHARE = 0.8  # of the memory's bandwidth that reading in order reaches
LINE_BYTES = {"cpu": 64, "gpu": 32}  # the least that is read


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What bytes cost one worker in given company, in seconds, and how much of it occupies the shared memory.

    `weight_s` is for a byte of weights, `weight_shared_s` the time it occupies the shared memory; `row_s` and
    `row_shared_s`, by lookup, are for a row; `bag_s` for a pooled vector; `activation_s` for a byte between operators.
    """

    weight_s: float
    weight_shared_s: float
    row_s: dict[str, float]
    row_shared_s: dict[str, float]
    bag_s: float
    activation_s: float
    weight_scale: float

    def seconds(self, work: OperatorWork, items: F64) -> F64:
        """Return the memory time of an operator in batches of `items`."""
        fixed = self.weight_scale * work.weight_bytes * self.weight_s
        item = work.activation_bytes_per_item * self.activation_s
        if work.kind == "lookup":
            item = work.rows_per_item * self.row_s[work.name] + work.bags_per_item * self.bag_s
        return fixed + item * items

    def shared_seconds(self, work: OperatorWork, items: F64) -> F64:
        """Return how long an operator in batches of `items` occupies what workers share."""
        fixed = self.weight_scale * work.weight_bytes * self.weight_shared_s
        return fixed + work.rows_per_item * self.row_shared_s.get(work.name, 0.0) * items


def memory(
    network: Network, device: Device, parameters: Parameters, switches: Switches, *, cores: int, busy: int
) -> Memory:
    """Return what bytes cost a worker of `cores` cores while `busy` workers are busy."""
    make = _cpu if device.kind == "cpu" else _gpu
    return make(network, device, parameters, switches, cores, busy)


def _cpu(network: Network, device: Device, parameters: Parameters, switches: Switches, cores: int, busy: int) -> Memory:
    l2_s, l3_s = (1 / (cores * each * device.clock_ghz * 1e9) for each in (L2_BYTES_PER_CYCLE, L3_BYTES_PER_CYCLE))
    stream_s = 1 / (1e9 * min(cores * parameters.stream_gbps, device.dram_gbps))
    neighbours = min(-(-busy // device.l3_parts), busy)
    copies = 1 if switches.shared_weights else neighbours
    scale = 0.5 if switches.precision == "bf16" else 1.0
    in_l2, in_l3 = _resident(network, device, cores, copies, scale)
    in_memory = 1.0 - in_l2 - in_l3
    efficiency = parameters.gather_efficiency or device.gather_efficiency
    rows, shared = {}, {}
    left = max(device.cached_bytes * 1.0 - copies * scale * _weights(network), 0.0)
    for work in operators(network):
        if work.kind == "lookup":
            hit, row_bytes = _hit(network, work, switches, left), _row_bytes(work, device)
            far = 1e-9 * device.dram_latency_ns / (cores * parameters.outstanding)
            rows[work.name] = hit * (L3_LATENCY_SHARE * far + row_bytes * l3_s) + (1 - hit) * (
                far + row_bytes * stream_s
            )
            shared[work.name] = (1 - hit) * row_bytes / (1e9 * device.dram_gbps * efficiency)
    return Memory(
        weight_s=in_l2 * l2_s + in_l3 * l3_s + in_memory * stream_s,
        weight_shared_s=in_memory / (1e9 * device.dram_gbps),
        row_s=rows,
        row_shared_s=shared,
        bag_s=1e-9 * parameters.bag_ns / cores,
        activation_s=l3_s,
        weight_scale=scale,
    )


def _resident(network: Network, device: Device, cores: int, copies: int, scale: float) -> tuple[float, float]:
    """Return the shares of a worker's weights that its L2 and its part of the L3 hold.

    An inclusive L3 holds again what the L2s hold. A cache holds as much of the weights as fits: what is read in a
    cycle through a larger set would find nothing under strict least-recently-used replacement, but finds about this
    much under the adaptive replacement of these processors.
    """
    need = max(scale * _weights(network), 1.0)
    in_l2 = min(1.0, cores * device.l2_bytes / need)
    part = device.l3_bytes / device.l3_parts / copies
    if device.l3_inclusive:
        part = max(part - cores * device.l2_bytes, 0.0)
    return in_l2, min(1.0 - in_l2, part / need)


def _gpu(network: Network, device: Device, parameters: Parameters, switches: Switches, cores: int, busy: int) -> Memory:
    del cores, busy  # the whole device works on a batch; batches in flight share it by the bottleneck law
    scale = 0.5 if switches.precision == "bf16" else 1.0
    memory_s = 1e-9 / device.dram_gbps
    cache_s = memory_s / GPU_CACHE_SPEED
    in_cache = min(1.0, device.l2_bytes / max(scale * _weights(network), 1.0))
    weight_s = in_cache * cache_s + (1 - in_cache) * memory_s / GPU_STREAM_SHARE
    efficiency = parameters.gather_efficiency or device.gather_efficiency
    rows = {}
    left = max(device.l2_bytes - scale * _weights(network), 0.0)
    for work in operators(network):
        if work.kind == "lookup":
            hit, row_bytes = _hit(network, work, switches, left), _row_bytes(work, device)
            rows[work.name] = row_bytes * (hit * cache_s + (1 - hit) * memory_s / efficiency)
    return Memory(
        weight_s=weight_s,
        weight_shared_s=weight_s,
        row_s=rows,
        row_shared_s=rows,
        bag_s=0.0,
        activation_s=memory_s / GPU_STREAM_SHARE,
        weight_scale=scale,
    )


def _weights(network: Network) -> int:
    return 4 * network.fc_parameters


def _row_bytes(work: OperatorWork, device: Device) -> float:
    """Return the bytes that one row moves: whole lines."""
    line = LINE_BYTES[device.kind]
    return float(line * max(1, -(-work.row_bytes_per_item // (work.rows_per_item * line))))


def _hit(network: Network, work: OperatorWork, switches: Switches, cache_bytes: float) -> float:
    """Return the share of a lookup's rows that the cache holds: the most popular, its room split by bytes read."""
    if switches.hit_rate is not None:
        return switches.hit_rate
    room = cache_bytes * work.row_bytes_per_item / network.embedding_bytes_per_item
    tables = work.launches_per_table
    rows = work.table_rows / tables
    held = room / (work.table_bytes / work.table_rows) / tables
    return popular_share(held, rows, switches.skew)
