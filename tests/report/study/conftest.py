"""A small study in plain arithmetic: a document with every part, whose answers are known by construction."""

import copy
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest

NETWORKS = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
TARGETS = {"low": 0.5, "medium": 1.0, "high": 1.5}
HOSTS = {"broadwell-28c": 28, "skylake-40c": 40}
BATCHES = {"rmc1": 256, "rmc2": 256, "rmc3": 64, "ncf": 64, "wnd": 64, "mtwnd": 64, "din": 128, "dien": 128}
VOID = {"meta", "link", "br", "hr", "img", "input"}


def gain(scheduler: str, target: str) -> float:
    """Gains of the study: 1.6, 1.8 and 2.0 for the CPU; the GPU multiplies by 2.5 (more than tuning does)."""
    cpu = 1.4 + 0.4 * TARGETS[target]
    return {"static": 1.0, "cpu": cpu, "gpu": 2.5 * cpu}[scheduler]


def cell(network: str, target: str, host: str, scheduler: str) -> dict[str, Any]:
    qps = (1 + NETWORKS.index(network)) * 10.0 * HOSTS[host] * TARGETS[target] * gain(scheduler, target)
    watts = 250.0 if scheduler != "gpu" else 500.0
    share = 0.5 - 0.2 * TARGETS[target] if scheduler == "gpu" else 0.0
    batch = -(-1000 // HOSTS[host]) if scheduler == "static" else round(BATCHES[network] * (0.5 + TARGETS[target]))
    return {
        "network": network,
        "target": target,
        "host": host,
        "gpu": "gtx-1080ti" if scheduler == "gpu" else None,
        "scheduler": scheduler,
        "sla_ms": 100.0 * TARGETS[target],
        "capacity_qps": qps,
        "capacity_ci95_qps": [0.993 * qps, 1.007 * qps],
        "batch_size": batch,
        "offload_at": 192 if scheduler == "gpu" else None,
        "gpu_query_share": share / 2,
        "gpu_item_share": share,
        "qps_per_watt": qps / watts,
        "gain": gain(scheduler, target),
        "note": "",
    }


def curve(knob: str) -> list[dict[str, Any]]:
    """One peak each; over thresholds at 128 for half of the networks and at 256 for the others."""
    rows = []
    for host in HOSTS:
        for number, network in enumerate(NETWORKS):
            best = BATCHES[network] if knob == "batch_size" else (128, 256)[number % 2]
            for at in (16, 32, 64, 128, 256, 512, 1024):
                qps = 1000.0 / (1 + abs(at.bit_length() - best.bit_length()))
                rows.append(
                    {
                        "knob": knob,
                        "network": network,
                        "host": host,
                        "target": "medium",
                        "batch_size": 64,
                        "offload_at": 96,
                    }
                    | {"batch_size": 64, "offload_at": 96}
                    | {knob: at, "capacity_qps": qps, "ci95_qps": [0.99 * qps, 1.01 * qps]}
                )
    return rows


def evidence() -> dict[str, Any]:
    """Everything of `gather` in the right shape, with numbers that pass every check."""
    return {
        "devices": {"cpu": "skylake-40c", "gpu": "gtx-1080ti"},
        "networks": [
            {"network": name, "flops": 10.0**6, "random_reads": 10 * (1 + number)}
            for number, name in enumerate(NETWORKS)
        ],
        "others": [
            {"network": "ResNet-50", "flops": 8.2e9, "random_reads": 0, "source": "its paper"},
            {"network": "BERT-base, 128 tokens", "flops": 2.2e10, "random_reads": 128, "source": "its paper"},
        ],
        "roofline": roofline(),
        "speedup": [
            {"network": name, "items": items, "figure": speed * 1.1, "modelled": speed}
            for name in NETWORKS
            for items in (1, 4, 16, 64, 256, 1024)
            for speed in [(0.8 if name == "rmc3" else 0.3) * items ** (0.1 if name in ("rmc1", "rmc2") else 0.4)]
        ],
        "shares": [
            {"network": name, "device": device, "items": items, "modelled": parts, "figure": dict(parts)}
            for name in NETWORKS
            for device in ("cpu", "gpu")
            for items in (1, 16, 64, 1024)
            for parts in [shares(name, items)]
        ],
        "per_item": [
            {"network": name, "items": items, "us": us}
            for name in NETWORKS
            for items, us in ((10, 50.0), (100, 20.0), (1000, 40.0 if name == "rmc2" else 10.0))
        ],
        "transfer": [
            {"network": name, "items": 1000, "naive": 0.95 if name == "rmc2" else 0.6, "better": 0.1}
            for name in NETWORKS
        ],
        "knees": [{"change": "Half the SIMD width", "network": name, "before": 64, "after": 32} for name in NETWORKS],
        "headroom": [{"host": host, "network": name, "batch": 25, "gain": 1.5} for host in HOSTS for name in NETWORKS],
        "fits": [
            {"device": "t4", "network": "ncf-artifact", "quantity": "total_ms", "points": 3}
            | {"median_error": 0.05, "worst_error": 0.1}
        ],
        "reuse": {
            "traces": [
                {
                    "trace": "a service",
                    "accesses": 1000,
                    "rows": 100,
                    "curve": [[0.01, 0.35], [0.03, 0.45], [0.1, 0.61]],
                }
            ]
        },
        "synthetic_reuse": [
            {"accesses": "uniform accesses", "new": None, "hit_rate": 0.002},
            {"accesses": "stack-distance accesses", "new": 0.14, "hit_rate": 0.7},
            {"accesses": "stack-distance accesses", "new": 0.71, "hit_rate": 0.2},
        ],
        "sizes": [
            {"law": "production", "mean": 239.0, "p75": 241, "above_p75": 0.515},
            {"law": "mlperf", "mean": 270.0, "p75": 300, "above_p75": 0.407},
            {"law": "lognormal", "mean": 167.0, "p75": 188, "above_p75": 0.32},
        ],
        "gaps": [
            {"kind": kind, "mean_gap_ms": ms, "cv": 1.0 if kind == "poisson" else ms**-0.5, "ks_p": 0.5, "gaps": 1000}
            for kind in ("poisson", "paper")
            for ms in (1.0, 5.0)
        ],
        "climb": {
            "listed": [96, 128],
            "measured": [96, 128],
            "without_measured": True,
            "first_best": 96,
            "useless_gpu": None,
        },
    }


def shares(name: str, items: int) -> dict[str, float]:
    lookup = {"rmc1": 0.3 if items == 1 else 0.8, "rmc2": 0.9}.get(name, 0.02)
    recurrent = 0.95 - items / 3000 if name == "dien" else 0.0
    return {"lookup": lookup, "recurrent": recurrent, "fc": 1 - lookup - recurrent - 0.01, "other": 0.01}


def roofline() -> dict[str, Any]:
    rows = []
    for name in (*NETWORKS, "ResNet-50", "BERT-base, 128 tokens"):
        other = name not in NETWORKS
        for batch in (1, 64, 1024):
            flops = 50.0 if other else 0.5 * (2 if name in ("rmc1", "rmc2") else batch)
            rows.append(
                {"network": name, "kind": "other" if other else "recommender", "batch": batch, "flops_per_byte": flops}
                | {"bound_gflops": min(5000.0, 170.0 * flops)}
            )
    return {"device": "skylake-40c", "peak_gflops": 5000.0, "dram_gbps": 170.0, "points": rows}


def penalty(network: str, target: str) -> dict[str, Any]:
    factor = 1.0 + 0.2 * TARGETS[target]
    return {
        "network": network,
        "target": target,
        "host": "skylake-40c",
        "lognormal_batch_size": 64,
        "production_batch_size": 128,
        "lognormal_capacity_qps": 100.0,
        "capacity_qps": 100.0 * factor,
        "penalty": factor,
    }


def build() -> dict[str, Any]:
    keys = [(n, t, h, s) for n in NETWORKS for t in TARGETS for h in HOSTS for s in ("static", "cpu", "gpu")]
    return {
        "schema": 1,
        "command": "tailrank reproduce deeprecsys --seed 1",
        "seed": 1,
        "versions": {"tailrank": "0.1.0"},
        "made_at": "2026-01-05T10:00:00Z",
        "seconds": 48.2,
        "cells": [cell(*key) for key in keys],
        "geomean_gain": {
            host: {each: {target: gain(each, target) for target in TARGETS} for each in ("cpu", "gpu")}
            for host in HOSTS
        },
        "curves": {knob: curve(knob) for knob in ("batch_size", "offload_at")},
        "penalty": [penalty(network, target) for network in NETWORKS for target in TARGETS],
        "poisson": [
            {"network": network, "target": "medium", "host": "skylake-40c", "exact_qps": 100.0}
            | {"integer_qps": 100.0 + number, "ratio": 1 + number / 100}
            for number, network in enumerate(NETWORKS)
        ],
        "readings": [
            {"name": "as calibrated", "assumption": "40 cores", "host": "skylake-40c", "gpu": "gtx-1080ti"}
            | {"gain": {"low": 1.7, "medium": 1.8, "high": 2.0}, "over_cpu": {"medium": 1.05}},
            {"name": "H100, fused", "assumption": "a current GPU", "host": "skylake-40c", "gpu": "h100"}
            | {"gain": {"medium": 4.9}, "over_cpu": {"medium": 2.7}},
        ],
        "claims": [{"text": "tuned is never below static", "holds": True, "ours": "48 of 48 cells"}],
        "repeats": [{"network": "rmc1", "host": "skylake-40c", "target": "medium", "steps": 0.58}],
        "regret": [
            {"network": "rmc1", "target": "medium", "host": "skylake-40c", "scheduler": "cpu", "climb_qps": 99.0}
            | {"best_qps": 99.5, "regret": 0.005, "evaluations": 20, "exhaustive": 20, "fresh": None}
            | {"climb_batch_size": 64, "climb_offload_at": None, "best_batch_size": 64, "best_offload_at": None},
            {"network": "wnd", "target": "low", "host": "skylake-40c", "scheduler": "gpu", "climb_qps": 95.0}
            | {
                "best_qps": 100.0,
                "regret": 0.05,
                "before_joint": 0.08,
                "evaluations": 33,
                "exhaustive": 660,
                "fresh": [0.97, 0.95, 0.99],
            }
            | {"climb_batch_size": 64, "climb_offload_at": 512, "best_batch_size": 96, "best_offload_at": 544},
        ],
        "fidelity": {
            "absent": None,
            "workers": 2,
            "others": 0.02,
            "left_out": ["wnd"],
            "seconds": 5.0,
            "rows": [
                {"network": "ncf", "load": load, "offered_qps": 1000.0, "queries": 800, "engine_ms": 12.0}
                | {"own_times_ms": 12.0 / (1 + load / 10), "profiled_ms": 10.0, "drift": 1.0}
                for load in (0.5, 0.7, 0.85)
            ],
        },
        "evidence": evidence(),
        "checks": [
            {"id": number, "text": f"check {number}", "tag": "D", "holds": number % 3 != 0, "ours": f"number {number}"}
            for number in range(1, 18)
        ],
    }


class Page(NamedTuple):
    """What a browser would see of a page."""

    text: str
    charts: list[str]
    tags: set[str]
    unclosed: list[str]
    fetched: list[str]


class Reader(HTMLParser):
    """Collects what `Page` holds."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.page = Page("", [], set(), self.open, [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.page.tags.add(tag)
        if named.get("class") == "chart":
            self.page.charts.append(named["id"] or "")
        links = (named.get(name) or "" for name in ("src", "href", "action", "srcset", "poster"))
        self.page.fetched.extend(link for link in links if link and not link.startswith(("data:", "#")))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


def read(text: str) -> Page:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.page._replace(text=" ".join(" ".join(reader.words).split()))


@pytest.fixture(scope="session")
def built() -> dict[str, Any]:
    return build()


@pytest.fixture
def document(built: dict[str, Any]) -> dict[str, Any]:
    """A full document that the test may change."""
    return copy.deepcopy(built)


@pytest.fixture(scope="session")
def seen() -> Callable[[str], Page]:
    """What a browser would see of a page."""
    return read
