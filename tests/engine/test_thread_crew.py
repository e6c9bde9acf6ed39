"""Threads that cannot get ready say so instead of leaving the dispatcher to wait."""

import threading

import pytest
from numpy import arange, full

from tailrank.core import SetupError, Trace, single
from tailrank.engine import Engine


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
