"""Who serves which pool: native crews where they can, threads where they must, and a reason where neither may."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tailrank.core import BadInputError, Plan, Pool, SetupError, Stage, Trace, single
from tailrank.engine import Engine, NullScorer
from tailrank.engine import hire as hiring
from tailrank.engine.hire import hire, native_pools
from tailrank.engine.run import Run

PLAN = Plan(
    stages=(Stage(model="m", batch_size=4, offload_at=50, offload_pool="card"),),
    pools={"cpu": Pool(workers=2), "card": Pool(workers=1, device="pretend")},
)


class Plain:
    """A scorer that only Python can call."""

    rows = 100

    def prepare(self) -> None:
        pass

    def score(self, first, stop):
        return np.zeros(stop - first, dtype=np.float32)

    def score_rows(self, rows):
        return np.zeros(len(rows), dtype=np.float32)


def test_native_on_the_cpu_where_every_scorer_can_and_threads_elsewhere(native_core) -> None:
    null = NullScorer()
    assert native_pools(PLAN, {(0, "cpu"): null, (0, "card"): null}, "auto") == {"cpu"}
    assert native_pools(PLAN, {(0, "cpu"): null, (0, "card"): null}, "threads") == frozenset()
    assert native_pools(PLAN, {(0, "cpu"): Plain(), (0, "card"): null}, "auto") == frozenset()
    assert native_pools(PLAN, {(0, "cpu"): null, (0, "card"): Plain()}, "native") == {"cpu"}


def test_native_must_be_possible_where_it_is_asked_for(native_core, monkeypatch) -> None:
    with pytest.raises(BadInputError, match="scorer of `m` cannot run in a native crew"):
        Engine({"m": Plain()}, crew="native").serve(Trace([0], [1]), single("m", batch_size=4, workers=1))
    monkeypatch.setattr(hiring.extension, "available", lambda: False)
    monkeypatch.setattr(hiring.extension, "remedy", lambda: "mend it")
    with pytest.raises(SetupError, match="no native pool") as caught:
        Engine({"m": NullScorer()}, crew="native").serve(Trace([0], [1]), single("m", batch_size=4, workers=1))
    assert caught.value.hint.startswith("mend it")


def test_pinned_workers_share_out_the_cores_this_process_may_use(monkeypatch) -> None:
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("this system has no affinity")
    seen: dict[str, tuple[int, ...]] = {}
    for name in ("NativeCrew", "ThreadCrew"):
        monkeypatch.setattr(hiring, name, lambda work, *_: seen.__setitem__(work.pool, work.cores))
    run = Run(Trace([0], [1]), PLAN, {(0, "cpu"): NullScorer(), (0, "card"): NullScorer()}, 0)
    hire(run, frozenset(), pin=True, spin_ns=None, queue_limit=10)
    free = os.sched_getaffinity(0)
    used = [*seen["cpu"], *seen["card"]]
    assert len(used) == 3
    assert set(used) <= free
    assert len(set(used)) == min(3, len(free))
    hire(run, frozenset(), pin=False, spin_ns=None, queue_limit=10)
    assert seen == {"cpu": (), "card": ()}


def test_a_pinned_crew_serves_and_leaves_the_dispatcher_where_it_was(crew) -> None:
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    engine = Engine({"m": NullScorer()}, crew=crew, pin=True)
    records = engine.serve(Trace(np.arange(20) * 100_000, np.full(20, 30)), single("m", batch_size=8, workers=3))
    assert records.ok.all()
    assert before is None or os.sched_getaffinity(0) == before


WITHOUT = """
import numpy as np
from tailrank.core import Trace, single
from tailrank.engine import Engine, TimedScorer
records, ranked = Engine({"m": TimedScorer(0, 0)}).serve_scored(
    Trace(np.arange(5) * 100_000, np.full(5, 30)), single("m", batch_size=8, workers=2)
)
assert records.ok.all() and [len(r.candidates) for r in ranked] == [30] * 5
print("served")
"""


def test_everything_works_without_the_extension() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=os.environ | {"TAILRANK_NATIVE": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "served", done.stderr
