"""The engine serves exactly the trace, merges exactly once, and never hangs on a failing model."""

import gc
import sys
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Pool, Stage, Trace, single
from tailrank.engine import Engine, NullScorer, TimedScorer

F32 = NDArray[np.float32]


class RowScorer:
    """The score of a row is a known function of the row; some rows raise."""

    def __init__(self, rows: int, broken: frozenset[int] = frozenset()) -> None:
        self.rows, self.broken = rows, broken

    def prepare(self) -> None:
        pass

    def score(self, first: int, stop: int) -> F32:
        return self.score_rows(np.arange(first, stop))

    def score_rows(self, rows: NDArray[np.int64]) -> F32:
        if self.broken & set(rows.tolist()):
            raise ValueError("row is broken")
        return ((rows * 7919) % 10007).astype(np.float32)


def trace_of(sizes: list[int], gap_ns: int = 20_000) -> Trace:
    return Trace(np.arange(len(sizes)) * gap_ns, np.array(sizes))


def test_every_candidate_is_scored_once_and_queries_finish_after_they_arrive() -> None:
    trace = trace_of([1, 7, 64, 65, 130, 999] * 10)
    records = Engine({"m": NullScorer()}).serve(trace, single("m", batch_size=64, workers=2))
    assert records.ok.all()
    assert not records.errors
    rows = records.slices
    for number, size in enumerate(trace.size.tolist()):
        mine = rows.query == number
        covered = np.concatenate([np.arange(f, f + n) for f, n in zip(rows.first[mine], rows.size[mine], strict=True)])
        assert sorted(covered.tolist()) == list(range(size))
        assert records.finish_ns[number] >= rows.finish_ns[mine].max()
    assert (records.latency_ns > 0).all()
    assert (records.lag_ns >= 0).all()
    assert (rows.queued_ns <= rows.start_ns).all()
    assert (rows.start_ns <= rows.finish_ns).all()


def test_no_worker_does_two_slices_at_once_and_a_pool_starts_in_queue_order() -> None:
    trace = trace_of([300] * 20, gap_ns=100_000)
    records = Engine({"m": TimedScorer(50_000, 1_000)}).serve(trace, single("m", batch_size=50, workers=3))
    rows = records.slices
    for worker in range(3):
        mine = rows.worker == worker
        order = np.argsort(rows.start_ns[mine])
        assert (rows.start_ns[mine][order][1:] >= rows.finish_ns[mine][order][:-1]).all()
    assert (np.diff(rows.queued_ns) >= 0).all()


@pytest.mark.parametrize("batch_size", [1, 3, 64, 1000])
def test_the_ranking_does_not_depend_on_the_split(batch_size: int) -> None:
    scorer = RowScorer(5000)
    trace = trace_of([5, 200, 731])
    _, ranked = Engine({"m": scorer}, seed=3).serve_scored(trace, single("m", batch_size=batch_size, workers=2))
    _, whole = Engine({"m": scorer}, seed=3).serve_scored(trace, single("m", batch_size=5000, workers=1))
    for got, expected in zip(ranked, whole, strict=True):
        assert got.tolist() == expected.tolist()


def test_a_funnel_gives_the_same_answer_as_sorting_and_slicing() -> None:
    front, back = RowScorer(4000), TimedScorer(1_000, 0, rows=4000)
    plan = Plan(
        stages=(
            Stage(model="front", batch_size=32, keep=40),
            Stage(model="back", batch_size=8, pool="back", keep=5),
        ),
        pools={"cpu": Pool(workers=2), "back": Pool(workers=1)},
    )
    trace = trace_of([10, 50, 300, 77] * 3, gap_ns=300_000)
    records, ranked = Engine({"front": front, "back": back}, seed=5).serve_scored(trace, plan)
    assert records.ok.all()
    for number, size in enumerate(trace.size.tolist()):
        first = {rows: rows for rows in range(size)}
        assert len(first) == size
        mine = records.slices.query == number
        second = mine & (records.slices.stage == 1)
        assert records.slices.size[second].sum() == min(size, 40)
        answer = ranked[number]
        assert len(answer) == min(size, 5)
        # the back end prefers low rows: of the 40 kept, the lowest positions, in order
        assert answer.tolist() == sorted(answer.tolist())


def test_a_worker_that_raises_fails_its_query_and_no_other() -> None:
    trace = trace_of([10] * 50)
    scorer = RowScorer(2000, broken=frozenset(range(0, 2000, 60)))
    records = Engine({"m": scorer}, seed=1).serve(trace, single("m", batch_size=4, workers=2))
    assert 0 < len(records.errors) < len(trace)
    assert all("ValueError: row is broken" in reason for reason in records.errors.values())
    assert set(np.flatnonzero(~records.ok).tolist()) == set(records.errors)


def test_a_full_queue_refuses_and_the_generator_never_blocks() -> None:
    trace = trace_of([100] * 40, gap_ns=1_000)
    engine = Engine({"m": TimedScorer(2_000_000, 0)}, queue_limit=10)
    records = engine.serve(trace, single("m", batch_size=100, workers=1))
    refused = [reason for reason in records.errors.values() if "refused" in reason]
    assert refused
    assert records.ok.sum() + len(refused) == len(trace)
    assert records.ok.sum() >= 10


def test_patience_ends_a_run_that_cannot_keep_up() -> None:
    trace = trace_of([10] * 100, gap_ns=1_000)
    engine = Engine({"m": TimedScorer(20_000_000, 0)}, patience_s=0.05)
    records = engine.serve(trace, single("m", batch_size=10, workers=1))
    assert any("not finished" in reason for reason in records.errors.values())
    assert (records.finish_ns >= 0).sum() + len(records.errors) == len(trace)


def test_interrupt_stops_every_worker() -> None:
    engine = Engine({"m": NullScorer()})
    before = threading.active_count()

    def explode(*_: object) -> None:
        raise KeyboardInterrupt

    engine._drain = explode  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        engine.serve(trace_of([5, 5]), single("m", batch_size=5, workers=2))
    assert threading.active_count() == before
    assert gc.isenabled()


def test_the_interpreter_is_left_as_it_was() -> None:
    switch = sys.getswitchinterval()
    Engine({"m": NullScorer()}).serve(trace_of([5]), single("m", batch_size=5, workers=1))
    assert sys.getswitchinterval() == switch
    assert gc.isenabled()


def test_an_empty_trace_gives_empty_records() -> None:
    records = Engine({"m": NullScorer()}).serve(trace_of([]), single("m", batch_size=5, workers=1))
    assert len(records) == 0
    assert len(records.slices) == 0


def test_bad_plans_are_refused_before_the_clock_starts() -> None:
    engine = Engine({"m": NullScorer(rows=100)})
    with pytest.raises(BadInputError, match=r"does not hold `n`"):
        engine.serve(trace_of([5]), single("n", batch_size=5, workers=1))
    with pytest.raises(BadInputError, match="101 candidates"):
        engine.serve(trace_of([101]), single("m", batch_size=5, workers=1))
    gpu = Plan(stages=(Stage(model="m", batch_size=4),), pools={"cpu": Pool(workers=1, device="h100")})
    with pytest.raises(BadInputError, match="no `h100`"):
        engine.serve(trace_of([5]), gpu)
