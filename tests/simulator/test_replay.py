"""Replay takes recorded times as they are, whoever recorded them and in whatever order."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tailrank.core import BadInputError, Plan, Pool, Records, Stage, Trace, single
from tailrank.simulator import Simulator, replay
from tailrank.timing import LinearTime, Overheads

PLAN = Plan(
    stages=(Stage(model="m", batch_size=4, keep=5), Stage(model="m", batch_size=2, pool="y")),
    pools={"cpu": Pool(workers=2), "y": Pool(workers=1)},
)
TRACE = Trace(np.array([0, 5, 9, 30]), np.array([9, 3, 12, 4]))
COLUMNS = ("query", "stage", "first", "size", "pool", "worker", "queued_ns", "start_ns", "finish_ns")


def served() -> Records:
    return Simulator({("m", pool): LinearTime(10.0, 3.0) for pool in PLAN.pools}).serve(TRACE, PLAN)


def picked(records: Records, rows: Any) -> Records:
    columns = {column: getattr(records.slices, column)[rows] for column in COLUMNS}
    return replace(records, slices=replace(records.slices, **columns))


def test_the_order_of_the_recorded_slices_does_not_matter(assert_same: Any) -> None:
    records = served()
    shuffled = picked(records, np.random.default_rng(2).permutation(len(records.slices)))
    assert_same(replay(TRACE, PLAN, shuffled), records)


def test_overheads_shift_the_queues_but_not_the_service_times() -> None:
    records = served()
    again = replay(TRACE, PLAN, records, Overheads(query_ns=7, slice_ns=2, wakeup_ns=3, merge_ns=40, cores=1))
    assert np.all(again.finish_ns >= records.finish_ns + 40)
    for one, two in ((records.slices, again.slices),):
        left, right = (
            sorted(zip(each.query, each.stage, each.first, each.service_ns, strict=True)) for each in (one, two)
        )
        assert left == right


@pytest.mark.parametrize("kernel", ["compiled", "reference"])
def test_failed_queries_are_left_out_and_stay_failed(kernel: Any) -> None:
    records = served()
    finish = records.finish_ns.copy()
    finish[1] = -1
    failed = replace(picked(records, records.slices.query != 1), finish_ns=finish, errors={1: "worker died"})
    again = replay(TRACE, PLAN, failed, kernel=kernel)
    assert again.errors == {1: "worker died"}
    assert again.ok.tolist() == [True, False, True, True]
    assert set(again.slices.query.tolist()) == {0, 2, 3}
    without = Trace(TRACE.arrival_ns[[0, 2, 3]], TRACE.size[[0, 2, 3]])
    alone = Simulator({("m", pool): LinearTime(10.0, 3.0) for pool in PLAN.pools}).serve(without, PLAN)
    assert again.finish_ns[[0, 2, 3]].tolist() == alone.finish_ns.tolist()


def test_half_a_failed_query_in_the_records_is_no_matter() -> None:
    records = served()
    finish = records.finish_ns.copy()
    finish[2] = -1
    half = ~((records.slices.query == 2) & (records.slices.first > 0))
    again = replay(TRACE, PLAN, replace(picked(records, half), finish_ns=finish, errors={2: "late"}))
    assert again.ok.tolist() == [True, True, False, True]


def test_records_of_another_plan_are_refused() -> None:
    with pytest.raises(BadInputError, match="stage 0"):
        replay(TRACE, single("m", batch_size=3, workers=1), served())
    with pytest.raises(BadInputError, match="stage 1"):
        replay(TRACE, PLAN, picked(served(), served().slices.stage == 0))


def test_records_of_another_trace_are_refused() -> None:
    with pytest.raises(BadInputError, match="4 queries"):
        replay(Trace(TRACE.arrival_ns[:2], TRACE.size[:2]), PLAN, served())
