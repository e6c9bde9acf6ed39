"""`tailrank tune --host`: the same search on hardware that is described rather than present. Needs no torch.

Service times are the roofline's of the named devices. Nothing is served, so nothing is proved, and the result says so.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tailrank import zoo
from tailrank.cli.budget import DEFAULT, QUICK
from tailrank.cli.climbing import Question, climbed, curve, policed
from tailrank.cli.hosts import fits_of, host_of, services_on, switches_of
from tailrank.cli.offload import compared, gained
from tailrank.cli.output import print_json, significant, table
from tailrank.cli.progress import Progress
from tailrank.cli.searched import arrivals_section, policies_section, policy_notes, search_section, with_policy
from tailrank.cli.target import target_of
from tailrank.cli.traffic import workload_of
from tailrank.core import BadInputError, Plan
from tailrank.core.config import dump, to_dict
from tailrank.core.files import check_out, result_directory, write_json
from tailrank.metrics import qps_per_watt
from tailrank.timing import Device, Host, Roofline, ServiceTime, Switches
from tailrank.tuner import Candidate, Search, notes, static_baseline, with_threshold
from tailrank.workload import Uniform, Workload, Zipf
from tailrank.zoo import Network

__all__ = ["UNVERIFIED", "question", "tune_on_host"]

UNVERIFIED = "simulated, not verified on an engine"
SIZES = tuple(1 << power for power in range(11))  # batch sizes whose service times the report shows
BREAKDOWN = (1, 16, 64, 256, 1024)  # ... and whose time is taken apart
GPU_WORKERS = 2  # batches in flight: while one is computed, the next is copied
QUERIES = 20_000  # of the runs that tell the power and the gaps between arrivals


def tune_on_host(args: argparse.Namespace, *, command: str, out: Path) -> int:
    """Search the plans of a network on the host of the flags and write the result directory."""
    began = time.monotonic()
    check_out(out)
    host, switches, network = host_of(args), switches_of(args), _network(args.model)
    if host.attached is not None:
        raise BadInputError(
            f"--host {host.name}: `tune` divides one network between cores and GPUs, not `{host.attached.name}`",
            hint="`tailrank explore --host` maps the stages of a funnel to it, `tailrank accel` evaluates it",
        )
    asked = question(network, host, switches, args)
    baseline = static_baseline(asked.model, asked.workload.sizes.max_size, host.cores)
    with Progress(quiet=args.quiet) as progress:
        budget = QUICK if args.quick else DEFAULT
        search = climbed(asked, baseline, budget, progress)
        policies = policed(asked, search, budget, progress) if args.policies else None
        said = notes(search, baseline, largest=asked.workload.sizes.max_size)
        search = with_policy(search, policies)
        progress.step("writing the result")
        result = document(asked, search, baseline, host, network, switches, command=command)
        result["policies"] = policies_section(policies)
        result["notes"] = [*policy_notes(result["policies"], said), *result["notes"]]
        result["seconds"] = time.monotonic() - began
        _write(out, result, search.best.plan, baseline)
    if args.json:
        print_json(result)
    else:
        print(describe(result, out))
    return 0


def question(network: Network, host: Host, switches: Switches, args: argparse.Namespace) -> Question:
    """Return what the flags ask of `host`, at the skew of their accesses.

    Raises `InfeasibleError` where the network does not fit its memory.
    """
    workload = workload_of(args)
    pools = host.pools(gpu_workers=args.gpu_workers or GPU_WORKERS)
    if args.gpu_workers is not None and "gpu" not in pools:
        raise BadInputError(
            f"--gpu-workers {args.gpu_workers} says nothing without a GPU", hint=f"--host {host.name}+GPU has one"
        )
    every = Plan(stages=static_baseline(network.name, 1, 1).stages, pools=pools)
    if "gpu" in pools:
        every = with_threshold(every, 1, "gpu")
    times = services_on(host, every, _skewed(switches, workload), fits_of(args, host))
    services = {pool: times[network.name, pool] for pool in pools}
    return Question(network.name, pools, services, workload, target_of(args), seed=args.seed)


def document(
    asked: Question,
    search: Search,
    baseline: Plan,
    host: Host,
    network: Network,
    switches: Switches,
    *,
    command: str,
) -> dict[str, Any]:
    """Return the result; it has the keys of a measured one, save that `engine` is null and no profile was taken."""
    static = search.find(baseline)
    assert static is not None
    trace = asked.workload.trace(QUERIES, search.best.capacity.qps, asked.seed, replication=960)
    found = search_section(asked, search, static, curve(asked, search), command=command)
    return found | {
        "network": _network_section(network),
        "host": _host_section(host, _skewed(switches, asked.workload)),
        "verdict": {"certified": False, "text": UNVERIFIED},
        "notes": _caveats(asked, host),
        "profile": {"points": _points(asked), "overheads": {}},
        "operators": _operators(asked.services["cpu"]),
        "engine": None,
        "precision_effect": None,
        "gpu": _gpu_section(asked, search, host),
        "power": {"tuned": _power(asked, search.best, host), "baseline": _power(asked, static, host)},
        "arrivals_check": arrivals_section(trace, search.best.capacity.qps, asked.workload),
    }


def describe(result: Mapping[str, Any], out: Path) -> str:
    """Return the result as text for people: the table, the verdict, the notes, the path of the report."""
    sla, power = result["sla"], result["power"]
    rows = [
        (
            name,
            each["plan"]["stages"][0]["batch_size"],
            _offload(each["plan"]),
            each["capacity_qps"],
            " .. ".join(significant(end) for end in each["capacity_ci95_qps"]),
            power[name]["qps_per_watt"],
        )
        for name, each in (("tuned", result), ("baseline", result["baseline"]))
    ]
    gain = result["speedup"]
    lines = [
        f"{result['model']}: p{sla['percentile']:g} <= {sla['latency_ms']:g} ms on {result['host']['name']}",
        "",
        table(["plan", "batch size", "offload from", "simulator qps", "95 % interval", "qps a watt"], rows),
        "",
        f"speed-up        {'-' if gain is None else f'{gain:.3f}x'} over the static baseline",
        f"verdict         {result['verdict']['text']}",
        *(f"note            {note}" for note in result["notes"]),
        f"result          {out / 'result.json'} after {result['seconds']:.0f} s",
        f"report          {out / 'report.html'}",
    ]
    return "\n".join(lines)


def _offload(plan: Mapping[str, Any]) -> str:
    at = plan["stages"][0].get("offload_at")
    return "-" if at is None else str(at)


def _network(name: str) -> Network:
    if ":" in name or name.endswith(".onnx"):
        raise BadInputError(
            f"{name}: what it costs is not known without running it, so no device can be asked for it",
            hint=f"--host takes a network by name: {', '.join(zoo.names())}",
        )
    return zoo.get(name)


def _network_section(network: Network) -> dict[str, Any]:
    return {
        "executor": "computed from a roofline",
        "precision": "fp32",
        "tables": len(network.tables),
        "table_bytes": network.table_bytes,
        "row_scale": 1.0,
        "flops_per_item": network.flops_per_item,
        "bytes_per_item": network.embedding_bytes_per_item,
        "lookups_per_item": network.lookups_per_item,
        "notes": list(network.notes),
    }


def _host_section(host: Host, switches: Switches) -> dict[str, Any]:
    gpu = None if host.gpu is None else f"{host.gpus} x {host.gpu.part}"
    return {
        "name": host.name,
        "cpu": f"{host.cpu.part}{'' if gpu is None else f' with {gpu}'} (simulated)",
        "cores": host.cores,
        "gpu": gpu,
        "memory_gib": round(host.cpu.memory_bytes / 2**30, 1),
        "tdp_w": host.tdp_w,
        "idle_w": host.idle_w,
        "price_per_hour": host.price_per_hour,
        "switches": to_dict(switches),
        "device": "simulated",
    }


def _caveats(asked: Question, host: Host) -> list[str]:
    """Say what the rooflines lean on: what they say themselves, and numbers that are no one's specification."""
    largest = asked.workload.sizes.max_size
    said = [
        f"{each.device.name}: parameters of --fit ({each.fit.source})"
        for each in asked.services.values()
        if isinstance(each, Roofline) and each.fit is not None
    ]
    said += [note for each in asked.services.values() if isinstance(each, Roofline) for note in each.notes(largest)]
    if not isinstance(asked.workload.accesses, Uniform | Zipf):
        said.append("embedding accesses count as uniform: a roofline knows no others but Zipf's")
    devices: list[Device] = [each for each in (host.cpu, host.gpu) if each is not None]
    said += [f"estimated for {each.name}: {', '.join(each.estimated)}" for each in devices if each.estimated]
    return list(dict.fromkeys(said))


def _skewed(switches: Switches, workload: Workload) -> Switches:
    """Return the switches with the skew of the workload's accesses, where it has one."""
    return replace(switches, skew=workload.accesses.exponent) if isinstance(workload.accesses, Zipf) else switches


def _points(asked: Question) -> list[dict[str, Any]]:
    """Return the times of batches on the CPU, a worker alone and all busy; nothing was timed, so nothing varies."""
    workers = asked.pools["cpu"].workers
    mean_ns = asked.services["cpu"].table(SIZES[-1], workers).mean_ns
    return [
        {"items": items, "busy": busy, "mean_us": float(mean_ns[busy - 1, items]) / 1e3, "samples": 0}
        for busy in sorted({1, workers})
        for items in SIZES
    ]


def _operators(service: ServiceTime) -> list[dict[str, Any]]:
    if not isinstance(service, Roofline):
        return []
    return [{"items": items, "shares": dict(service.shares(items))} for items in BREAKDOWN]


def _gpu_section(asked: Question, search: Search, host: Host) -> dict[str, Any] | None:
    if host.gpu is None:
        return None
    service = asked.services["gpu"]
    transfers = []
    if isinstance(service, Roofline):
        transfers = [{"items": items, "transfer_share": service.transfer_share(items)} for items in BREAKDOWN]
    return {
        "device": f"{host.gpus} x {host.gpu.part}, simulated",
        "precision": "fp32",
        "workers": asked.pools["gpu"].workers,
        "pretend": False,
        "transfers": transfers,
        "offload": gained(search, asked.workload, asked.seed),
        "precision_effect": None,
        **compared(asked.services["cpu"], service, SIZES),
    }


def _power(asked: Question, candidate: Candidate, host: Host) -> dict[str, float | None]:
    """Return what the host draws at the plan's capacity, and queries a second and watt; null where it has none."""
    qps = candidate.capacity.qps
    if qps <= 0:
        return {"watts": None, "qps_per_watt": None}
    trace = asked.workload.trace(QUERIES, qps, asked.seed, replication=961)
    busy = asked.simulator(asked.seed).serve(trace, candidate.plan).meta
    watts = host.power_w(busy.get("utilisation.cpu", 0.0), busy.get("utilisation.gpu", 0.0))
    return {"watts": watts, "qps_per_watt": qps_per_watt(qps, watts)}


def _write(out: Path, result: dict[str, Any], plan: Plan, baseline: Plan) -> None:
    """Write the result directory, whole or not at all."""
    from tailrank import report

    with result_directory(out) as folder:
        write_json(folder / "result.json", result)
        dump(plan, folder / "plan.toml")
        dump(baseline, folder / "baseline.toml")
        report.write(folder)
