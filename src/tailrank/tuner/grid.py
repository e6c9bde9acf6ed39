"""The plans that the study's searches look at: every batch size and every threshold of the paper's two knobs."""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tailrank.core import Plan, Pool
from tailrank.tuner.plans import batch_sizes, with_batch, with_threshold

__all__ = ["BATCHES", "FINE_THRESHOLDS", "LARGEST", "REFINED", "THRESHOLDS", "batched", "offloading"]

LARGEST = 1000  # candidates: what the static baseline divides among the workers
BATCHES = tuple(sorted({*batch_sizes(LARGEST), *(3 << power for power in range(9))}))
THRESHOLDS = (1, *range(32, LARGEST, 32))
REFINED = (-16, 16)  # around a threshold
FINE_THRESHOLDS = (1, *range(16, LARGEST, 16))


def batched(plan: Plan, sizes: Iterable[int] = BATCHES) -> list[Plan]:
    """Return `plan` with each of these batch sizes."""
    return [with_batch(plan, size) for size in sizes]


def offloading(plan: Plan, pools: Mapping[str, Pool], thresholds: Iterable[int] = THRESHOLDS) -> list[Plan]:
    """Return `plan` on `pools` with each of these thresholds; nothing where there is no pool `gpu`."""
    if "gpu" not in pools:
        return []
    whole = replace(plan, pools=dict(pools))
    return [with_threshold(whole, at, "gpu") for at in thresholds]
