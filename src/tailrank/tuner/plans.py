"""The plans a search considers: batch sizes, offload thresholds, the static baseline."""

import math
from collections.abc import Sequence

from msgspec.structs import replace

from tailrank.core import BadInputError, Plan, Stage, single

__all__ = [
    "batch_sizes",
    "between",
    "label",
    "offload_thresholds",
    "static_baseline",
    "with_batch",
    "with_threshold",
]


def with_batch(plan: Plan, batch_size: int, *, stage: int = 0) -> Plan:
    """Return `plan` with another batch size in stage number `stage`."""
    return _with_stage(plan, stage, replace(_stage(plan, stage), batch_size=batch_size))


def with_threshold(plan: Plan, offload_at: int | None, pool: str | None = None, *, stage: int = 0) -> Plan:
    """Return `plan` with queries of at least `offload_at` candidates going to `pool`; None: no offload.

    `pool` may be left out where the stage already names its offload pool.
    """
    old = _stage(plan, stage)
    to = pool if pool is not None else old.offload_pool
    return _with_stage(
        plan, stage, replace(old, offload_at=offload_at, offload_pool=None if offload_at is None else to)
    )


def static_baseline(model: str, max_query_items: int, workers: int) -> Plan:
    """Return the plan of a fixed split: the largest query is cut so that it uses every worker once.

    DeepRecSys compares with this one: at most 1000 candidates on 40 cores is a batch size of 25.
    """
    if max_query_items < 1 or workers < 1:
        raise BadInputError(
            f"a baseline needs at least one candidate and one worker, not {max_query_items} and {workers}",
            hint="give the largest query size and the count of CPU workers",
        )
    return single(model, batch_size=math.ceil(max_query_items / workers), workers=workers)


def batch_sizes(max_items: int, *also: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ... up to the first value that takes the largest query whole, and the values `also`.

    `also` is for the baseline's batch size. The values are sorted; each appears once.
    """
    if max_items < 1:
        raise BadInputError(f"the largest query has at least one candidate, not {max_items}", hint="give its size")
    doubling = (1 << power for power in range((max_items - 1).bit_length() + 1))
    return tuple(sorted({*doubling, *also}))


def offload_thresholds(max_items: int) -> tuple[int, ...]:
    """Return 1 (every query goes to the accelerator), 2, 4, ... up to `max_items`."""
    return tuple(1 << power for power in range(max_items.bit_length()))


def between(values: Sequence[int], best: int) -> tuple[int, ...]:
    """Return the points half way from `best` to its neighbours in `values`, those already there left out.

    Between powers of two these are the multiples of 1.5.
    """
    known = sorted({*values, best})
    at = known.index(best)
    halves = {(best + neighbour) // 2 for neighbour in known[max(at - 1, 0) : at + 2]}
    return tuple(sorted(halves - set(known)))


def label(plan: Plan, *, stage: int = 0) -> str:
    """Return what a search varies in `plan`, for people: "batch size 64, offload from 128, queue-aware"."""
    at = _stage(plan, stage)
    words = [f"batch size {at.batch_size}"]
    if at.offload_at is not None:
        words.append(f"offload from {at.offload_at}" + (", queue-aware" if at.queue_aware else ""))
    if at.adapt:
        words.append("slices that adapt" + ("" if at.least_batch == 1 else f" from {at.least_batch}"))
    if at.combine_wait_us is not None:
        wait = "" if at.combine_wait_us == 0 else f", {at.combine_wait_us} us of waiting"
        most = "" if at.offload_batch is None else f" of up to {at.offload_batch} offloaded"
        words.append(f"shared batches{most}{wait}")
    return ", ".join(words)


def _stage(plan: Plan, number: int) -> Stage:
    if not 0 <= number < len(plan.stages):
        raise BadInputError(f"the plan has no stage {number}", hint=f"stages are numbered 0 to {len(plan.stages) - 1}")
    return plan.stages[number]


def _with_stage(plan: Plan, number: int, stage: Stage) -> Plan:
    return replace(plan, stages=(*plan.stages[:number], stage, *plan.stages[number + 1 :]))
