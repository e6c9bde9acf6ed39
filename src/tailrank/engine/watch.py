"""Watch: what the dispatcher knows of its pools when a plan decides by their state."""

from collections.abc import Mapping

import numpy as np

from tailrank.core import Plan, Trace
from tailrank.engine.thread_crew import ThreadCrew
from tailrank.scheduler import LearnedTime
from tailrank.timing import ServiceTime

__all__ = ["Watch"]


class Watch:
    """The state of the pools of a run (`scheduler.PoolStates`), read off its crews; the dispatcher's alone.

    Expected times are the means of `services`, by (model, pool); where there is none, a line learnt from the batches
    served so far. A pool that was never seen at work is expected to take no time, so that it is tried.
    """

    def __init__(
        self,
        plan: Plan,
        trace: Trace,
        crews: Mapping[str, ThreadCrew],
        services: Mapping[tuple[str, str], ServiceTime],
    ) -> None:
        self.weighs = any(stage.queue_aware for stage in plan.stages)
        self.crews = dict(crews)
        self._workers = {name: pool.workers for name, pool in plan.pools.items()}
        self._means: dict[tuple[int, str], list[list[float]]] = {}
        self._learned: dict[tuple[int, str], LearnedTime] = {}
        largest = int(trace.size.max(initial=1))
        for number, stage in enumerate(plan.stages):
            for pool in (stage.pool, stage.offload_pool):
                if pool is None or not self.weighs:
                    continue
                service = services.get((stage.model, pool))
                if service is None:
                    self._learned[number, pool] = LearnedTime()
                else:
                    self._means[number, pool] = service.table(largest, self._workers[pool]).mean_ns.tolist()

    def workers(self, pool: str) -> int:
        """Return how many workers the pool has."""
        return self._workers[pool]

    def idle(self, pool: str) -> int:
        """Return how many of them have nothing to do."""
        return self.crews[pool].idle()

    def work_ns(self, pool: str) -> int:
        """Return the expected work that waits or is in hand."""
        return self.crews[pool].work_ns()

    def expected_ns(self, stage: int, pool: str, items: int, busy: int) -> int:
        """Return how long a batch should take; what was learnt knows nothing of `busy`."""
        means = self._means.get((stage, pool))
        if means is not None:
            return max(1, int(np.rint(means[busy - 1][items])))
        self._learn(pool)
        return self._learned[stage, pool].mean_ns(items)

    def _learn(self, pool: str) -> None:
        for stage, items, took_ns in self.crews[pool].fresh():
            learned = self._learned.get((stage, pool))
            if learned is not None:
                learned.observe(items, took_ns)
