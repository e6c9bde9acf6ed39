"""A plan: everything that decides how queries are served, as a small TOML file."""

from typing import Annotated, Literal

from msgspec import Meta

from tailrank.core.config import Config
from tailrank.core.errors import BadInputError

__all__ = ["DevicePrecision", "ExecutorKind", "Feed", "OffloadRule", "Plan", "Pool", "Precision", "Stage", "single"]

Count = Annotated[int, Meta(ge=1)]
ExecutorKind = Literal["auto", "native", "torch", "compiled", "onnxruntime"]
Precision = Literal["fp32", "bf16", "int8"]
DevicePrecision = Literal["fp32", "tf32", "bf16"]
OffloadRule = Literal["threshold", "queue-aware"]
Feed = Literal["whole", "share", "exact"]


class Pool(Config, frozen=True, kw_only=True):
    """Identical workers of one device kind that share one first-in-first-out queue.

    `device` is `cpu`, or what an accelerator is called: `cuda`, `cuda:1`. Its `workers` are batches in flight, and
    `precision` is what it computes in; what CPU workers compute in is an option of the stages.
    """

    workers: Count
    device: str = "cpu"
    precision: DevicePrecision = "fp32"


class Stage(Config, frozen=True, kw_only=True):
    """One step of a funnel: score candidates with `model`, keep the best `keep` (absent: keep all).

    A query is split into slices of at most `batch_size` candidates for `pool`; a query of at least
    `offload_at` candidates goes whole to `offload_pool` instead (both absent: never). `executor` scores on CPU
    workers, its weights in `precision`; stages with the same model agree in both, as they share it.

    Options beyond the paper, which decide by the state of the pools (docs/decisions/0009):
    `offload` `queue-aware` sends a query of at least `offload_at` candidates to the pool where it should finish
    earlier; without an offload pool it says nothing. With `adapt`, slices shrink while workers idle, so that each
    gets a part, down to `least_batch` candidates. `combine_wait_us` lets slices of several queries share a batch of
    at most `batch_size` candidates (`offload_batch` on the offload pool; absent: `batch_size`), which waits at most so
    long to fill, even where a worker idles; 0: it takes what is there.

    `feed` is how the stage passes its best on (docs/decisions/0011). `whole`: when its last slice is done. `share`:
    each slice, once done, passes the best of its own on, a part of `keep` in proportion to its size. `exact`: the
    same, and once the last slice is done, what belongs to the best `keep` and was not sent yet follows; what was sent
    in vain is dropped from the answer, which is that of `whole`.
    """

    model: str
    batch_size: Count
    pool: str = "cpu"
    offload_at: Count | None = None
    offload_pool: str | None = None
    keep: Count | None = None
    executor: ExecutorKind = "auto"
    precision: Precision = "fp32"
    offload: OffloadRule = "threshold"
    adapt: bool = False
    least_batch: Count = 1
    combine_wait_us: Annotated[int, Meta(ge=0)] | None = None
    offload_batch: Count | None = None
    feed: Feed = "whole"

    @property
    def queue_aware(self) -> bool:
        """Whether pools are compared before a query goes to one of them."""
        return self.offload == "queue-aware" and self.offload_pool is not None

    @property
    def dynamic(self) -> bool:
        """Whether what becomes of a query depends on the state of the pools."""
        return self.queue_aware or self.adapt or self.combine_wait_us is not None

    def batch_limit(self, pool: str) -> int:
        """Return the most candidates that several slices together may have in a batch on `pool`."""
        if pool == self.offload_pool and self.offload_batch is not None:
            return self.offload_batch
        return self.batch_size


class Plan(Config, frozen=True, kw_only=True):
    """A funnel of stages and the pools they run on.

    The first stage scores the first `take` candidates of every query, in the order in which they were retrieved;
    absent: all of them.
    """

    stages: Annotated[tuple[Stage, ...], Meta(min_length=1)]
    pools: dict[str, Pool]
    take: Count | None = None

    def __post_init__(self) -> None:
        for number, stage in enumerate(self.stages):
            _check_pools(number, stage, self.pools)
            _check_options(number, stage)
            _check_model(number, stage, self.stages[:number])
            _check_keep(number, stage, self.take)
            _check_feed(number, self.stages)
        devices: dict[str, str] = {}
        for name, pool in self.pools.items():
            _check_precision(name, pool, self.pools[devices.setdefault(pool.device, name)])

    @property
    def dynamic(self) -> bool:
        """Whether some stage decides by the state of the pools."""
        return any(stage.dynamic for stage in self.stages)

    @property
    def feeds_early(self) -> bool:
        """Whether some stage passes candidates on before its last slice is done."""
        return any(stage.feed != "whole" for stage in self.stages)


def _check_pools(number: int, stage: Stage, pools: dict[str, Pool]) -> None:
    for field, pool in (("pool", stage.pool), ("offload_pool", stage.offload_pool)):
        if pool is not None and pool not in pools:
            raise BadInputError(
                f"stages.{number}.{field}: no pool is called `{pool}`",
                hint=f"known pools: {', '.join(sorted(pools))}; add a [pools.{pool}] table",
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


def _check_options(number: int, stage: Stage) -> None:
    if stage.least_batch != 1 and not stage.adapt:
        raise BadInputError(
            f"stages.{number}.least_batch: {stage.least_batch}, but slices do not adapt",
            hint="add `adapt = true`, or leave least_batch out",
        )
    if stage.offload_batch is not None and stage.combine_wait_us is None:
        raise BadInputError(
            f"stages.{number}.offload_batch: {stage.offload_batch}, but batches are not combined",
            hint="add `combine_wait_us` (0: a batch takes what is there), or leave offload_batch out",
        )


def _check_keep(number: int, stage: Stage, take: int | None) -> None:
    if take is not None and stage.keep is not None and stage.keep > take:
        raise BadInputError(
            f"stages.{number}.keep: {stage.keep}, but only {take} candidates of a query are taken",
            hint=f"keep at most {take}, or raise `take`",
        )


def _check_feed(number: int, stages: tuple[Stage, ...]) -> None:
    """What is passed on early needs a next stage, slices known in advance, and at most one stage of guesses."""
    stage = stages[number]
    if stage.feed == "whole":
        return
    if number + 1 == len(stages):
        raise BadInputError(
            f"stages.{number}.feed: `{stage.feed}`, but no stage follows", hint="leave feed out of the last stage"
        )
    if number and stages[number - 1].feed == "exact":
        raise BadInputError(
            f"stages.{number}.feed: `{stage.feed}`, but stage {number - 1} feeds it with guesses (`exact`)",
            hint=f"let stage {number} feed `whole`, or stage {number - 1} `share`",
        )
    if any(other.dynamic for other in stages):
        raise BadInputError(
            f"stages.{number}.feed: `{stage.feed}` does not go with options that decide by the state of the pools",
            hint="take queue-aware, adapt and combine_wait_us out of the plan, or let every stage feed `whole`",
        )


def _check_model(number: int, stage: Stage, before: tuple[Stage, ...]) -> None:
    """Stages with the same model share it, so they must want the same of it."""
    for earlier, other in enumerate(before):
        for field in ("executor", "precision"):
            here, there = getattr(stage, field), getattr(other, field)
            if other.model == stage.model and here != there:
                raise BadInputError(
                    f"stages.{number}.{field}: `{here}`, but stage {earlier} with the same model has `{there}`",
                    hint=f"one copy of `{stage.model}` serves both: give them the same {field}",
                )


def _check_precision(name: str, pool: Pool, first: Pool) -> None:
    """One copy of a model serves all pools of a device; `first` is the first pool of this one's device."""
    if pool.device == "cpu" and pool.precision != "fp32":
        raise BadInputError(
            f"pools.{name}.precision: a pool of the CPU has none of its own, not `{pool.precision}`",
            hint="give the stages' `precision` instead",
        )
    if pool.precision != first.precision:
        raise BadInputError(
            f"pools.{name}.precision: `{pool.precision}`, but another pool of `{pool.device}` has `{first.precision}`",
            hint="one copy of a model serves all pools of a device: give them the same precision",
        )


def single(model: str, *, batch_size: int, workers: int) -> Plan:
    """Return the funnel of length one: `model` on `workers` CPU workers, no offload."""
    return Plan(stages=(Stage(model=model, batch_size=batch_size),), pools={"cpu": Pool(workers=workers)})
