"""The eight networks on a GPU beside this host's cores, and DeepRecSched's threshold between the two.

    python benchmarks/gpu.py [--precision bf16] [--only rmc1 din] [--json FILE]

For each network: the GPU's speed over one core by batch size, the smallest batch that the GPU returns sooner, the
transfers' share of the device's time, and the capacity under the network's SLA target with and without the GPU, at the
threshold that the search chooses. Service times are measured on the engine with all workers busy; capacities are the
simulator's. Where there is no CUDA device it says so and ends well; `--pretend` puts the host in its place, which
shows that the path works and says nothing about a GPU.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from tailrank.cli.progress import Progress
from tailrank.cli.subject import Subject, build, default_workers
from tailrank.core import Plan, Pool
from tailrank.core.files import write_json
from tailrank.engine import Engine, measure_profile
from tailrank.metrics import SLATarget
from tailrank.simulator import Simulator
from tailrank.timing import Profile
from tailrank.tuner import Replication, Search, batch_sizes, capacity, climb, offload_thresholds, static_baseline
from tailrank.workload import Workload
from tailrank.zoo import get

NETWORKS = ("ncf", "wnd", "mtwnd", "rmc1", "rmc2", "rmc3", "din", "dien")
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
SHOWN = (1, 16, 64, 256, 1024)
SLICES = 1_000_000  # simulated in one run at most


def main() -> None:
    args = arguments()
    from tailrank.models.gpu import CudaDevice, HostDevice, cuda_devices

    if not args.pretend and not cuda_devices():
        print("not run: no CUDA device")
        return
    device = HostDevice() if args.pretend else CudaDevice(args.index)
    rows = []
    with Progress() as progress:
        for name in args.only:
            progress.step(f"{name} on {device.name}, {args.precision}")
            rows.append(measure(name, device, args, progress))
    print(page(rows, device.name, args))
    if args.json is not None:
        write_json(args.json, {"device": device.name, "precision": args.precision, "networks": rows})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "tf32", "bf16"))
    parser.add_argument("--index", type=int, default=0, help="number of the CUDA device")
    parser.add_argument("--gpu-workers", type=int, default=2, help="batches in flight on the GPU")
    parser.add_argument("--workers", type=int, default=default_workers(), help="CPU workers")
    parser.add_argument("--memory-gib", type=float, default=4.0, help="room for tables, on both")
    parser.add_argument("--seconds", type=float, default=5.0, help="time of each profile")
    parser.add_argument("--queries", type=int, default=5000, help="queries of a simulated trace")
    parser.add_argument("--pretend", action="store_true", help="take the host for the device: no result")
    parser.add_argument("--json", type=Path, metavar="FILE")
    return parser.parse_args()


def measure(name: str, device: Any, args: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Profile `name` on both, and search plans with and without the GPU."""
    from tailrank.engine.gpu_scorer import GpuScorer
    from tailrank.models.gpu import GpuExecutor, breakdown

    workload, memory = Workload(), int(args.memory_gib * 2**30)
    subject = build(name, workload, workers=args.workers, memory_bytes=memory, seed=0, progress=progress)
    module = subject.model.module
    assert module is not None  # only a file in a foreign format has none
    executor = GpuExecutor(module, subject.model.inputs, device, args.precision)
    inputs = subject.model.inputs(4 * max(SIZES))
    scorer = GpuScorer(executor, inputs, workers=args.gpu_workers)
    profiles = {
        "cpu": profiled(subject.engine, name, args.workers, args, progress),
        "gpu": profiled(Engine({name: scorer}), name, args.gpu_workers, args, progress),
    }
    found = searched(subject, profiles, workload, args, progress)
    means = {pool: profile.table(max(SIZES), 1).mean_ns[0] for pool, profile in profiles.items()}
    sooner = np.flatnonzero(means["gpu"][1:] < means["cpu"][1:])
    shares = {items: breakdown(executor, inputs, items).transfer_share for items in SHOWN}
    return {
        "network": name,
        "facts": executor.facts(),
        "speed_over_one_core": {items: float(means["cpu"][items] / means["gpu"][items]) for items in SHOWN},
        "break_even_items": int(sooner[0]) + 1 if len(sooner) else None,
        "transfer_share": shares,
        **capacities(found),
    }


def profiled(engine: Engine, name: str, workers: int, args: argparse.Namespace, progress: Progress) -> Profile:
    return measure_profile(
        engine, name, workers=workers, budget_s=args.seconds, rounds=2, sizes=SIZES, progress=progress.step
    )


def searched(
    subject: Subject, profiles: dict[str, Profile], workload: Workload, args: argparse.Namespace, progress: Progress
) -> Search:
    """Climb over batch sizes, then over thresholds of the pool `gpu`."""
    name, largest = subject.name, workload.sizes.max_size
    services = {(name, pool): profile for pool, profile in profiles.items()}
    target = SLATarget(latency_ms=get(name).sla_ms)
    repeated = [
        Replication(
            Simulator(services, seed=each, detail=False), workload.trace(args.queries, 100.0, 0, replication=each)
        )
        for each in range(2)
    ]
    base = static_baseline(name, largest, args.workers)
    pools = {**base.pools, "gpu": Pool(workers=args.gpu_workers, device="gpu")}
    progress.step(f"{name}: searching plans")
    return climb(
        lambda plan: capacity(repeated, plan, target, slices=SLICES),
        Plan(stages=base.stages, pools=pools),
        batches=batch_sizes(largest, base.stages[0].batch_size),
        thresholds=offload_thresholds(largest),
        offload_pool="gpu",
    )


def capacities(found: Search) -> dict[str, Any]:
    """Say what the GPU adds: the best plan of all, and the best of those that do not offload."""
    alone = max(
        (each for each in found.candidates if each.plan.stages[0].offload_at is None),
        key=lambda each: each.capacity.qps,
    )
    best = found.best.plan.stages[0]
    return {
        "offload_at": best.offload_at,
        "batch_size": best.batch_size,
        "capacity_qps": found.best.capacity.qps,
        "capacity_cpu_alone_qps": alone.capacity.qps,
    }


def page(rows: list[dict[str, Any]], device: str, args: argparse.Namespace) -> str:
    """Return the results as a table."""
    title = f"{device}, {args.precision}, {args.gpu_workers} batches in flight, beside {args.workers} CPU workers"
    lines = [title, "PRETENCE: the host in the GPU's place; no number here is a GPU's" if args.pretend else "", ""]
    header = ["network", *(f"x core at {items}" for items in SHOWN), "sooner from", "transfers at 64 / 1024"]
    header += ["offload from", "qps with", "qps without", "gain", "largest difference", "recorded"]
    lines += [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    for row in rows:
        without = row["capacity_cpu_alone_qps"]
        cells = [row["network"], *(f"{value:.2f}" for value in row["speed_over_one_core"].values())]
        cells += [str(row["break_even_items"] or "never")]
        cells += [f"{row['transfer_share'][64]:.0%} / {row['transfer_share'][1024]:.0%}"]
        cells += [str(row["offload_at"] or "never"), f"{row['capacity_qps']:.0f}", f"{without:.0f}"]
        cells += [f"{row['capacity_qps'] / without:.2f}" if without else "met only with it"]
        cells += [f"{row['facts']['largest_difference']:.1e}", row["facts"]["not_recorded_because"] or "yes"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
