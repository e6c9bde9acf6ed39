"""The relay: where native workers, not the dispatcher, send queries on to their next stage (docs/decisions/0012)."""

from typing import Any

from tailrank.core import Plan
from tailrank.engine.native_crew import NativeCrew

__all__ = ["link", "relayed"]


def relayed(plan: Plan, native: frozenset[str]) -> bool:
    """Return whether workers send queries on to their next stage: there is one, and native crews serve every pool."""
    return len(plan.stages) > 1 and native == plan.pools.keys()


def link(relay: Any, plan: Plan, crews: dict[str, NativeCrew]) -> None:
    """Tell the relay where each stage after the first goes, as `scheduler.route` and `split` have it."""
    for number, stage in enumerate(plan.stages[1:], 1):
        away = None if stage.offload_pool is None else crews[stage.offload_pool].pool
        relay.link(number, crews[stage.pool].pool, stage.batch_size, stage.offload_at or 0, away)
