"""The engine serves exactly the trace, merges exactly once, and never hangs on a failing model."""

import _thread
import gc
import sys
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Pool, Stage, Trace, single
from tailrank.engine import Engine, NullScorer, TimedScorer
from tailrank.engine.run import Run

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


def test_every_candidate_is_scored_once_and_queries_finish_after_they_arrive(crew) -> None:
    trace = trace_of([1, 7, 64, 65, 130, 999] * 10)
    records = Engine({"m": NullScorer()}, crew=crew).serve(trace, single("m", batch_size=64, workers=2))
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


def test_no_worker_does_two_slices_at_once_and_a_pool_starts_in_queue_order(crew) -> None:
    trace = trace_of([300] * 20, gap_ns=100_000)
    records = Engine({"m": TimedScorer(50_000, 1_000)}, crew=crew).serve(trace, single("m", batch_size=50, workers=3))
    rows = records.slices
    for worker in range(3):
        mine = rows.worker == worker
        order = np.argsort(rows.start_ns[mine])
        assert (rows.start_ns[mine][order][1:] >= rows.finish_ns[mine][order][:-1]).all()
    assert (np.diff(rows.queued_ns) >= 0).all()


def test_a_single_worker_starts_slices_in_the_order_in_which_they_were_queued(crew) -> None:
    trace = trace_of([1, 300, 40, 77] * 20, gap_ns=10_000)
    engine = Engine({"m": TimedScorer(1_000, 0)}, crew=crew)
    rows = engine.serve(trace, single("m", batch_size=50, workers=1)).slices
    assert (np.diff(rows.start_ns) > 0).all()  # records are in queue order
    assert rows.query.tolist() == sorted(rows.query.tolist())


@pytest.mark.parametrize("batch_size", [1, 3, 64, 1000])
def test_the_ranking_does_not_depend_on_the_split(batch_size: int) -> None:
    scorer = RowScorer(5000)
    trace = trace_of([5, 200, 731])
    _, ranked = Engine({"m": scorer}, seed=3).serve_scored(trace, single("m", batch_size=batch_size, workers=2))
    _, whole = Engine({"m": scorer}, seed=3).serve_scored(trace, single("m", batch_size=5000, workers=1))
    for got, expected in zip(ranked, whole, strict=True):
        assert got.candidates.tolist() == expected.candidates.tolist()


def test_a_query_offloaded_to_a_device_goes_there_whole_and_is_ranked_alike(crew) -> None:
    plan = Plan(
        stages=(Stage(model="m", batch_size=16, offload_at=100, offload_pool="card"),),
        pools={"cpu": Pool(workers=2), "card": Pool(workers=1, device="pretend")},
    )
    trace = trace_of([10, 99, 100, 640] * 5, gap_ns=200_000)
    engine = Engine({"m": TimedScorer(1_000, 10), ("m", "pretend"): TimedScorer(100_000, 0)}, crew=crew)
    records, ranked = engine.serve_scored(trace, plan)
    rows = records.slices
    assert records.ok.all()
    offloaded = rows.pool == rows.pools.index("card")
    assert (records.meta["native.cpu"], records.meta["native.card"]) == (crew == "native", False)
    assert set(rows.query[offloaded].tolist()) == set(np.flatnonzero(trace.size >= 100).tolist())
    assert rows.size[offloaded].tolist() == trace.size[rows.query[offloaded]].tolist()
    assert rows.size[~offloaded].max() == 16
    for size, answer in zip(trace.size.tolist(), ranked, strict=True):
        assert answer.candidates.tolist() == list(range(size))  # the score of a row is its number, negated


def test_slices_that_start_too_late_fail_their_query(crew) -> None:
    trace = trace_of([10] * 30, gap_ns=1_000)
    engine = Engine({"m": TimedScorer(5_000_000, 0)}, crew=crew, deadline_ms=40)
    records = engine.serve(trace, single("m", batch_size=10, workers=1))
    late = ~records.ok
    assert 0 < late.sum() < len(trace)  # thirty times five milliseconds is more than forty
    assert set(records.errors.values()) == {"deadline passed"}
    assert set(records.errors) == set(np.flatnonzero(late).tolist())
    rows = records.slices
    assert (rows.start_ns <= trace.arrival_ns[rows.query] + 40_000_000).all()
    none = Engine({"m": NullScorer()}, crew=crew, deadline_ms=0).serve(trace, single("m", batch_size=10, workers=2))
    assert not none.ok.any()
    assert len(none.slices) == 0


def test_a_worker_that_raises_fails_its_query_and_no_other() -> None:
    trace = trace_of([10] * 50)
    scorer = RowScorer(2000, broken=frozenset(range(0, 2000, 60)))
    records = Engine({"m": scorer}, seed=1).serve(trace, single("m", batch_size=4, workers=2))
    assert 0 < len(records.errors) < len(trace)
    assert all("ValueError: row is broken" in reason for reason in records.errors.values())
    assert set(np.flatnonzero(~records.ok).tolist()) == set(records.errors)


def test_a_full_queue_refuses_and_the_generator_never_blocks(crew) -> None:
    trace = trace_of([100] * 40, gap_ns=1_000)
    engine = Engine({"m": TimedScorer(2_000_000, 0)}, crew=crew, queue_limit=10)
    records = engine.serve(trace, single("m", batch_size=100, workers=1))
    refused = [reason for reason in records.errors.values() if "refused" in reason]
    assert refused
    assert records.ok.sum() + len(refused) == len(trace)
    assert records.ok.sum() >= 10


def test_patience_ends_a_run_that_cannot_keep_up(crew) -> None:
    trace = trace_of([10] * 100, gap_ns=1_000)
    engine = Engine({"m": TimedScorer(20_000_000, 0)}, crew=crew, patience_s=0.05)
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


def test_an_interrupt_is_heard_while_the_engine_waits_for_stragglers(crew) -> None:
    engine = Engine({"m": TimedScorer(100_000_000, 0)}, crew=crew, patience_s=60)
    interrupt, drain = threading.Timer(0.05, _thread.interrupt_main), engine._drain

    def drain_and_be_interrupted(run: Run) -> None:
        interrupt.start()
        drain(run)

    engine._drain = drain_and_be_interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):  # long before the twenty seconds that the work would take
        engine.serve(trace_of([200]), single("m", batch_size=1, workers=1))
    interrupt.join()


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
    with pytest.raises(BadInputError, match="no `h100` for `m`"):
        engine.serve(trace_of([5]), gpu)
    on_card = Engine({("m", "h100"): NullScorer(rows=100)})
    assert on_card.serve(trace_of([5]), gpu).ok.all()
    with pytest.raises(BadInputError, match="no `cpu` for `m`"):
        on_card.serve(trace_of([5]), single("m", batch_size=5, workers=1))
