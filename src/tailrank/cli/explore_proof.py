"""The proof of an exploration: the chosen funnel and the best single stage on the engine, serving the data's queries.

Probes of the two take turns, so that drift of the machine hits both alike. Every answer is compared with the funnel
computed from score tables: the same candidates in the same order, or the quality found offline is not what was served.
"""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tailrank.cli.explore_machine import Served
from tailrank.cli.explore_question import Question
from tailrank.cli.explore_steps import Steps
from tailrank.cli.explore_tiers import K
from tailrank.core import Records
from tailrank.engine import Answer
from tailrank.metrics import WARMUP, meets
from tailrank.tuner import Bracket, ProbeSearch, tail_ms
from tailrank.tuner.explore import LOAD, Explored, Point

__all__ = ["EngineRun", "Proof", "prove"]

PROBES, REACH = 5, 4  # of each plan; and more for a capacity that the first did not bracket
PROBE_S, QUICK_PROBE_S = 4.0, 1.5
PROBE_TARGETS = 20  # a probe lasts at least so many target latencies, or an overload cannot show
FEWEST = 200  # queries of a run
HOPELESS = 0.03  # of what was predicted: no probe is made below
REPEATS = 3  # runs of each plan at the common load


@dataclass(frozen=True, eq=False)
class EngineRun:
    """One run of one plan, and what it says."""

    plan: str
    purpose: str
    qps: float
    records: Records
    met: bool
    tail_ms: float


@dataclass(eq=False)
class Checked:
    """Answers compared with the offline funnel; `quality` is NDCG of each query that was answered, once."""

    answers: int = 0
    equal: int = 0
    quality: dict[int, float] = field(default_factory=dict)


@dataclass(eq=False)
class Proof:
    """Everything the engine showed; plans are `chosen` and `best_single_stage`."""

    points: dict[str, Point]
    brackets: dict[str, Bracket] = field(default_factory=dict)
    runs: list[EngineRun] = field(default_factory=list)
    checked: dict[str, Checked] = field(default_factory=dict)
    load_qps: float = 0.0

    def at_load(self, plan: str) -> list[float]:
        """Return the percentiles (ms) of the runs of `plan` at the common load."""
        return [run.tail_ms for run in self.runs if run.plan == plan and run.purpose == "load"]


def prove(asked: Question, found: Explored, steps: Steps, *, seed: int, quick: bool = False) -> Proof | None:
    """Bracket the capacity of both plans, run both at one load, and check what they answered."""
    if asked.served is None:
        return None
    prover = _Prover(asked, found, asked.served, steps, seed, QUICK_PROBE_S if quick else PROBE_S)
    prover.bracket()
    prover.common_load()
    return prover.proof


@dataclass(eq=False)
class _Prover:
    asked: Question
    found: Explored
    served: Served
    steps: Steps
    seed: int
    probe_s: float

    def __post_init__(self) -> None:
        points = {"chosen": self.found.chosen, "best_single_stage": self.found.best_single}
        self.proof = Proof(points, checked={name: Checked() for name in points})
        first, label = self.served.queries.first, self.served.queries.label
        self._labels = [label[a:b] for a, b in pairwise(first.tolist())]
        self._expected: dict[tuple[str, int], NDArray[np.int64]] = {}

    def bracket(self) -> None:
        """Take turns between the plans' probes until both capacities are bracketed."""
        searches = {}
        for name, point in self.proof.points.items():
            start = point.capacity_qps or 0.5 * point.option.likely_qps
            searches[name] = ProbeSearch(
                self.asked.target,
                start,
                probes=PROBES,
                reach=REACH,
                floor_qps=HOPELESS * start,
                step=1.08,
                tolerance=0.02,
            )
        turn = 0
        while any(search.next_qps() is not None for search in searches.values()):
            turn += 1
            for name, search in searches.items():
                qps = search.next_qps()
                if qps is not None:
                    self.steps.begin(f"engine: probing the {_words(name)}")
                    self.steps.update(f"probe {turn} at {qps:.4g} qps")
                    search.tell(qps, self._serve(name, "probe", qps, 0))
        self.proof.brackets = {name: search.bracket() for name, search in searches.items()}

    def common_load(self) -> None:
        """Run both plans in turn at one load: the one asked for, or a share of what the single stage can do."""
        single = self.proof.brackets["best_single_stage"].qps
        load = self.found.asked.load_qps or (LOAD * single if single > 0 else self.found.load_qps)
        self.proof.load_qps = load
        for number in range(REPEATS):
            for name in self.proof.points:
                self.steps.begin("engine: both plans at one load")
                self.steps.update(f"{_words(name)} at {load:.4g} qps, repeat {number + 1} of {REPEATS}")
                self._serve(name, "load", load, 1 + number)

    def _serve(self, name: str, purpose: str, qps: float, replication: int) -> Records:
        """Serve queries of the data for long enough to tell, check the answers, and keep the run."""
        lasting_s = max(self.probe_s, PROBE_TARGETS * self.asked.target.latency_ms / 1e3)
        trace, which = self.served.trace(max(FEWEST, round(qps * lasting_s)), qps, self.seed, replication)
        plan = self.proof.points[name].plan
        records, answers = self.served.engine.serve_scored(trace, plan, self.served.starts(which))
        met = meets(records, self.asked.target, warmup=WARMUP)
        percentile_ms = tail_ms(records, self.asked.target)
        self.proof.runs.append(EngineRun(name, purpose, qps, records, met, percentile_ms))
        self._check(name, records, which, answers)
        return records

    def _check(self, name: str, records: Records, which: NDArray[np.int64], answers: list[Answer]) -> None:
        """Compare answers with the offline funnel, candidate by candidate, and rate them by the data's labels."""
        checked, point = self.proof.checked[name], self.proof.points[name]
        for number in np.flatnonzero(records.ok).tolist():
            query, got = int(which[number]), answers[number].candidates
            if point.feed != "share":
                checked.answers += 1
                checked.equal += bool(np.array_equal(got, self._offline(name, point, query)))
            if query not in checked.quality:
                checked.quality[query] = _ndcg(self._labels[query], got, K)

    def _offline(self, name: str, point: Point, query: int) -> NDArray[np.int64]:
        key = name, query
        if key not in self._expected:
            funnel = point.funnel
            self._expected[key] = self.asked.tiers.quality.funnels.ranked(funnel.networks, funnel.items, query)
        return self._expected[key]


def _ndcg(label: NDArray[np.float32], order: NDArray[np.int64], k: int) -> float:
    """Return NDCG@k of candidates in this order, the ideal being that of all labels; NaN without a positive."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    best = np.sort(label.astype(np.float64))[::-1][:k]
    ideal = float(best @ discount[: len(best)])
    gained = label[order[:k]].astype(np.float64)
    return float(gained @ discount[: len(gained)]) / ideal if ideal > 0 else math.nan


def _words(name: str) -> str:
    return name.replace("_", " ") if name != "chosen" else "chosen funnel"
