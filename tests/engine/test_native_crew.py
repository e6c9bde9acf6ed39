"""The native pool does what the threads do: same slices, same scores, same order; and it cannot be led astray."""

import os
import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import Plan, Pool, Stage, Trace, single
from tailrank.engine import Engine, TimedScorer
from tailrank.engine.hire import hire, native_pools
from tailrank.engine.native_crew import SPIN_NS, spin_budget_ns
from tailrank.engine.run import Run
from tailrank.native import available
from tailrank.scheduler import split

pytestmark = pytest.mark.skipif(not available(), reason="this install has no native extension")


def flat_out(trace: Trace, plan: Plan, kind: str, seed: int, spin_ns: int = 0) -> Run:
    """Serve all queries of the first stage at once and return the run, its crews stopped."""
    scorers = {(0, "cpu"): TimedScorer(0, 0, rows=4000)}
    native = native_pools(plan, scorers, kind)
    run = Run(trace, plan, scorers, seed, native_board=bool(native))
    run.crews = hire(run, native, pin=False, spin_ns=spin_ns, queue_limit=1 << 30)
    (crew,) = run.crews.values()
    crew.start()
    run.begin(0)
    for query in trace:
        assert crew.submit(query.number, 0, query.size, None, 1 << 60)
    while not run.board.idle:
        run.board.wait(1_000_000_000)
    crew.stop()
    return run


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=30),
    batch_size=st.integers(1, 800),
    workers=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_the_same_slices_and_the_same_scores_as_threads_and_as_split(sizes, batch_size, workers, seed) -> None:
    trace, plan = Trace(np.zeros(len(sizes)), np.array(sizes)), single("m", batch_size=batch_size, workers=workers)
    runs = [flat_out(trace, plan, kind, seed) for kind in ("threads", "native")]
    cut = [s for query in trace for s in split(query.number, query.size, plan.stages[0], 0)]
    for run in runs:
        rows = run.records("").slices
        got = sorted(zip(rows.query.tolist(), rows.first.tolist(), rows.size.tolist(), strict=True))
        assert got == [(s.query, s.start, s.size) for s in cut]
        assert (run.finish_ns >= 0).all()
    assert runs[0].scores.tolist() == runs[1].scores.tolist()
    expected = np.concatenate([-(runs[0].row[q] + np.arange(n, dtype=np.float32)) for q, n in enumerate(sizes)])
    assert runs[1].scores.tolist() == expected.tolist()


@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=15),
    front=st.integers(1, 100),
    back=st.integers(1, 60),
    keep=st.integers(1, 200),
    offload_at=st.one_of(st.none(), st.integers(1, 400)),
)
def test_a_funnel_with_offload_answers_alike_under_both_crews(sizes, front, back, keep, offload_at) -> None:
    plan = Plan(
        stages=(
            Stage(
                model="front",
                batch_size=front,
                keep=keep,
                offload_at=offload_at,
                offload_pool=None if offload_at is None else "card",
            ),
            Stage(model="back", batch_size=back, pool="back", keep=5),
        ),
        pools={"cpu": Pool(workers=2), "back": Pool(workers=1), "card": Pool(workers=1, device="pretend")},
    )
    trace = Trace(np.arange(len(sizes)) * 50_000, np.array(sizes))
    model = TimedScorer(0, 0, rows=1000)
    answers, slices = [], []
    for kind in ("threads", "native"):
        engine = Engine({"front": model, "back": model, ("front", "pretend"): model}, seed=7, crew=kind)
        records, ranked = engine.serve_scored(trace, plan)
        assert records.errors == {}
        rows = records.slices
        columns = (rows.query, rows.stage, rows.first, rows.size, rows.pool)
        slices.append(sorted(zip(*(column.tolist() for column in columns), strict=True)))
        answers.append([answer.candidates.tolist() for answer in ranked])
    assert slices[0] == slices[1]
    assert answers[0] == answers[1] == [list(range(min(n, keep, 5))) for n in sizes]


def pool_of(native_core, *, sizes=(10, 20), workers=1, fixed_ns=0, queue_limit=1000, spin_ns=0):
    finish_ns = np.full(len(sizes), -1, dtype=np.int64)
    board = native_core.Board(finish_ns)
    board.origin_ns = time.perf_counter_ns()
    base = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    scores = np.full(base[-1], np.nan, dtype=np.float32)
    scorer = native_core.TimedScorer(fixed_ns, 0, 100)
    row = np.zeros(len(sizes), dtype=np.int64)
    pool = native_core.Pool(board, [scorer], workers, base, row, scores, (), spin_ns, queue_limit)
    return pool, board, finish_ns, scores


def test_submissions_that_would_reach_beyond_memory_are_refused(native_core) -> None:
    pool, board, _, scores = pool_of(native_core)
    rows = np.zeros(5, dtype=np.int64)
    for call in (
        lambda: pool.submit(2, 0, 5, 5, 0),
        lambda: pool.submit(-1, 0, 5, 5, 0),
        lambda: pool.submit(0, 1, 5, 5, 0),
        lambda: pool.submit(0, 0, 11, 5, 0),
        lambda: pool.submit(0, 0, 0, 5, 0),
        lambda: pool.submit(0, 0, 5, 0, 0),
        lambda: pool.submit_rows(0, 0, rows - 1, 5, 0),
        lambda: pool.submit_rows(0, 0, rows + 100, 5, 0),
    ):
        with pytest.raises(IndexError):
            call()
    with pytest.raises(ValueError, match="beyond the scores"):
        native_core.Pool(board, [None], 1, np.array([0, 1, 99]), np.zeros(2, dtype=np.int64), scores)
    with pytest.raises(ValueError, match="at least one worker"):
        pool_of(native_core, workers=0)


def test_a_pool_with_work_left_stops_and_may_be_dropped(native_core) -> None:
    pool, board, _, scores = pool_of(native_core, sizes=(50, 50), workers=2, fixed_ns=20_000_000)
    pool.start()
    assert pool.submit(0, 0, 50, 1, 1 << 60)
    assert pool.submit(1, 0, 50, 1, 1 << 60)
    pool.stop()
    pool.stop()
    assert not board.idle
    served = len(pool.served())
    assert served < 100  # a second's work was dropped
    assert (~np.isnan(scores)).sum() == served
    assert pool.waiting + served <= 100
    unstopped, _, _, _ = pool_of(native_core, sizes=(50,), workers=2, fixed_ns=1_000_000)
    unstopped.start()
    unstopped.submit(0, 0, 50, 1, 1 << 60)
    del unstopped  # joins its workers, or the process would abort


def test_the_queue_counts_slices_and_refuses_without_queueing_any(native_core) -> None:
    pool, _, _, _ = pool_of(native_core, sizes=(50, 50, 50), queue_limit=60)
    assert pool.submit(0, 0, 50, 1, 1 << 60)
    assert pool.waiting == 50
    assert not pool.submit(1, 0, 50, 1, 1 << 60)
    assert pool.waiting == 50
    assert pool.submit(2, 0, 50, 5, 1 << 60)
    assert pool.waiting == 60


@pytest.mark.parametrize("spin_ns", [0, 50_000, -1])
def test_cancelled_queries_give_their_slices_up_and_others_go_on(native_core, spin_ns) -> None:
    sizes = (30,) * 40
    pool, board, finish_ns, _ = pool_of(native_core, sizes=sizes, workers=2, fixed_ns=10_000, spin_ns=spin_ns)
    cancelled = set(range(0, 40, 3))
    for query in range(40):
        assert pool.submit(query, 0, 30, 10, 1 << 60)
    canceller = threading.Thread(target=lambda: [board.fail(query, "cancelled") for query in cancelled])
    canceller.start()
    canceller.join()
    pool.start()
    while not board.idle:
        board.wait(1_000_000_000)
    pool.stop()
    assert set(np.flatnonzero(finish_ns < 0).tolist()) == cancelled
    assert set(pool.served()[:, 0].tolist()) == set(range(40)) - cancelled


@pytest.mark.parametrize("spin_ns", [0, 50_000, -1])
def test_no_wake_up_is_lost_when_work_comes_and_goes(native_core, spin_ns) -> None:
    count = 2000
    pool, board, finish_ns, _ = pool_of(native_core, sizes=(3,) * count, workers=2, spin_ns=spin_ns)
    pool.start()
    for query in range(count):
        assert pool.submit(query, 0, 3, 1, 1 << 60)
        if query % 7 == 0:  # let the workers run dry at every phase of going to sleep
            time.sleep(0)
    while not board.idle:
        board.wait(10_000_000_000)
    pool.stop()
    assert len(pool.served()) == 3 * count
    assert (finish_ns >= 0).all()


def test_one_worker_starts_slices_in_the_order_of_submission(native_core) -> None:
    pool, board, _, _ = pool_of(native_core, sizes=(30,) * 50)
    for query in range(50):
        pool.submit(query, 0, 30, 7, 1 << 60)
    pool.start()
    while not board.idle:
        board.wait(1_000_000_000)
    pool.stop()
    served = pool.served()
    order = served[np.argsort(served[:, 6], kind="stable")]
    assert [tuple(row) for row in order[:, [0, 2]].tolist()] == [(q, f) for q in range(50) for f in range(0, 30, 7)]
    assert all(before <= after for before, after in pairwise(order[:, 5].tolist()))


def test_workers_spin_only_where_the_dispatcher_keeps_a_core(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert spin_budget_ns([3]) == SPIN_NS
    assert spin_budget_ns([2, 1]) == SPIN_NS
    assert spin_budget_ns([2, 2]) == 0
