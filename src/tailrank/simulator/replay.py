"""Replay: the same walk with the service times that an engine run recorded."""

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Records, Trace
from tailrank.scheduler import split_all
from tailrank.simulator.simulator import Kernel, module, records_of
from tailrank.simulator.work import GIVEN, I64, Work, reach
from tailrank.timing import NO_OVERHEADS, Overheads

__all__ = ["replay"]


def replay(
    trace: Trace, plan: Plan, records: Records, overheads: Overheads = NO_OVERHEADS, *, kernel: Kernel = "compiled"
) -> Records:
    """Serve `trace` under `plan`, each slice taking the time it took in `records`, of the same trace and plan.

    No noise, contention, cold start or competition is added: the recorded times contain them. So what differs from
    `records` is the model of queues and overheads, not the service times. Slices match by query, stage and
    first candidate. Queries that failed in `records` are left out, and fail here for the same reason.
    Raises `BadInputError` where a slice of a finished query was not recorded, and for a plan that decides by the state
    of its pools or whose stages feed early: other delays, other slices.
    """
    if plan.feeds_early:
        raise BadInputError(
            "a plan whose stages feed early cannot be replayed: what they send depends on the delays",
            hint='replay a plan whose stages feed `"whole"`',
        )
    if plan.dynamic:
        raise BadInputError(
            "a plan that decides by the state of its pools cannot be replayed: its slices depend on the delays",
            hint='replay a plan with `offload = "threshold"` and without `adapt` and `combine_wait_us`',
        )
    if len(records) != len(trace):
        raise BadInputError(
            f"records of {len(records)} queries cannot be replayed on a trace of {len(trace)}",
            hint="give the trace that was served",
        )
    ok = records.ok
    served = Trace(trace.arrival_ns[ok], trace.size[ok])
    renumber = np.cumsum(ok) - 1
    given = tuple(
        _given(records, number, renumber, *split_all(np.minimum(served.size, most), stage)[:2])
        for number, (stage, most) in enumerate(zip(plan.stages, reach(plan), strict=True))
    )
    found = {
        (number, pool): GIVEN
        for number, stage in enumerate(plan.stages)
        for pool in (stage.pool, stage.offload_pool)
        if pool is not None
    }
    work = Work(found, tuple(np.zeros(0, np.uint8) for _ in plan.stages), given=given)
    walked = module(kernel).walk(served, plan, work, overheads, slices=sum(map(len, given)))
    return _spread(trace, records, ok, records_of(served, plan, overheads, walked))


def _given(records: Records, stage: int, renumber: I64, query: I64, first: I64) -> I64:
    """Return the recorded time of each slice (query, first), queries counted among those that finished."""
    slices = records.slices
    mine = (slices.stage == stage) & records.ok[slices.query]
    numbers, firsts, took = renumber[slices.query[mine]], slices.first[mine], slices.service_ns[mine]
    order = np.lexsort((firsts, numbers))
    if not (np.array_equal(numbers[order], query) and np.array_equal(firsts[order], first)):
        raise BadInputError(
            f"stage {stage}: {len(numbers)} slices were recorded where the plan makes {len(query)}, or not the same",
            hint="give the trace and plan that were served, and records with slices",
        )
    times: I64 = np.maximum(took[order], 1)
    return times


def _spread(trace: Trace, records: Records, ok: NDArray[np.bool_], replayed: Records) -> Records:
    """Return `replayed`, whose queries are those where `ok`, as records of the whole `trace`."""
    if bool(np.all(ok)):
        return replayed
    dispatch_ns, finish_ns = trace.arrival_ns.copy(), np.full(len(trace), -1, np.int64)
    dispatch_ns[ok], finish_ns[ok] = replayed.dispatch_ns, replayed.finish_ns
    slices = replayed.slices
    slices.query[:] = np.flatnonzero(ok)[slices.query]
    return Records(trace.arrival_ns, trace.size, dispatch_ns, finish_ns, slices, dict(records.errors), replayed.meta)
