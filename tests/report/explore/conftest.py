"""A small exploration in plain arithmetic: a document with every part, whose answers are known by construction."""

import copy
import math
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, NamedTuple

import pytest

NETWORKS = {"tiny": 0.1, "small": 0.4, "large": 1.6}  # microseconds an item
REACH = {"tiny": 0.30, "small": 0.36, "large": 0.40}  # quality of a network on all items
ITEMS, KEEP, RESULTS, LOAD = 4000, (64, 128, 256, 512, 1024), 64, 200.0
VOID = {"meta", "link", "br", "hr", "img", "input"}


def quality(networks: tuple[str, ...], items: tuple[int, ...]) -> float:
    """Of the last network on what reaches it: the more items, the better."""
    last = REACH[networks[-1]]
    if len(networks) > 1:
        last -= 0.4 / items[-1]
    return last * items[0] / ITEMS


def point(networks: tuple[str, ...], items: tuple[int, ...], *, repeated: bool = False) -> dict[str, Any]:
    """A plan on two shared workers, as the document holds it."""
    work_ms = sum(NETWORKS[name] * entering for name, entering in zip(networks, items, strict=True)) / 1e3
    qps = 2000.0 / work_ms
    found = quality(networks, items)
    keep = (*items[1:], RESULTS)
    stages = [{"model": name, "batch_size": 128, "keep": out} for name, out in zip(networks, keep, strict=True)]
    return {
        "plan": {"stages": stages, "pools": {"cpu": {"workers": 2}}, "take": items[0]},
        "stages": len(networks),
        "networks": list(networks),
        "items": list(items),
        "batch_sizes": [128] * len(networks),
        "pools": ["cpu"] * len(networks),
        "sharing": "shared",
        "feed": "whole",
        "quality": found,
        "quality_ci95": [found - 0.01, found + 0.012],
        "p95_ms": work_ms / max(1 - LOAD / qps, 0.1),
        "capacity_qps": qps,
        "capacity_ci95_qps": [0.99 * qps, 1.01 * qps] if repeated else [0.0, None],
        "bound_qps": 1.1 * qps,
        "cost_per_million": None,
        "energy_j": None,
    }


def stages(row: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for number, (name, items) in enumerate(zip(row["networks"], row["items"], strict=True)):
        work_ms = NETWORKS[name] * items / 1e3
        until = tuple(row["networks"][: number + 1]), tuple(row["items"][: number + 1])
        found.append(
            {"network": name, "items": items, "batch_size": 128, "workers": 2, "pool": "cpu", "work_ms": work_ms}
            | {"idle_ms": 0.5 * work_ms, "quality": quality(*until)}
        )
    return found


def served(row: dict[str, Any], share: float) -> dict[str, Any]:
    qps = share * row["capacity_qps"]
    return {
        "plan": row["plan"],
        "stages": row["stages"],
        "quality": row["quality"] + 0.002,
        "quality_ci95": [row["quality"] - 0.02, row["quality"] + 0.021],
        "quality_offline_same_queries": row["quality"] + 0.002,
        "largest_quality_gap": 1e-16,
        "queries": 300,
        "answers": 5000,
        "answers_equal": 5000,
        "p95_ms": 1.2 * row["p95_ms"],
        "p95_ms_runs": [1.1 * row["p95_ms"], 1.2 * row["p95_ms"], 1.5 * row["p95_ms"]],
        "capacity_qps": qps,
        "capacity_bracket_qps": [0.98 * qps, 1.02 * qps],
        "capacity_simulated_qps": row["capacity_qps"],
        "sim_error_pct": 100 * (1 / share - 1),
    }


def curve(networks: tuple[str, ...]) -> dict[str, Any]:
    items = [round(64 * 1.07**step) for step in range(62) if 64 * 1.07**step <= ITEMS] + [ITEMS]
    before = (ITEMS,) * (len(networks) - 1)
    found = [quality(networks, (*before, each)) for each in items]
    bounds = [[each - 0.01, each + 0.01] if not number % 4 else None for number, each in enumerate(found)]
    return {"networks": list(networks), "items": items, "quality": found, "quality_ci95": bounds}


def build() -> dict[str, Any]:
    chains = [("tiny", "small"), ("tiny", "large"), ("small", "large")]
    two = [point(chain, (ITEMS, keep)) for chain in chains for keep in KEEP]
    three = [point(("tiny", "small", "large"), (ITEMS, keep, 64)) for keep in KEEP[1:]]
    one = [point((name,), (items,)) for name in NETWORKS for items in (ITEMS // 2, ITEMS)]
    every = [*one, *two, *three]
    floor = 0.995 * REACH["large"]
    within = [row for row in every if row["quality"] >= floor]
    front = [row for row in every if not any(beats(other, row) for other in every)]
    chosen = max(within, key=lambda row: row["capacity_qps"])
    single = max((row for row in within if row["stages"] == 1), key=lambda row: row["capacity_qps"])
    chosen = point(tuple(chosen["networks"]), tuple(chosen["items"]), repeated=True)
    single = point(tuple(single["networks"]), tuple(single["items"]), repeated=True)
    engine = {"load_qps": LOAD, "chosen": served(chosen, 0.9), "best_single_stage": served(single, 0.95)}
    engine["quality_difference"] = {"mean": -0.001, "ci95": [-0.004, 0.002], "queries": 300}
    engine["runs"] = [
        {"plan": plan, "purpose": purpose, "offered_qps": LOAD, "queries": 800, "met": True, "p95_ms": 12.0}
        for purpose in ("probe", "load")
        for plan in ("chosen", "best_single_stage")
    ]
    by_stages = {count: [row for row in within if row["stages"] == count] for count in (1, 2, 3)}
    return {
        "schema": 1,
        "kind": "explore",
        "command": "tailrank explore --seed 1 --data synthetic",
        "made_at": "2026-01-05T10:00:00Z",
        "seed": 1,
        "seconds": 300.0,
        "seconds_by_step": {"training tiny": 60.0, "exploring": 40.0},
        "versions": {"tailrank": "0.1.0", "numpy": "2.4.6"},
        "host": {"cpu": "A processor", "cores": 2, "os": "Linux"},
        "data": {"data": "synthetic", "candidates_per_query": ITEMS, "relevance": "graded", "tiny": False, "parts": []},
        "training": {
            name: {"steps": 100, "hold_out": [[50, -0.6], [100, -0.5]], "seconds": 60.0, "flops_per_item": 1000}
            | {"lookups_per_item": 26, "table_bytes": 1 << 20}
            for name in NETWORKS
        },
        "metric": "ndcg@64",
        "queries": 1000,
        "sla": {"percentile": 95.0, "latency_ms": 50.0},
        "quality_drop": 0.005,
        "objectives": ["quality", "p95", "capacity"],
        "space": {"networks": list(NETWORKS), "stages": [1, 2, 3], "take": [ITEMS], "pools": {"cpu": {"workers": 2}}},
        "load_qps": LOAD,
        "funnels_evaluated": 5000,
        "funnels_per_second": 12000.0,
        "plans": {"plans": 9000, "arithmetic_s": 0.5, "simulated": len(every), "simulator_runs": 300, "below": 10}
        | {"late": 3, "outranked": 7000, "ruled_out": 900, "given_up": 4, "not_reached": 2},
        "reference": {"networks": ["large"], "items": [ITEMS], "quality": REACH["large"], "floor": floor},
        "front": [row | {"reason": "highest quality of all"} for row in front],
        "knee": front[len(front) // 2],
        "best_single_stage": single,
        "chosen": chosen,
        "quality_difference": {"mean": chosen["quality"] - single["quality"], "ci95": [-0.003, 0.001]},
        "predicted_ratio_capacity": chosen["capacity_qps"] / single["capacity_qps"],
        "predicted_ratio_p95": single["p95_ms"] / chosen["p95_ms"],
        "iso_quality": {
            str(count): {
                "capacity": max(rows, key=lambda row: row["capacity_qps"]),
                "latency": min(rows, key=lambda row: row["p95_ms"]),
            }
            for count, rows in by_stages.items()
            if rows
        },
        "iso_load": {"1": {"quality": single}, "2": {"quality": chosen}},
        "iso_latency": {"1": {"quality": single, "capacity": single}, "2": {"quality": chosen, "capacity": chosen}},
        "curves": [curve(each) for each in (*((name,) for name in NETWORKS), *chains)],
        "funnel": [stages(chosen), stages(single)],
        "scatter": [
            {key: row[key] for key in ("stages", "quality", "capacity_qps", "p95_ms")} | {"funnel": "a funnel"}
            for row in every
        ],
        "serving": {
            "executors": {"tiny": {"executor": "native", "precision": "fp32"}},
            "served_by": {"cpu": "threads"},
        },
        "engine": engine,
        "ratio_capacity": engine["chosen"]["capacity_qps"] / engine["best_single_stage"]["capacity_qps"],
        "ratio_p95": engine["best_single_stage"]["p95_ms"] / engine["chosen"]["p95_ms"],
        "notes": ["something limits the answer"],
    }


def beats(one: dict[str, Any], other: dict[str, Any]) -> bool:
    mine, theirs = ([row["quality"], row["capacity_qps"], -row["p95_ms"]] for row in (one, other))
    return all(map(math.isfinite, mine)) and all(a >= b for a, b in zip(mine, theirs, strict=True)) and mine != theirs


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
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.page.tags.add(tag)
        if named.get("class") == "chart":
            self.page.charts.append(named["id"] or "")
        links = (named.get(name) or "" for name in ("src", "href", "action", "srcset", "poster"))
        self.page.fetched.extend(link for link in links if link and not link.startswith(("data:", "#")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


def read(text: str) -> Page:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.page._replace(text=" ".join(" ".join(reader.words).replace("\N{NO-BREAK SPACE}", " ").split()))


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
