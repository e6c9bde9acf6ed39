"""The checks that a faithful re-implementation of RecPipe's accelerator passes or fails, each with our number.

A: formulas, exact. B: statistical, by simulation. C: orderings. D: what the original lacks. `holds` is None where a
check reports a finding and nothing can fail. What depends on parts that are not there is said to be absent.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tailrank import zoo
from tailrank.accelerator import evaluate
from tailrank.metrics.relevance import ndcg_all_relevant
from tailrank.tuner.rpaccel import findings
from tailrank.tuner.rpaccel.configurations import NETWORKS, funnel
from tailrank.tuner.rpaccel.ideas import THROUGHPUT_POINT
from tailrank.tuner.rpaccel.published import artifact_values

__all__ = ["check"]

Found = tuple[bool | None, str]
Parts = Mapping[str, Any]
PRINTED = 1e-9  # of values known to ten digits
FLOPS = {"rm-small": 1_152, "rm-med": 1_920, "rm-large": 180_832}
TABLES_GB = {"rm-small": 0.540, "rm-med": 2.161, "rm-large": 4.322}
CAPACITIES = {(1,): 478, (1, 1): 1_182, (4, 4): 2_389, (16, 16): 3_428, (4, 4, 4): 1_795, (16, 16, 16): 4_299}


@dataclass(frozen=True)
class Check:
    """`find` is given the parts of the study."""

    name: str
    text: str
    find: Callable[[Parts], Found]


def check(parts: Parts) -> list[dict[str, Any]]:
    """Return {id, text, holds, ours} of every check, in order."""
    rows = []
    for each in CHECKS:
        holds, ours = each.find(parts)
        rows.append({"id": each.name, "text": each.text, "holds": holds, "ours": ours})
    return rows


def _stage_latencies(_parts: Parts) -> Found:
    off = []
    for row in artifact_values().stage:
        for load, ms in row.ms.items():
            network, items = load.split(":")
            design = funnel((row.slices,), "released", items=(int(items),), networks=(network,))
            off.append(abs(evaluate(design).latency_ns / 1e6 - ms))
    exact = evaluate(funnel((1,), "released")).latency_ns / 1e6
    two = evaluate(funnel(THROUGHPUT_POINT, "released")).latency_ns / 1e6
    printed = math.isclose(exact, 2.0907438257, rel_tol=PRINTED) and math.isclose(two, 1.3943896222, rel_tol=PRINTED)
    return max(off) < 5.1e-5 and printed, f"{len(off)} stages, none off by more than {max(off):.1e} ms (rounding)"


def _terms(_parts: Parts) -> Found:
    off = []
    for row in artifact_values().terms:
        cycles = evaluate(funnel((1,), "released", networks=(row.network,))).stages[0].cycles
        known = {"link_in": row.link_in, "gather": row.gather, "filter": row.filter, "link_out": row.link_out}
        off += [abs(getattr(cycles, name) - value) for name, value in known.items()]
        off.append(abs(cycles.load + cycles.compute - row.bottom - row.top))
    return max(off) < 0.11, f"link, gather, MLPs and filter of 3 networks, none off by more than {max(off):.2f} cycles"


def _ratios(parts: Parts) -> Found:
    found = {row["name"]: row["released"] for row in parts["claims"]}
    known = {"latency": 2.93, "O1": 2.47, "O2": 1.55, "O3": 2.02, "throughput": 5.93}
    ratios = all(round(found[name], 2) == value for name, value in known.items())
    capacities = {slices: evaluate(funnel(slices, "released")).capacity_qps for slices in CAPACITIES}
    right = all(abs(capacities[slices] - qps) < 1 for slices, qps in CAPACITIES.items())
    words = ", ".join(f"{name} {found[name]:.2f}" for name in known)
    return ratios and right, f"{words}; capacities {', '.join(f'{qps:,.0f}' for qps in capacities.values())} q/s"


def _cycles(parts: Parts) -> Found:
    known = [row for row in parts["fig10a"] if row["artifact_cycles"] is not None]
    cycles = sum(row["cycles"] == row["artifact_cycles"] for row in known)
    share = max(abs(row["utilisation"] - row["artifact_utilisation"]) for row in known)
    words = f"{cycles} of {len(known)} cycle counts equal, utilisation off by at most {100 * share:.3f} points"
    return cycles == len(known) and share < 1e-4, words


def _silicon(parts: Parts) -> Found:
    ours, theirs = parts["fig11"], artifact_values().silicon
    off = max(
        abs(ours[name][block] / value - 1) for name in ours for block, value in getattr(theirs, name).items() if value
    )
    area = ours["rpaccel_mm2"]["total"] / ours["baseline_mm2"]["total"] - 1
    power = ours["rpaccel_mw"]["total"] / ours["baseline_mw"]["total"] - 1
    return off < 1.5e-3, f"area +{100 * area:.2f} %, power +{100 * power:.2f} %; no block off by more than {off:.1e}"


def _sizes(_parts: Parts) -> Found:
    listed = {}
    for name in NETWORKS:
        chains = {each.name: each.widths for each in zoo.get(name).chains}
        widths = (chains["bottom"], chains["top"][1:])
        listed[name] = sum(a * b for row in widths for a, b in pairwise(row))
    tables = {name: zoo.get(name).table_bytes / 1e9 for name in NETWORKS}
    holds = listed == FLOPS and all(round(tables[name], 3) == value for name, value in TABLES_GB.items())
    words = ", ".join(f"{listed[name]:,} and {tables[name]:.3f} GB" for name in NETWORKS)
    return holds, f"{words}; the Pareto front of figure 2 needs the artifact's 350 training logs and is not redone"


def _ndcg(_parts: Parts) -> Found:
    found = [
        float(ndcg_all_relevant(np.array(labels), np.array([3.0, 2.0, 1.0]), 3)) for labels in ([1, 0, 1], [1, 1, 1])
    ]
    return round(found[0], 4) == 0.7039 and math.isclose(found[1], 1.0), f"{found[0]:.4f} and {found[1]:.4f}"


CHECKS: Sequence[Check] = (
    Check("A1", "released: the 28 stage latencies of the artifact, and two of them to ten digits", _stage_latencies),
    Check("A2", "released: cycles of the undivided array by what they go to", _terms),
    Check("A3", "released: ratios 2.93, 2.47, 1.55, 2.02, 5.93 and six capacities", _ratios),
    Check("A4", "cycles and utilisation of figure 10a", _cycles),
    Check("A5", "area 26.517 to 28.550 mm2, power 3,653 to 4,655 mW, block by block", _silicon),
    Check("A6", "multiplies of the listed layers 1,152, 1,920, 180,832; tables .540, 2.161, 4.322 GB", _sizes),
    Check("A7", "NDCG of ranked labels 1,0,1 is 0.7039, of ones 1 (ideal: all relevant)", _ndcg),
    Check("B8", "one stage is unstable from 500 q/s; all two-stage {4, 16} are stable at 2,000", findings.stability),
    Check("B9", "logged p95 lies above that of the noise-free simulation", findings.emulation),
    Check("C10", "quality rises with items and network; items matter far more", findings.quality),
    Check("C11", "larger arrays: fewer cycles, lower utilisation; the small network under 15 %", findings.arrays),
    Check("C12", "low load: (4, 4); high load: (4, 16) and (16, 4, 16)", findings.configurations),
    Check("C13", "RPAccel 8 times below the GPU and 21 times below the CPU at low load", findings.devices),
    Check("C14", "three times the items: two stages 1.7 times the p95, one stage 4.3 times", findings.more_items),
    Check("C15", "the best share of cache for stage 1 moves from 0.3 to 0.7 as fewer items are kept", findings.caches),
    Check("C16", "overheads: activation SRAM above muxes and accumulators above filters", findings.overheads),
    Check("D1", "the effect of correcting link, filter, widths and bandwidth of 1/64", findings.corrections),
    Check("D2", "sub-batches shorten a query most with resident weights and look-ahead, at 2 to 4", findings.parts),
    Check("D3", "one stage of RM_med misses the quality floor by 0.03 points; its latency", findings.medium),
    Check("D4", "binned top-k loses little quality against exact", findings.binned),
    Check("D5", "p99 under exact Poisson arrivals", findings.poisson),
    Check("D6", "unequal sub-arrays and shares, found by search: both factors in one design", findings.search),
)
