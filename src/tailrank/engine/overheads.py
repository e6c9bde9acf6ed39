"""Overheads: what serving costs beside the batches, read off records of the engine itself."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tailrank.core import Records
from tailrank.timing import CLIP, Overheads, ServiceTime, busy_at_start

__all__ = ["measure_keeping", "measure_overheads"]

SPREAD = 1.5  # sizes that differ by less tell nothing of what a candidate costs
MOST_INTERRUPT = 2.0  # times the dispatcher's own time; more than that is drift of the machine, not interference


def measure_overheads(records: Sequence[Records], *, cores: int = 0, expected: ServiceTime | None = None) -> Overheads:
    """Read the engine's fixed costs off `records`: runs that kept up with their load.

    Timer lateness, wake-up, hand-off and merge are medians; the dispatcher's cost of a slice is the median time
    between queueing neighbours, and of a query its processor time less that of its slices. With `expected`, the times
    of batches flat out, and the host's `cores`, two more are measured: what a cold start costs, and what a query's
    arrival takes from workers that need all the cores (at least the dispatcher's own time). Where queries went through
    several stages, what sending them on costs is measured, too.
    """
    timer, wakeup, handoff, merge, per_slice = [], [], [], [], []
    cpu_ns = queries = slices = 0.0
    for run in records:
        timer.append(run.lag_ns[run.dispatch_ns >= 0])
        idle, gap = _starts(run)
        wakeup.append(idle)
        handoff.append(gap)
        merge.append(_merges(run))
        per_slice.append(_between(run))
        cpu_ns += run.meta["dispatcher_cpu_ns"]
        queries += len(run) * (1 if run.meta.get("relayed", 0.0) else _depth(run))  # as often as the dispatcher saw one
        slices += len(run.slices)
    slice_ns = _median(per_slice)
    fixed = Overheads(
        timer_ns=_median(timer),
        query_ns=max(0, round((cpu_ns - slice_ns * slices) / max(queries, 1))),
        slice_ns=slice_ns,
        wakeup_ns=_median(wakeup),
        handoff_ns=_median(handoff),
        merge_ns=_median(merge),
        cores=cores,
    )
    fixed = measure_keeping(records, fixed)
    return fixed if expected is None else _with_interference(fixed, records, expected)


def _with_interference(fixed: Overheads, records: Sequence[Records], expected: ServiceTime) -> Overheads:
    """Add what serving costs the batches themselves: cold starts, and interruptions by the dispatcher."""
    cores, cold, took_ns, flat_ns, load_qps = fixed.cores, [], 0.0, 0.0, 0.0
    for run in records:
        rows, idle = run.slices, _was_idle(run)
        workers = int(rows.worker.max()) + 1
        busy = np.minimum(busy_at_start(rows), workers)
        flat = expected.table(int(rows.size.max()), workers).mean_ns[busy - 1, rows.size]
        full = ~idle & (busy >= cores)
        took_ns += float(np.minimum(rows.service_ns, CLIP * flat)[full].sum())  # hiccups are clipped as in a profile
        flat_ns += float(flat[full].sum())
        load_qps += len(run) / max(1, int(run.arrival_ns[-1] - run.arrival_ns[0])) * 1e9 / len(records)
        cold.append(np.rint((rows.service_ns - flat)[idle & (busy < cores)]).astype(np.int64))
    share = cores * (1 - flat_ns / took_ns) if took_ns else 0.0
    spent_ns = fixed.query_ns + fixed.slice_ns * sum(len(run.slices) for run in records) / sum(map(len, records))
    interrupt_ns = float(np.clip(share / max(load_qps, 1e-9) * 1e9, spent_ns, MOST_INTERRUPT * spent_ns))
    return replace(fixed, cold_ns=_median(cold), interrupt_ns=round(interrupt_ns))


def measure_keeping(records: Sequence[Records], known: Overheads) -> Overheads:
    """Return `known` with what lies between the end of a stage and the next one's queueing, by candidates.

    The median where queries are small and where they are large give a line; of one size, all counts by candidate.
    Where the dispatcher sends queries on, its own time a query and slice is not counted again. Runs of plans with one
    stage say nothing: then `known` stays as it is.
    """
    found = [_passages(run) for run in records]
    size, gap_ns = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(size) == 0:
        return known
    relayed = all(run.meta.get("relayed", 0.0) for run in records)
    gap_ns = np.maximum(gap_ns - (0 if relayed else known.query_ns + known.slice_ns), 0)
    item_ns = float(np.median(gap_ns / size))
    large = size > (int(size.min()) + int(size.max())) / 2
    if large.any() and size[large].mean() > SPREAD * size[~large].mean():
        rise_ns = float(np.median(gap_ns[large]) - np.median(gap_ns[~large]))
        item_ns = max(0.0, rise_ns / float(size[large].mean() - size[~large].mean()))
    keep_ns = max(0, round(float(np.median(gap_ns - item_ns * size))))
    return replace(known, keep_ns=keep_ns, keep_item_ps=round(1000 * item_ns), relayed=relayed)


def _depth(run: Records) -> int:
    return int(run.slices.stage.max(initial=0)) + 1


def _passages(run: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return of each stage that a query went on from: its candidates, and from its last finish to the next queueing."""
    rows, depth = run.slices, _depth(run)
    key = rows.query * depth + rows.stage
    size, done, queued = (np.full(len(run) * depth + 1, value, np.int64) for value in (0, -1, np.iinfo(np.int64).max))
    np.add.at(size, key, rows.size)
    np.maximum.at(done, key, rows.finish_ns)
    np.minimum.at(queued, key, rows.queued_ns)
    after = np.unique(key[rows.stage > 0])
    return size[after - 1], queued[after] - done[after - 1]


def _median(parts: Sequence[NDArray[np.int64]]) -> int:
    whole = np.concatenate(parts) if parts else np.empty(0)
    return max(0, round(float(np.median(whole)))) if len(whole) else 0


def _was_idle(run: Records) -> NDArray[np.bool_]:
    """Return for each slice whether it was queued after its worker had finished the one before."""
    rows = run.slices
    idle = np.ones(len(rows), dtype=bool)
    order = np.lexsort((rows.start_ns, rows.worker, rows.pool))
    same = (np.diff(rows.worker[order]) == 0) & (np.diff(rows.pool[order]) == 0)
    idle[order[1:][same]] = (rows.queued_ns[order[1:]] > rows.finish_ns[order[:-1]])[same]
    return idle


def _starts(run: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (queued to start where the worker was idle, last finish to start where work was waiting)."""
    rows, idle = run.slices, _was_idle(run)
    order = np.lexsort((rows.start_ns, rows.worker, rows.pool))
    waited = order[1:][~idle[order[1:]]]
    before = order[:-1][~idle[order[1:]]]
    return (rows.start_ns - rows.queued_ns)[idle], rows.start_ns[waited] - rows.finish_ns[before]


def _merges(run: Records) -> NDArray[np.int64]:
    last = np.full(len(run), -1, dtype=np.int64)
    np.maximum.at(last, run.slices.query, run.slices.finish_ns)
    done = run.ok & (last >= 0)
    merges: NDArray[np.int64] = (run.finish_ns - last)[done]
    return merges


def _between(run: Records) -> NDArray[np.int64]:
    rows = run.slices
    order = np.lexsort((rows.first, rows.stage, rows.query))
    same = (np.diff(rows.query[order]) == 0) & (np.diff(rows.stage[order]) == 0)
    between: NDArray[np.int64] = np.diff(rows.queued_ns[order])[same]
    return between
