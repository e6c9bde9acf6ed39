"""What the study says without a search: work and memory of each network, operators, sizes, arrivals, reuse.

Service times are the calibrated rooflines of the paper's devices; all else follows from the zoo and the workload.
"""

from typing import Any

import numpy as np

from tailrank.report.study import services
from tailrank.report.study.locality import real_reuse, synthetic_reuse
from tailrank.report.study.others import others
from tailrank.report.study.paper import NETWORKS
from tailrank.report.study.plants import climbs
from tailrank.timing.device import Device, device
from tailrank.timing.work import intensity
from tailrank.workload import LogNormal, MLPerf, Paper, Poisson, Production, Workload, gap_check
from tailrank.zoo import Network, get

__all__ = ["gather"]

BATCHES = (1, 64, 1024)
GAPS_MS, GAPS = (1.0, 2.0, 5.0, 10.0, 20.0), 100_000

Rows = list[dict[str, Any]]


def gather(seed: int) -> dict[str, Any]:
    """Return the document's `evidence`: plain numbers and lists, the same for the same seed.

    Reads the real access traces where `TAILRANK_DATA` names their folder.
    """
    return {
        "devices": {"cpu": services.CPU, "gpu": services.GPU},
        "networks": [_network(get(name)) for name in NETWORKS],
        "others": [
            {"network": each.name, "flops": each.flops, "random_reads": each.random_reads, "source": each.source}
            for each in others()
        ],
        "roofline": _roofline(device(services.CPU)),
        "speedup": services.speedups(),
        "shares": services.shares(),
        "per_item": services.per_item(),
        "transfer": services.transfers(),
        "knees": services.knees(device(services.CPU)),
        "headroom": services.headroom(),
        "fits": services.fits(),
        "reuse": real_reuse(),
        "synthetic_reuse": synthetic_reuse(seed),
        "sizes": _sizes(),
        "gaps": _gaps(seed),
        "climb": climbs(),
    }


def _network(network: Network) -> dict[str, Any]:
    return {
        "network": network.name,
        "flops": network.flops_per_item,
        "random_reads": network.lookups_per_item,
        "embedding_bytes": network.embedding_bytes_per_item,
        "weight_bytes": 4 * network.fc_parameters,
        "table_bytes": network.table_bytes,
    }


def _roofline(on: Device) -> dict[str, Any]:
    """Return what `on` allows every network at every batch."""
    points: list[tuple[str, str, int, float]] = []
    points += [(name, "recommender", batch, intensity(get(name), batch)) for name in NETWORKS for batch in BATCHES]
    points += [(each.name, "other", batch, each.intensity(batch)) for each in others() for batch in BATCHES]
    return {
        "device": on.name,
        "peak_gflops": on.peak_fp32_gflops,
        "dram_gbps": on.dram_gbps,
        "flops_in_a_miss": on.core_fp32_gflops * on.dram_latency_ns,
        "points": [
            {
                "network": name,
                "kind": kind,
                "batch": batch,
                "flops_per_byte": flops,
                "bound_gflops": min(on.peak_fp32_gflops, flops * on.dram_gbps),
            }
            for name, kind, batch, flops in points
        ],
    }


def _sizes() -> Rows:
    """Return each law's mean and the share of items in queries above its 75th percentile."""
    laws = (("production", Production()), ("mlperf", MLPerf()), ("lognormal", LogNormal()))
    rows = []
    for name, law in laws:
        chances = law.probabilities()
        items = chances * np.arange(len(chances))
        p75 = int(np.searchsorted(np.cumsum(chances), 0.75 - 1e-12))
        rows.append(
            {
                "law": name,
                "mean": float(items.sum()),
                "p75": p75,
                "above_p75": float(items[p75 + 1 :].sum() / items.sum()),
            }
        )
    return rows


def _gaps(seed: int) -> Rows:
    """Return the check of gaps at several rates: exact Poisson, and the artifact's integer Poisson."""
    rows = []
    for kind, arrivals in (("poisson", Poisson()), ("paper", Paper())):
        for number, mean_ms in enumerate(GAPS_MS):
            trace = Workload(arrivals=arrivals).trace(GAPS, 1e3 / mean_ms, seed, replication=number)
            found = gap_check(trace, 1e3 / mean_ms)
            rows.append({"kind": kind, "mean_gap_ms": mean_ms, "cv": found.cv, "ks_p": found.ks_p, "gaps": found.gaps})
    return rows
