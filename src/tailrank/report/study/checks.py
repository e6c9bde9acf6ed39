"""The seventeen checks that a faithful re-implementation of DeepRecSys passes or fails, with our numbers.

Each is computed from the document (`cells`, `curves`, `penalty`, `evidence`) or from the zoo and the workload
themselves. A check that the document holds nothing for is neither passed nor failed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tailrank.report.document import Value
from tailrank.report.study import checks_of_cells as cells
from tailrank.report.study import checks_of_work as work

__all__ = ["check"]


class Finding(NamedTuple):
    """Whether a check holds (None: cannot be told), and our number in words."""

    holds: bool | None
    ours: str


@dataclass(frozen=True)
class Check:
    """`tag` says where the check is from: D arithmetic, F the artifact's figures, P the paper, C others, V both."""

    text: str
    tag: str
    find: Callable[[Value], tuple[bool | None, str]]


CHECKS = (
    Check("shapes: widths into the top MLP, FLOPs and bytes per item as in the artifact", "D", work.shapes),
    Check("CPU shares at batch 64: lookups lead RMC1 and RMC2, FC the MLP networks, recurrence DIEN", "F", work.shares),
    Check(
        "RMC1 turns from FC-bound at batch 1 to lookup-bound by 16; DIEN's recurrent share falls with the batch",
        "F",
        work.shares_by_batch,
    ),
    Check(
        "the GPU is slower than a core at batch 1, gains with the batch on MLP networks, least on RMC1 and RMC2 at "
        "1,024; "
        "RMC3 breaks even first",
        "F",
        work.speedups,
    ),
    Check(
        "CPU cost per item from batch 10 to 1,000 falls several-fold on WnD and MT-WnD, hardly on RMC2",
        "C",
        work.batching,
    ),
    Check(
        "the best batch size is larger for RMC1 and RMC2 than for RMC3 and WnD, and never falls as the target loosens",
        "P, C",
        cells.best_batch_sizes,
    ),
    Check("tuned is never below static; the mean gain is about two, and grows as the target loosens", "P", cells.gains),
    Check(
        "capacity has one peak over batch sizes, and an inner one over thresholds that differs by network",
        "P",
        cells.peaks,
    ),
    Check(
        "the GPU never lowers capacity, adds more than CPU tuning on MLP networks, and half as much per watt",
        "P",
        cells.gpu,
    ),
    Check("the GPU's share of the work falls as the target loosens", "P", cells.gpu_share),
    Check("the top quarter of queries carries half the items (MLPerf 41 %, lognormal 32 %)", "V", work.sizes),
    Check("gaps of arrivals have a coefficient of variation of one at any rate, and are exponential", "D", work.gaps),
    Check(
        "tuning on lognormal sizes loses capacity on heavy-tailed ones, more at looser targets",
        "P, R-m",
        cells.lognormal,
    ),
    Check(
        "the climb measures every threshold and no offload, and chooses the latter for a useless GPU", "D", work.climb
    ),
    Check(
        "capacities come with an interval of at most 2 %, and repeat within one step of the batch size",
        "D",
        cells.samples,
    ),
    Check("LRU hit rates fall with the share of new rows; uniform accesses hardly hit at all", "D", work.locality),
    Check(
        "copied naively, inputs take 55 to 65 % of GPU time on NCF, WnD and MT-WnD, over 90 % on RMC2; less when "
        "pinned, "
        "int32 and overlapped",
        "C",
        work.transfer,
    ),
)


def check(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the seventeen checks in order: {id, text, tag, holds (null: cannot be told), ours}."""
    value, rows = Value(document), []
    for number, each in enumerate(CHECKS, start=1):
        found = Finding(*each.find(value))
        rows.append({"id": number, "text": each.text, "tag": each.tag, "holds": found.holds, "ours": found.ours})
    return rows
