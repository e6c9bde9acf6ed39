"""Route: which pool takes a query."""

from tailrank.core.plan import Stage

__all__ = ["route"]


def route(size: int, stage: Stage) -> str:
    """Return the pool for a query of `size` candidates: the accelerator's from `offload_at` upward."""
    if stage.offload_at is not None and stage.offload_pool is not None and size >= stage.offload_at:
        return stage.offload_pool
    return stage.pool
