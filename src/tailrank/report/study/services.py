"""What the calibrated rooflines say of each network: speed-ups, operators, inputs, and how large a batch must be."""

from typing import Any

import numpy as np
from msgspec.structs import replace

from tailrank.report.study.paper import NETWORKS
from tailrank.timing.device import Device, device
from tailrank.timing.observations import shipped_observations
from tailrank.timing.parameters import Fit, fit_for, fit_names
from tailrank.timing.roofline import Roofline
from tailrank.timing.switches import MODERN
from tailrank.zoo import get

__all__ = [
    "CLOUD_CPU",
    "CLOUD_GPU",
    "CPU",
    "GPU",
    "fits",
    "headroom",
    "knees",
    "per_item",
    "shares",
    "speedups",
    "transfers",
]

CPU, GPU = "skylake-40c", "gtx-1080ti"
CLOUD_CPU, CLOUD_GPU = "c5n-2xlarge", "t4"  # the devices of the only public latencies with inputs told apart
HOSTS = ("broadwell-28c", CPU)
LARGEST_QUERY = 1000  # items, which the static baseline spreads over all cores
ITEMS = (1, 4, 16, 64, 256, 1024)
SHARE_ITEMS = (1, 16, 64, 1024)
TRANSFER_ITEMS = 1000
BEST_SPEED = 0.9  # of a core's speed with large batches, which says that a batch is large enough
LARGEST = 4096
PARTS = {"share_matmul": "fc", "share_lookup": "lookup", "share_recurrent": "recurrent"}

Rows = list[dict[str, Any]]


def speedups() -> Rows:
    """Return the GPU over one core in the artifact's shapes: modelled, and in its figure."""
    figure = {
        (point.network.removesuffix("-artifact"), point.batch): point.value
        for point in shipped_observations(GPU)
        if point.quantity == "speedup" and point.over == CPU
    }
    rows = []
    for name in NETWORKS:
        network = get(f"{name}-artifact")
        cpu, gpu = Roofline(network, device(CPU)), Roofline(network, device(GPU))
        for items in ITEMS:
            modelled = cpu.seconds(items) / gpu.seconds(items)
            rows.append({"network": name, "items": items, "modelled": modelled, "figure": figure.get((name, items))})
    return rows


def shares() -> Rows:
    """Return each kind of operator's share of the computing time in the artifact's shapes: modelled, and drawn there.

    Products within a recurrence count as recurrent only, as in the figures.
    """
    return [
        {"network": name, "device": kind, "items": items, "modelled": _shares(name, on, items), "figure": drawn}
        for kind, on in (("cpu", CPU), ("gpu", GPU))
        for drawn_of in [_drawn_shares(on)]
        for name in NETWORKS
        for items in SHARE_ITEMS
        for drawn in [drawn_of.get((name, items))]
    ]


def _shares(name: str, on: str, items: int) -> dict[str, float]:
    service = Roofline(get(f"{name}-artifact"), device(on))
    spent = service.operator_seconds(np.array([float(items)]))
    found = dict.fromkeys((*PARTS.values(), "other"), 0.0)
    for work in service.work:
        part = PARTS.get(f"share_{'recurrent' if work.operator == 'recurrent' else work.kind}", "other")
        found[part] += float(spent[work.name][0])
    total = sum(found.values())
    return {part: seconds / total for part, seconds in found.items()}


def _drawn_shares(on: str) -> dict[tuple[str, int], dict[str, float]]:
    """Return the shares in the artifact's figure of a device, by network and items."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for point in shipped_observations(on):
        if point.quantity in PARTS:
            key = point.network.removesuffix("-artifact"), point.batch
            found.setdefault(key, {})[PARTS[point.quantity]] = point.value
    return {key: {**parts, "other": max(0.0, 1.0 - sum(parts.values()))} for key, parts in found.items()}


def per_item() -> Rows:
    """Return the time per item on a core of the cloud's CPU, in microseconds, inputs not counted."""
    rows = []
    for name in NETWORKS:
        service = Roofline(get(f"{name}-artifact"), device(CLOUD_CPU))
        sizes = np.array([10.0, 100.0, 1000.0])
        rows += [
            {"network": name, "items": int(items), "us": 1e6 * float(seconds) / items}
            for items, seconds in zip(sizes.tolist(), service.compute_seconds(sizes), strict=True)
        ]
    return rows


def transfers() -> Rows:
    """Return the share of the cloud GPU's time that inputs take: copied naively, then with all that helps."""
    rows = []
    for name in NETWORKS:
        network, on = get(f"{name}-artifact"), device(CLOUD_GPU)
        naive = Roofline(network, on).transfer_share(TRANSFER_ITEMS)
        better = Roofline(network, on, switches=MODERN).transfer_share(TRANSFER_ITEMS)
        rows.append({"network": name, "items": TRANSFER_ITEMS, "naive": naive, "better": better})
    return rows


def knees(base: Device) -> Rows:
    """Return the batch at which a core, all cores busy, reaches 90 % of its best speed: before and after a change."""
    changes: tuple[tuple[str, Device], ...] = (
        ("Half the SIMD width", base.varied(lanes=base.lanes // 2)),
        ("A quarter of the L2, the L3 inclusive", _small_caches(base)),
        ("Half the cores on the same memory", base.varied(cores=base.cores // 2)),
        ("Broadwell in place of Skylake", device("broadwell-28c")),
    )
    rows = []
    for change, other in changes:
        for name in NETWORKS:
            before = _knee(Roofline(get(name), base), base.cores)
            after = _knee(Roofline(get(name), other, fit=_fit_of(other, base)), other.cores)
            rows.append({"change": change, "network": name, "before": before, "after": after})
    return rows


def _fit_of(other: Device, base: Device) -> Fit:
    """Return the fit of `other`; of a variation of `base`, with the time that weights take kept (see `fit_for`)."""
    fit = fit_for(other)
    if other.name != base.name:
        return fit
    scale = other.core_fp32_gflops / base.core_fp32_gflops
    return replace(fit, parameters=replace(fit.parameters, half_rows=fit.parameters.half_rows * scale))


def _small_caches(base: Device) -> Device:
    return base.varied(l2_bytes=base.l2_bytes // 4, l3_inclusive=True)


def _knee(service: Roofline, busy: int) -> int:
    """Return the smallest batch at which time per item is within `BEST_SPEED` of that at `LARGEST`."""
    items = np.unique(np.rint(np.geomspace(1, LARGEST, 240)))
    speed = items / service.table_at(items, busy)
    return int(items[np.argmax(speed >= BEST_SPEED * speed[-1])])


def headroom() -> Rows:
    """Return how much faster than at the static batch a core of each host can get with larger ones, all cores busy."""
    rows = []
    for host in HOSTS:
        on = device(host)
        batch = -(-LARGEST_QUERY // on.cores)
        for name in NETWORKS:
            service = Roofline(get(name), on)
            sizes = np.unique([batch, *np.rint(np.geomspace(batch, LARGEST_QUERY, 60))])
            speed = sizes / service.table_at(sizes, on.cores)
            rows.append({"host": host, "network": name, "batch": batch, "gain": float(speed.max() / speed[0])})
    return rows


def fits() -> Rows:
    """Return how far each device's fit is from its points, by network and quantity."""
    return [
        {
            "device": name,
            "network": each.network,
            "quantity": each.quantity,
            "points": each.points,
            "median_error": each.median_error,
            "worst_error": each.worst_error,
        }
        for name in fit_names()
        for each in fit_for(device(name)).residuals
    ]
