"""A system on which an overloaded pool is a miss, however few queries go there.

A target at the 95th percentile lets five queries in a hundred be late. So a threshold that sends only the largest
twentieth to a hopeless accelerator "meets" it at any load there, and the growth of the *median* wait, by which a run
is judged saturated, does not see them either. A search would find such plans and call them the best.
"""

from dataclasses import replace

import numpy as np

from tailrank.core import Plan, Records, System, Trace

__all__ = ["Stable"]


class Stable:
    """Serves as `system` does, a simulator; where some pool is offered more than it can do, every query fails.

    Reads `Records.meta["load.POOL"]`, which simulators write; records without it pass as they are.
    """

    def __init__(self, system: System) -> None:
        self.system = system

    def serve(self, trace: Trace, plan: Plan) -> Records:
        """See `System`."""
        records = self.system.serve(trace, plan)
        if any(load >= 1 for key, load in records.meta.items() if key.startswith("load.")):
            return replace(records, finish_ns=np.full(len(records), -1, dtype=np.int64))
        return records
