"""Decide: which pool takes a query and in slices of which size, by the plan and the state of the pools."""

from typing import NamedTuple, Protocol

from tailrank.core.plan import Stage
from tailrank.scheduler.policy import finish_in_ns, slice_size

__all__ = ["Choice", "PoolStates", "decide"]


class PoolStates(Protocol):
    """What a decision may know: counts and expectations, never how long a batch will really take."""

    weighs: bool  # whether expected times are wanted: some stage of the plan is queue-aware

    def workers(self, pool: str) -> int:
        """Return how many workers the pool has."""
        ...

    def idle(self, pool: str) -> int:
        """Return how many of them have nothing to do."""
        ...

    def work_ns(self, pool: str) -> int:
        """Return the expected work that waits or is in hand."""
        ...

    def expected_ns(self, stage: int, pool: str, items: int, busy: int) -> int:
        """Return how long a batch should take while `busy` workers, itself included, are busy."""
        ...


class Choice(NamedTuple):
    """A pool, the slice size there, and what a full and the last slice should take (0 where nobody wants to know)."""

    pool: str
    step: int
    slice_ns: int = 0
    last_ns: int = 0


def decide(size: int, number: int, stage: Stage, pools: PoolStates) -> Choice:
    """Return what becomes of a query of `size` candidates in stage `number` of a plan.

    A queue-aware stage compares when the query should be done on either pool; equal: it stays. What is offloaded
    goes whole, as it does without options.
    """
    step = stage.batch_size
    if stage.adapt:
        step = slice_size(size, step, stage.least_batch, pools.idle(stage.pool))
    away = stage.offload_pool is not None and stage.offload_at is not None and size >= stage.offload_at
    if not away or stage.offload_pool is None:
        return _expect(size, number, stage.pool, step, pools)[1]
    there_ns, there = _expect(size, number, stage.offload_pool, size, pools)
    if not stage.queue_aware:
        return there
    here_ns, here = _expect(size, number, stage.pool, step, pools)
    return there if there_ns < here_ns else here


def _expect(size: int, number: int, pool: str, step: int, pools: PoolStates) -> tuple[int, Choice]:
    """Return in how long a query should be done on `pool` in slices of `step`, and that choice."""
    if not pools.weighs:
        return 0, Choice(pool, step)
    workers, idle = pools.workers(pool), pools.idle(pool)
    slices = (size + step - 1) // step
    busy = min(workers, workers - idle + slices)
    last_ns = pools.expected_ns(number, pool, size - (slices - 1) * step, busy)
    slice_ns = pools.expected_ns(number, pool, step, busy) if slices > 1 else last_ns
    whole_ns = (slices - 1) * slice_ns + last_ns
    finish_ns = finish_in_ns(pools.work_ns(pool), idle, workers, slices, slice_ns, whole_ns)
    return finish_ns, Choice(pool, step, slice_ns, last_ns)
