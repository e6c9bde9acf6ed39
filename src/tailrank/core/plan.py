"""A plan: everything that decides how queries are served, as a small TOML file."""

from typing import Annotated

from msgspec import Meta

from tailrank.core.config import Config
from tailrank.core.errors import BadInputError

__all__ = ["Plan", "Pool", "Stage", "single"]

Count = Annotated[int, Meta(ge=1)]


class Pool(Config, frozen=True, kw_only=True):
    """Identical workers of one device kind that share one first-in-first-out queue."""

    workers: Count
    device: str = "cpu"


class Stage(Config, frozen=True, kw_only=True):
    """One step of a funnel: score candidates with `model`, keep the best `keep` (absent: keep all).

    A query is split into slices of at most `batch_size` candidates for `pool`; a query of at least
    `offload_at` candidates goes whole to `offload_pool` instead (both absent: never).
    """

    model: str
    batch_size: Count
    pool: str = "cpu"
    offload_at: Count | None = None
    offload_pool: str | None = None
    keep: Count | None = None


class Plan(Config, frozen=True, kw_only=True):
    """A funnel of stages and the pools they run on."""

    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)]
    pools: dict[str, Pool]

    def __post_init__(self) -> None:
        for number, stage in enumerate(self.stages):
            for field, pool in (("pool", stage.pool), ("offload_pool", stage.offload_pool)):
                if pool is not None and pool not in self.pools:
                    raise BadInputError(
                        f"stages.{number}.{field}: no pool is called `{pool}`",
                        hint=f"known pools: {', '.join(sorted(self.pools))}; add a [pools.{pool}] table",
                    )
            if stage.offload_pool == stage.pool:
                raise BadInputError(
                    f"stages.{number}.offload_pool: `{stage.pool}` is the stage's own pool",
                    hint="offload to another pool, or leave offload_at and offload_pool out",
                )
            if (stage.offload_at is None) != (stage.offload_pool is None):
                raise BadInputError(
                    f"stages.{number}: offload_at and offload_pool belong together",
                    hint="give both, or neither for no offload",
                )


def single(model: str, *, batch_size: int, workers: int) -> Plan:
    """Return the funnel of length one: `model` on `workers` CPU workers, no offload."""
    return Plan(stages=(Stage(model=model, batch_size=batch_size),), pools={"cpu": Pool(workers=workers)})
