"""Funnels whose stages share nothing, solved stage by stage: each is a single stage whose arrivals are finishes.

Where every stage has pools of its own and the dispatcher costs nothing, no stage can delay an earlier one, so that the
whole second stage may be walked after the whole first: by `recursion`, some times faster than jobs of all stages in
the order of time, from a heap. What it gives is the same to the nanosecond.
"""

from collections.abc import Callable

import numpy as np

from tailrank.core import Plan
from tailrank.simulator.work import I64
from tailrank.timing import Overheads

__all__ = ["in_order", "separable", "walk_tandem"]

BITS = 63  # of a key that holds an instant and a query


def separable(plan: Plan, overheads: Overheads) -> bool:
    """Return whether `plan`, of several stages, can be solved stage by stage.

    Not where stages share a pool or the dispatcher's time, where choosing the best takes any, where stages decide by
    the state of pools or pass on early; nor where arrivals interrupt workers, whose numbers the recursion would take
    from the stage's own.
    """
    used = [pool for stage in plan.stages for pool in {stage.pool, stage.offload_pool} - {None}]
    apart = len(plan.stages) > 1 and len(used) == len(set(used))
    free = overheads.query_ns == 0 and overheads.slice_ns == 0 and overheads.keep_ns == 0 == overheads.keep_item_ps
    calm = overheads.interrupt_ns == 0 or overheads.cores == 0
    return apart and free and calm and not plan.dynamic and not plan.feeds_early


def in_order(ready_ns: I64) -> I64:
    """Return the queries (n,) in the order in which they become ready; of two at the same instant the older first.

    An instant and a query's number in one word sort several times faster than a stable sort of instants.
    """
    most = max(1, len(ready_ns) - 1).bit_length()
    if len(ready_ns) == 0 or int(ready_ns.max()).bit_length() + most > BITS:
        order: I64 = np.argsort(ready_ns, kind="stable")
        return order
    keys = np.sort(ready_ns << most | np.arange(len(ready_ns)))
    ordered: I64 = keys & ((1 << most) - 1)
    return ordered


def walk_tandem(arrival_ns: I64, stages: int, walk_stage: Callable[[int, I64, I64 | None], I64]) -> I64:
    """Return when each query finishes, shape (n,).

    `walk_stage(stage, arrival_ns, queries)` returns when the `queries` (n,) that arrive at a stage at `arrival_ns`
    finish there, in the order in which they are given; None: all queries in their own order.
    """
    finish_ns = walk_stage(0, arrival_ns, None)
    for stage in range(1, stages):
        queries = in_order(finish_ns)
        done_ns = walk_stage(stage, finish_ns[queries], queries)
        finish_ns = np.empty_like(done_ns)
        finish_ns[queries] = done_ns
    return finish_ns
