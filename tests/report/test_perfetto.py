import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import BadInputError, Records, SliceRecords
from tailrank.report import trace_events, write_trace
from tailrank.report.perfetto import busiest_window

EMPTY = np.zeros(0, dtype=np.int64)
NOTHING = Records(EMPTY, EMPTY, EMPTY, EMPTY, SliceRecords(*[EMPTY] * 9))


@pytest.fixture(scope="module")
def records(play: Callable[..., Records]) -> Records:
    return play(700, 128, 600)


@pytest.fixture(scope="module")
def everything(records: Records) -> dict[str, Any]:
    return trace_events(records, start_ns=0, stop_ns=int(records.finish_ns.max()) + 1)


def of(trace: dict[str, Any], phase: str) -> list[dict[str, Any]]:
    return [event for event in trace["traceEvents"] if event["ph"] == phase]


def test_events_have_what_the_format_asks_for_and_are_in_order(everything: dict[str, Any]) -> None:
    events = everything["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X", "b", "e", "C"}
    for event in events:
        assert {"ph", "name", "pid", "tid", "ts"} <= event.keys()
        assert event["ts"] >= 0
        assert event["ph"] != "X" or event["dur"] >= 0
        assert event["ph"] not in "be" or {"id", "cat"} <= event.keys()
        assert event["ph"] not in "MC" or event["args"]
    times = [event["ts"] for event in events if event["ph"] != "M"]
    assert times == sorted(times)
    json.dumps(everything, allow_nan=False)


def test_slices_are_as_long_as_the_records_say(records: Records, everything: dict[str, Any]) -> None:
    slices = records.slices
    wanted = Counter(
        zip(
            slices.query.tolist(),
            slices.first.tolist(),
            slices.worker.tolist(),
            slices.start_ns.tolist(),
            slices.service_ns.tolist(),
            (slices.start_ns - slices.queued_ns).tolist(),
            strict=True,
        )
    )
    found = Counter(
        (
            event["args"]["query"],
            event["args"]["first_item"],
            event["tid"],
            round(event["ts"] * 1e3),
            round(event["dur"] * 1e3),
            round(event["args"]["queueing_us"] * 1e3),
        )
        for event in of(everything, "X")
    )
    assert found == wanted


def test_every_query_begins_at_its_arrival_and_ends_at_its_finish(records: Records, everything: dict[str, Any]) -> None:
    for phase, times_ns in (("b", records.arrival_ns), ("e", records.finish_ns)):
        found = {event["id"]: round(event["ts"] * 1e3) for event in of(everything, phase) if event["name"] == "query"}
        assert found == dict(enumerate(times_ns.tolist()))
    lags = {event["id"]: event["args"]["lag_us"] for event in of(everything, "b") if event["cat"] == "dispatch"}
    assert [round(1e3 * lags[query]) for query in range(len(records))] == records.lag_ns.tolist()


def test_begins_and_ends_nest(everything: dict[str, Any]) -> None:
    stacks = defaultdict(list)
    for event in everything["traceEvents"]:
        stack = stacks[event.get("cat"), event.get("id")]
        if event["ph"] == "b":
            stack.append(event["name"])
        elif event["ph"] == "e":
            assert stack.pop() == event["name"]
    assert not any(stacks.values())


def test_slices_of_one_worker_do_not_cross(everything: dict[str, Any]) -> None:
    tracks = defaultdict(list)
    for event in of(everything, "X"):
        tracks[event["pid"], event["tid"]].append((round(event["ts"] * 1e3), round(event["dur"] * 1e3)))
    assert len(tracks) == 2
    for spans in tracks.values():
        spans.sort()
        assert all(start + length <= after for (start, length), (after, _) in pairwise(spans))


def test_every_track_has_a_name(everything: dict[str, Any]) -> None:
    named = {event["pid"]: event["args"]["name"] for event in of(everything, "M") if event["name"] == "process_name"}
    assert set(named.values()) == {"queries", "dispatcher", "pool cpu"}
    assert {event["pid"] for event in everything["traceEvents"]} == set(named)
    threads = {(event["pid"], event["tid"]) for event in of(everything, "M") if event["name"] == "thread_name"}
    assert threads == {(event["pid"], event["tid"]) for event in of(everything, "X")}


def test_the_counter_is_the_number_of_slices_queued_and_not_started(
    records: Records, everything: dict[str, Any]
) -> None:
    slices = records.slices
    counters = of(everything, "C")
    assert counters[-1]["args"]["slices"] == 0
    for event in counters[:: len(counters) // 50]:
        at_ns = round(event["ts"] * 1e3)
        assert event["args"]["slices"] == np.sum((slices.queued_ns <= at_ns) & (slices.start_ns > at_ns))


@given(start_ms=st.integers(0, 900), length_ms=st.integers(1, 200))
def test_a_window_holds_just_what_overlaps_it(records: Records, start_ms: int, length_ms: int) -> None:
    start_ns, stop_ns = start_ms * 10**6, (start_ms + length_ms) * 10**6
    trace = trace_events(records, start_ns=start_ns, stop_ns=stop_ns)
    slices = records.slices
    assert len(of(trace, "X")) == np.sum((slices.start_ns < stop_ns) & (slices.finish_ns > start_ns))
    queries = [event for event in of(trace, "b") if event["name"] == "query"]
    assert len(queries) == np.sum((records.arrival_ns < stop_ns) & (records.finish_ns >= start_ns))
    assert all(start_ns <= round(event["ts"] * 1e3) < stop_ns for event in of(trace, "C"))


def test_a_failed_query_says_why_and_still_ends(records: Records) -> None:
    finish_ns = records.finish_ns.copy()
    finish_ns[3] = -1
    broken = replace(records, finish_ns=finish_ns, errors={3: "worker died"})
    trace = trace_events(broken, start_ns=0, stop_ns=10**12)
    begin = next(event for event in of(trace, "b") if event["name"] == "query" and event["id"] == 3)
    end = next(event for event in of(trace, "e") if event["name"] == "query" and event["id"] == 3)
    assert begin["args"]["error"] == "worker died"
    assert end["ts"] >= begin["ts"]


def test_slices_of_another_pool_are_another_process(records: Records) -> None:
    pool = (records.slices.size > 100).astype(np.int64)
    slices = replace(records.slices, pool=pool, pools=("cpu", "gpu"))
    trace = trace_events(replace(records, slices=slices), start_ns=0, stop_ns=10**12)
    names = {event["pid"]: event["args"]["name"] for event in of(trace, "M") if event["name"] == "process_name"}
    assert Counter(names[event["pid"]] for event in of(trace, "X")) == {
        "pool cpu": int(np.sum(pool == 0)),
        "pool gpu": int(np.sum(pool == 1)),
    }


@given(
    gaps_ns=st.lists(st.integers(0, 50), min_size=1, max_size=30),
    sizes=st.lists(st.integers(1, 9), min_size=30, max_size=30),
    length_ns=st.integers(1, 200),
)
def test_no_other_window_sees_more_candidates_arrive(gaps_ns: list[int], sizes: list[int], length_ns: int) -> None:
    arrival_ns = np.cumsum(gaps_ns)
    size = np.array(sizes[: len(gaps_ns)])
    records = Records(arrival_ns, size, arrival_ns, arrival_ns, NOTHING.slices)
    start_ns, stop_ns = busiest_window(records, length_ns)
    assert stop_ns - start_ns == length_ns

    def arriving(begin_ns: int) -> int:
        return int(size[(arrival_ns >= begin_ns) & (arrival_ns < begin_ns + length_ns)].sum())

    assert arriving(start_ns) == max(map(arriving, range(-length_ns, int(arrival_ns[-1]) + 1)))


def test_write_trace_writes_the_busiest_part(records: Records, tmp_path: Path) -> None:
    path = write_trace(records, tmp_path / "trace.json", seconds=0.1)
    trace = json.loads(path.read_text(encoding="utf-8"))
    start_ns, stop_ns = busiest_window(records, 10**8)
    assert trace == json.loads(json.dumps(trace_events(records, start_ns=start_ns, stop_ns=stop_ns)))
    assert 0 < len(of(trace, "X")) < len(records.slices)


def test_nothing_served_is_an_empty_trace(tmp_path: Path) -> None:
    trace = json.loads(write_trace(NOTHING, tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert {event["ph"] for event in trace["traceEvents"]} == {"M"}


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_seconds_must_be_above_zero(records: Records, tmp_path: Path, seconds: float) -> None:
    with pytest.raises(BadInputError, match="seconds"):
        write_trace(records, tmp_path / "trace.json", seconds=seconds)
    with pytest.raises(BadInputError, match="empty"):
        trace_events(records, start_ns=5, stop_ns=5)
