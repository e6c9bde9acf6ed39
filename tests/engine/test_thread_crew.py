"""Threads that cannot get ready say so instead of leaving the dispatcher to wait."""

import threading

import pytest
from numpy import arange, full

from tailrank.core import Plan, Pool, SetupError, Stage, Trace, single
from tailrank.engine import Engine
from tailrank.engine.hire import hire
from tailrank.engine.run import Run
from tailrank.engine.thread_crew import ThreadCrew
from tailrank.scheduler import Choice


class Unprepared:
    """A scorer whose device has no room for it."""

    rows = 1000

    def prepare(self) -> None:
        raise SetupError("no memory on the device", hint="choose a smaller model")

    def score(self, first, stop):
        raise AssertionError("never asked")

    def score_rows(self, rows):
        raise AssertionError("never asked")


def test_a_worker_that_cannot_prepare_ends_the_run_with_its_reason() -> None:
    before = threading.active_count()
    trace = Trace(arange(5) * 1_000_000, full(5, 10))
    with pytest.raises(SetupError, match="no memory on the device"):
        Engine({"m": Unprepared()}).serve(trace, single("m", batch_size=4, workers=3))
    assert threading.active_count() == before


def test_each_worker_prepares_once_and_each_distinct_scorer_is_prepared() -> None:
    prepared: list[str] = []

    class Counted(Unprepared):
        def prepare(self) -> None:
            prepared.append(threading.current_thread().name)

        def score(self, first, stop):
            return -arange(first, stop, dtype="float32")

    trace = Trace(arange(5) * 1_000_000, full(5, 10))
    records = Engine({"m": Counted()}).serve(trace, single("m", batch_size=4, workers=3))
    assert records.ok.all()
    assert sorted(prepared) == ["cpu-0", "cpu-1", "cpu-2"]


class Held:
    """A scorer that waits until it is let go."""

    rows = 1000

    def __init__(self) -> None:
        self.go, self.begun = threading.Event(), threading.Semaphore(0)

    def prepare(self) -> None:
        pass

    def score(self, first, stop):
        self.begun.release()
        assert self.go.wait(60)
        return -arange(first, stop, dtype="float32")

    def score_rows(self, rows):
        return self.score(0, len(rows))


def test_a_crew_knows_its_idle_workers_and_the_work_that_is_left() -> None:
    trace, scorer = Trace(arange(3), full(3, 10)), Held()
    plan = Plan(stages=(Stage(model="m", batch_size=5, adapt=True),), pools={"cpu": Pool(workers=3)})
    run = Run(trace, plan, {(0, "cpu"): scorer}, 0)
    (crew,) = hire(run, frozenset(), pin=False, spin_ns=0, queue_limit=100).values()
    assert isinstance(crew, ThreadCrew)
    crew.start()
    run.begin(0)
    try:
        assert (crew.idle(), crew.work_ns()) == (3, 0)
        minute = 60_000_000_000
        assert crew.submit_as(0, 0, 10, None, 1 << 60, Choice("cpu", 5, 10 * minute, minute))
        assert crew.idle() == 1
        assert 10 * minute < crew.work_ns() <= 11 * minute
        assert crew.submit_as(1, 0, 10, None, 1 << 60, Choice("cpu", 5, 10 * minute, minute))
        assert crew.idle() == 0
        assert 21 * minute < crew.work_ns() <= 22 * minute
        for _ in range(3):
            scorer.begun.acquire()  # three in hand, the fourth waits
        assert crew.idle() == 0
        assert 21 * minute < crew.work_ns() <= 22 * minute
        assert crew.fresh() == []
        scorer.go.set()
        while any(run.board.live(query) for query in (0, 1)):
            run.board.wait(1_000_000)
    finally:
        scorer.go.set()
        crew.stop()
    assert (crew.idle(), crew.work_ns()) == (3, 0)
    assert sorted(batch[:2] for batch in crew.fresh()) == [(0, 5)] * 4
    assert crew.fresh() == []
