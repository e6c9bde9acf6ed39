"""The walk of one query: split, route, queue, merge, keep. No clock, no process, no torch.

Engine (wall clock) and simulator (virtual clock) both call this package; they differ only in who keeps
time and who does the work. Queueing is first in, first out within a pool, in the order `split` gives.
Plans with options beyond the paper go through `decide` and `gather`, whose formulas `policy` holds; those whose stages
feed early go through `feeding`.
"""

from tailrank.scheduler.decide import Choice, PoolStates, decide
from tailrank.scheduler.feeding import Feeding, Group, Parts, lay_out
from tailrank.scheduler.gather import gather
from tailrank.scheduler.keep import chosen, keep, kept
from tailrank.scheduler.learn import LearnedTime
from tailrank.scheduler.merge import Merge
from tailrank.scheduler.policy import finish_in_ns, remaining_ns, slice_size
from tailrank.scheduler.route import route
from tailrank.scheduler.share import share
from tailrank.scheduler.split import cut, split, split_all

__all__ = [
    "Choice",
    "Feeding",
    "Group",
    "LearnedTime",
    "Merge",
    "Parts",
    "PoolStates",
    "chosen",
    "cut",
    "decide",
    "finish_in_ns",
    "gather",
    "keep",
    "kept",
    "lay_out",
    "remaining_ns",
    "route",
    "share",
    "slice_size",
    "split",
    "split_all",
]
