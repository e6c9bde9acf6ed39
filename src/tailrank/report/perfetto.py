"""Records as a Chrome/Perfetto trace: open the file in ui.perfetto.dev and look at every worker.

Trace Event Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
Times in the file are microseconds from the start of the trace, so they agree with the records.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from tailrank.core import BadInputError, Records
from tailrank.core.files import write_text

__all__ = ["busiest_window", "trace_events", "write_trace"]

QUERIES, DISPATCHER, FIRST_POOL = 1, 2, 3  # process numbers in the trace

Event = dict[str, Any]


def trace_events(records: Records, *, start_ns: int, stop_ns: int) -> dict[str, Any]:
    """Return the trace of everything that overlaps `start_ns` to `stop_ns`, whole, not cut at the edges.

    One track per worker of each pool holds its slices; every query is an async event with its wait for the
    first worker inside; the dispatcher's track shows arrival to dispatch; counters show slices queued.
    Raises `BadInputError` when the window is empty.
    """
    if stop_ns <= start_ns:
        raise BadInputError(f"the window {start_ns} to {stop_ns} ns is empty", hint="let it stop after it starts")
    events = [
        *_query_events(records, start_ns, stop_ns),
        *_slice_events(records, start_ns, stop_ns),
        *_counter_events(records, start_ns, stop_ns),
    ]
    events.sort(key=lambda event: event["ts"])  # stable: begin stays before end at the same time
    return {
        "traceEvents": _names(records, events) + events,
        "displayTimeUnit": "ms",
        "otherData": {"start_ns": start_ns, "stop_ns": stop_ns, "queries": len(records)},
    }


def write_trace(records: Records, path: Path, seconds: float = 1.0) -> Path:
    """Write the busiest `seconds` of `records` to `path` for ui.perfetto.dev, and return `path`.

    Raises `BadInputError` when `seconds` is not above zero or `path` cannot be written.
    """
    if not 0 < seconds < math.inf:
        raise BadInputError(f"seconds must be above zero and finite, not {seconds:g}", hint="one second is plenty")
    start_ns, stop_ns = busiest_window(records, max(1, round(seconds * 1e9)))
    trace = trace_events(records, start_ns=start_ns, stop_ns=stop_ns)
    write_text(path, json.dumps(trace, separators=(",", ":"), allow_nan=False))
    return path


def busiest_window(records: Records, length_ns: int) -> tuple[int, int]:
    """Return (start, stop) of the window of `length_ns` that begins at an arrival and sees most candidates arrive."""
    if not len(records):
        return 0, length_ns
    arrival_ns = records.arrival_ns
    items = np.concatenate([[0], np.cumsum(records.size)])
    last = np.searchsorted(arrival_ns, arrival_ns + length_ns, side="left")
    first = np.arange(len(arrival_ns))
    start_ns = int(arrival_ns[np.argmax(items[last] - items[first])])
    return start_ns, start_ns + length_ns


def _us(nanoseconds: int) -> float:
    return nanoseconds / 1e3


def _event(phase: str, name: str, process: int, thread: int, at_ns: int, **more: Any) -> Event:
    return {"ph": phase, "name": name, "pid": process, "tid": thread, "ts": _us(at_ns), **more}


def _first_start_ns(records: Records) -> dict[int, int]:
    """Return when the first slice of each query started."""
    slices = records.slices
    started = slices.start_ns >= 0
    query, start_ns = slices.query[started], slices.start_ns[started]
    order = np.lexsort((start_ns, query))
    queries, where = np.unique(query[order], return_index=True)
    return dict(zip(queries.tolist(), start_ns[order][where].tolist(), strict=True))


def _query_events(records: Records, start_ns: int, stop_ns: int) -> list[Event]:
    """Async events: the query from arrival to finish, its wait inside; and its time in the dispatcher."""
    first_start = _first_start_ns(records)
    events: list[Event] = []
    ends_ns = np.where(records.ok, records.finish_ns, np.maximum(records.dispatch_ns, records.arrival_ns))
    for query in np.flatnonzero((records.arrival_ns < stop_ns) & (ends_ns >= start_ns)).tolist():
        arrival_ns, dispatch_ns, end_ns = (
            int(each[query]) for each in (records.arrival_ns, records.dispatch_ns, ends_ns)
        )
        args: Event = {"query": query, "items": int(records.size[query]), "latency_ms": (end_ns - arrival_ns) / 1e6}
        if query in records.errors:
            args["error"] = records.errors[query]
        common = {"cat": "query", "id": query}
        waited_ns = min(first_start.get(query, end_ns), end_ns)
        events.append(_event("b", "query", QUERIES, 0, arrival_ns, args=args, **common))
        events.append(_event("b", "waiting", QUERIES, 0, arrival_ns, **common))
        events.append(_event("e", "waiting", QUERIES, 0, waited_ns, **common))
        events.append(_event("e", "query", QUERIES, 0, end_ns, **common))
        if dispatch_ns >= arrival_ns:
            lag = {"query": query, "lag_us": _us(dispatch_ns - arrival_ns)}
            common = {"cat": "dispatch", "id": query}
            events.append(_event("b", "arrival to dispatch", DISPATCHER, 0, arrival_ns, args=lag, **common))
            events.append(_event("e", "arrival to dispatch", DISPATCHER, 0, dispatch_ns, **common))
    return events


def _slice_events(records: Records, start_ns: int, stop_ns: int) -> list[Event]:
    """Complete events: each slice on its worker, as long as its service time."""
    slices = records.slices
    served = (slices.start_ns >= 0) & (slices.finish_ns >= slices.start_ns)
    inside = served & (slices.start_ns < stop_ns) & (slices.finish_ns > start_ns)
    events = []
    for row in np.flatnonzero(inside).tolist():
        begin_ns, end_ns = int(slices.start_ns[row]), int(slices.finish_ns[row])
        query, size, stage = (int(each[row]) for each in (slices.query, slices.size, slices.stage))
        args = {
            "query": query,
            "items": size,
            "stage": stage,
            "first_item": int(slices.first[row]),
            "queueing_us": _us(begin_ns - int(slices.queued_ns[row])),
        }
        place = FIRST_POOL + int(slices.pool[row]), int(slices.worker[row])
        name = f"query {query}: {size} items"
        events.append(_event("X", name, *place, begin_ns, dur=_us(end_ns - begin_ns), cat="slice", args=args))
    return events


def _counter_events(records: Records, start_ns: int, stop_ns: int) -> list[Event]:
    """Counter events: slices queued and not yet started, per pool, whenever that changes within the window."""
    slices = records.slices
    events = []
    for number, pool in enumerate(slices.pools):
        mine = (slices.pool == number) & (slices.start_ns >= slices.queued_ns) & (slices.queued_ns >= 0)
        at_ns = np.concatenate([slices.queued_ns[mine], slices.start_ns[mine]])
        step = np.concatenate([np.ones(mine.sum(), np.int64), -np.ones(mine.sum(), np.int64)])
        times_ns, inverse = np.unique(at_ns, return_inverse=True)
        depth = np.cumsum(np.bincount(inverse, step, minlength=len(times_ns))).astype(np.int64)
        inside = (times_ns >= start_ns) & (times_ns < stop_ns)
        for time_ns, waiting in zip(times_ns[inside].tolist(), depth[inside].tolist(), strict=True):
            words = f"slices queued for {pool}"
            events.append(_event("C", words, QUERIES, 0, time_ns, args={"slices": waiting}))
    return events


def _names(records: Records, events: list[Event]) -> list[Event]:
    """Metadata: the name and order of every process, and of every worker that appears."""
    processes = {QUERIES: "queries", DISPATCHER: "dispatcher"}
    processes |= {FIRST_POOL + number: f"pool {pool}" for number, pool in enumerate(records.slices.pools)}
    names = []
    for process, name in processes.items():
        names.append(_event("M", "process_name", process, 0, 0, args={"name": name}))
        names.append(_event("M", "process_sort_index", process, 0, 0, args={"sort_index": process}))
    for process, worker in sorted({(event["pid"], event["tid"]) for event in events if event["ph"] == "X"}):
        names.append(_event("M", "thread_name", process, worker, 0, args={"name": f"worker {worker}"}))
        names.append(_event("M", "thread_sort_index", process, worker, 0, args={"sort_index": worker}))
    return names
