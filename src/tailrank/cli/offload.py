"""What a GPU adds: its speed beside a CPU worker's, and the capacity with and without it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tailrank.cli.gpu import OnGpu
from tailrank.cli.hardware import PRETENCE
from tailrank.cli.output import table
from tailrank.cli.results import finite, profile_section
from tailrank.cli.subject import Subject
from tailrank.timing import Profile, ServiceTime
from tailrank.tuner import Search, speedup
from tailrank.workload import Workload

__all__ = ["compared", "comparison", "gained", "gpu_section", "gpu_text", "gpu_title"]

SHOWN = (1, 4, 16, 64, 256, 1024)  # batch sizes whose time on the device is taken apart
REPEATS = 20
SIZES_DRAWN = 100_000


def gpu_section(subject: Subject, profiles: Mapping[str, Profile]) -> dict[str, Any] | None:
    """Return what is known of the GPU before any search, as `result.json` holds it; None without one."""
    if subject.on_gpu is None:
        return None
    section = subject.on_gpu.facts() | comparison(profiles["cpu"], profiles["gpu"])
    section["transfers"] = _transfers(subject.on_gpu, subject)
    return section | {"profile": profile_section(profiles["gpu"])}


def comparison(cpu: Profile, gpu: Profile) -> dict[str, Any]:
    """Return mean times of a batch alone on either, by size, and from which size on the GPU returns sooner.

    `break_even_items` is the smallest batch from which on every larger one measured is sooner; None where none is.
    """
    return compared(cpu, gpu, sorted({point.items for point in gpu.points} & {point.items for point in cpu.points}))


def compared(cpu: ServiceTime, gpu: ServiceTime, sizes: Sequence[int]) -> dict[str, Any]:
    """Return the same of any service times, at batches of `sizes`."""
    most = max(sizes)
    cpu_ns, gpu_ns = (service.table(most, 1).mean_ns[0] for service in (cpu, gpu))
    later = np.flatnonzero(gpu_ns[1:] >= cpu_ns[1:])
    sooner_from = 1 if not len(later) else int(later[-1]) + 2
    ratios = [
        {
            "items": n,
            "cpu_us": float(cpu_ns[n]) / 1e3,
            "gpu_us": float(gpu_ns[n]) / 1e3,
            "ratio": float(cpu_ns[n] / gpu_ns[n]),
        }
        for n in sizes
    ]
    return {"ratios": ratios, "break_even_items": sooner_from if sooner_from <= most else None}


def gained(search: Search, workload: Workload, seed: int) -> dict[str, Any]:
    """Return the simulator's capacity with and without offloading, and what the best plan offloads."""
    best = search.best
    plain = [each for each in search.candidates if each.plan.stages[0].offload_at is None]
    alone = max(plain, key=lambda each: each.capacity.qps)
    gain = speedup(best.capacity, alone.capacity) if alone.capacity.met else None
    at = best.plan.stages[0].offload_at
    sizes = workload.trace(SIZES_DRAWN, 1.0, seed, replication=970).size
    away = sizes >= at if at is not None else np.zeros(len(sizes), dtype=bool)
    return {
        "offload_at": at,
        "capacity_qps": best.capacity.qps,
        "capacity_ci95_qps": [best.capacity.low_qps, finite(best.capacity.high_qps)],
        "capacity_without_qps": alone.capacity.qps,
        "capacity_without_ci95_qps": [alone.capacity.low_qps, finite(alone.capacity.high_qps)],
        "batch_size_without": alone.plan.stages[0].batch_size,
        "gain": None if gain is None else finite(gain.value),
        "gain_ci95": None if gain is None else [finite(gain.low), finite(gain.high)],
        "share_of_queries": float(away.mean()),
        "share_of_items": float(sizes[away].sum() / sizes.sum()),
    }


def gpu_title(gpu: Mapping[str, Any]) -> str:
    """Return the device in a line; a pretence says so."""
    words = f"{gpu['device']}, {gpu['precision']}, {gpu['workers']} batches in flight"
    return f"{words}. {PRETENCE}" if gpu["pretend"] else words


def gpu_text(gpu: Mapping[str, Any]) -> str:
    """Return the comparison as text for people."""
    shares = {row["items"]: row["transfer_share"] for row in gpu["transfers"]}
    rows = [
        (
            row["items"],
            row["cpu_us"],
            row["gpu_us"],
            f"{row['ratio']:.2f}x",
            f"{100 * shares[row['items']]:.0f} %" if row["items"] in shares else None,
        )
        for row in gpu["ratios"]
        if row["items"].bit_count() == 1
    ]
    header = ["batch", "CPU worker us", "GPU us", "CPU / GPU", "transfers, of device time"]
    sooner = gpu["break_even_items"]
    verdict = "at no batch size" if sooner is None else f"from batches of {sooner}"
    return "\n".join([f"gpu: {gpu_title(gpu)}", table(header, rows), f"the GPU returns a batch sooner {verdict}"])


def _transfers(on_gpu: OnGpu, subject: Subject) -> list[dict[str, Any]]:
    from tailrank.models.gpu import breakdown

    rows = []
    for items in SHOWN:
        if items <= min(on_gpu.executor.sizes[-1], len(subject.loaded.inputs[0])):
            shares = breakdown(on_gpu.executor, subject.loaded.inputs, items, repeats=REPEATS)
            row = {"items": items, "transfer_share": shares.transfer_share}
            for part in ("to_device", "compute", "to_host", "whole"):
                row[f"{part}_us"] = getattr(shares, f"{part}_ns") / 1e3
            rows.append(row)
    return rows
