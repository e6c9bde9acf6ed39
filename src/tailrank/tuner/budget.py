"""How many queries a plan can afford: small batch sizes cut a query into hundreds of slices.

Fewer queries are a prefix of the same trace, so that plans still meet the same queries (common random numbers).
"""

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError, Plan, Trace
from tailrank.scheduler import kept

__all__ = ["affordable", "prefix", "slices_per_query"]


def slices_per_query(size: NDArray[np.int64], plan: Plan) -> NDArray[np.int64]:
    """Return how many slices each query makes in all stages of `plan`; `size` and the answer have shape (n,).

    Counted as if every stage fed `whole`: what is passed on early may be cut into more.
    """
    total = np.zeros(len(size), dtype=np.int64)
    size = np.minimum(size, kept(int(size.max(initial=1)), plan.take))
    for stage in plan.stages:
        offloaded = np.zeros(len(size), dtype=bool) if stage.offload_at is None else size >= stage.offload_at
        total += np.where(offloaded, 1, -(-size // stage.batch_size))
        size = np.minimum(size, kept(int(size.max(initial=1)), stage.keep))
    return total


def affordable(trace: Trace, plan: Plan, slices: int, *, least: int = 1000) -> int:
    """Return how many queries from the front of `trace` fit into a budget of `slices` slices.

    At least `least` (a tail rests on nothing less), at most the whole trace.
    """
    if slices < 1:
        raise BadInputError(f"a budget has at least one slice, not {slices}", hint="millions are usual")
    used = np.cumsum(slices_per_query(trace.size, plan))
    fitting = int(np.searchsorted(used, slices, side="right"))
    return min(len(trace), max(least, fitting))


def prefix(trace: Trace, queries: int) -> Trace:
    """Return the first `queries` queries of `trace`."""
    return trace if queries >= len(trace) else Trace(trace.arrival_ns[:queries], trace.size[:queries])
