"""What the study asks beside the paper's cells: under which reading does a GPU add what the paper says it adds?

The public figure has a 1080 Ti worth one to five *single* cores at batch 1,024. That cannot add a factor of two to
forty cores. Each reading here changes one assumption, named in words, and says what the same search then finds.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from tailrank.tuner.study import Column, ColumnResult, Effort, StudyTarget, geomean

__all__ = ["HOSTS", "NETWORKS", "QUICK", "READINGS", "SKYLAKE", "Reading", "columns", "readings", "repeats"]

NETWORKS = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
SKYLAKE = "skylake-40c"
HOSTS = ("broadwell-28c", SKYLAKE)
PAPERS_GPU = "gtx-1080ti"
MEDIUM = (StudyTarget(name="medium", factor=1.0),)
TIGHT = (StudyTarget(name="tight", factor=1.2, of="unloaded"),)
MODERN = ("fused_lookup", "pinned", "int32_ids", "overlap")
BROAD = Effort(queries=8_000, most_queries=30_000, replications=4, most_replications=8, precision=0.04)
QUICK = Effort(
    queries=2_000,
    most_queries=4_000,
    race_queries=1_000,
    targets=12.0,
    race_targets=12.0,
    replications=3,
    most_replications=3,
    precision=1.0,
    tolerance=0.02,
)
SLOW, SEED = "a GPU a hundred times slower", "another seed"


class Reading(NamedTuple):
    """One assumption about the GPU: `key` names its columns, and `column` is one of them without its network."""

    key: str
    assumption: str
    column: Column


def _column(**changes: Any) -> Column:
    return replace(Column(network="", host=SKYLAKE, gpu=PAPERS_GPU, targets=MEDIUM, effort=BROAD), **changes)


READINGS = (
    *(
        Reading(
            f"{cores} cores",
            f"the host has {cores} cores of Skylake beside the same GPU, and the static baseline is that host's",
            _column(host=f"{SKYLAKE}:cores={cores}"),
        )
        for cores in (16, 8, 4)
    ),
    Reading(
        "tail only",
        "the target is 1.2 times the static baseline's p95 with no load at all, so that nothing may wait",
        _column(targets=TIGHT),
    ),
    Reading(
        "against the whole CPU",
        "the figure's ratio of GPU to CPU is against all 40 cores together, not against one worker",
        _column(gpu_slower=1 / 40),
    ),
    Reading(
        "pinned inputs",
        "inputs are handed over ready, by CPU and GPU alike; lookups as in the paper's system",
        _column(switches=("pinned",)),
    ),
    Reading(
        "fused on the same GPU",
        "lookups of all tables in one kernel; inputs pinned, int32, and copied while the GPU computes; the CPU's, too",
        _column(switches=MODERN, gpu_workers=2),
    ),
    Reading(
        "A100, fused",
        "a current GPU with fused lookups and overlapped copies; the CPU's inputs are ready, too",
        _column(gpu="a100", switches=MODERN, gpu_workers=2),
    ),
    Reading(
        "H100, fused",
        "a current GPU with fused lookups and overlapped copies; the CPU's inputs are ready, too",
        _column(gpu="h100", switches=MODERN, gpu_workers=2),
    ),
)


def columns(
    networks: Sequence[str] = NETWORKS, *, seed: int, hosts: Sequence[str] = HOSTS, effort: Effort | None = None
) -> list[Column]:
    """Return every column of the study, the longest first; `effort` replaces all of theirs."""
    main = [
        Column(
            network=network,
            host=host,
            gpu=PAPERS_GPU,
            extras=("curves", "lognormal", "arrivals", "regret") if host == SKYLAKE else ("regret",),
        )
        for host in reversed(hosts)
        for network in networks
    ]
    beside = [
        replace(reading.column, network=network, reading=reading.key) for reading in READINGS for network in networks
    ]
    slow = [_column(network=network, gpu_slower=100.0, reading=SLOW) for network in networks]
    again = [_column(network=network, gpu="", reading=SEED) for network in networks]
    found = [replace(each, seed=seed) for each in (*main, *beside, *slow)]
    found += [replace(each, seed=seed + 1000) for each in again]
    return found if effort is None else [replace(each, effort=effort) for each in found]


def readings(results: Iterable[ColumnResult]) -> list[dict[str, Any]]:
    """Return one row for the paper's GPU as calibrated, and one for every reading.

    {name, assumption, host, gpu, switches, gain: {target: geometric mean over static}, over_cpu: {target: the same over
    the CPU-only plan}, networks: {network: {target: gain}}, of: {target: networks with a gain}}.
    """
    found = list(results)
    main = [each for each in found if each.column.reading == "" and each.column.host == SKYLAKE]
    rows = [_row("as calibrated", "a 1080 Ti fitted to the public figure's ratios to one core, beside 40 cores", main)]
    rows += [
        _row(each.key, each.assumption, [result for result in found if result.column.reading == each.key])
        for each in READINGS
    ]
    return [row for row in rows if row["networks"]]


def _row(name: str, assumption: str, results: Sequence[ColumnResult]) -> dict[str, Any]:
    gain: dict[str, list[float]] = {}
    over: dict[str, list[float]] = {}
    networks: dict[str, dict[str, float]] = {}
    for result in results:
        cpu = {cell.target: cell.capacity_qps for cell in result.cells if cell.scheduler == "cpu"}
        for cell in result.cells:
            if cell.scheduler == "gpu" and cell.gain is not None:
                gain.setdefault(cell.target, []).append(cell.gain)
                over.setdefault(cell.target, []).append(cell.capacity_qps / cpu[cell.target])
                networks.setdefault(result.column.network, {})[cell.target] = cell.gain
    column = results[0].column if results else Column(network="", host="")
    return {
        "name": name,
        "assumption": assumption,
        "host": column.host,
        "gpu": column.gpu,
        "switches": list(column.switches),
        "gain": {target: geomean(each) for target, each in gain.items()},
        "over_cpu": {target: geomean(each) for target, each in over.items()},
        "networks": networks,
        "of": {target: len(each) for target, each in gain.items()},
    }


def repeats(results: Sequence[ColumnResult]) -> list[dict[str, Any]]:
    """Return how far the batch size tuned with another seed is from the study's, in doublings."""
    sizes = {
        (cell.network, cell.host, cell.target): cell.batch_size
        for result in results
        if result.column.reading == ""
        for cell in result.cells
        if cell.scheduler == "cpu"
    }
    rows = []
    for result in results:
        for cell in result.cells:
            key = cell.network, cell.host, cell.target
            if result.column.reading == SEED and cell.scheduler == "cpu" and key in sizes:
                steps = abs(math.log2(cell.batch_size / sizes[key]))
                rows.append(
                    {
                        "network": cell.network,
                        "host": cell.host,
                        "target": cell.target,
                        "batch_size": sizes[key],
                        "other_batch_size": cell.batch_size,
                        "steps": steps,
                    }
                )
    return rows
