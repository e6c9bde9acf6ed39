"""The walk of one query: split, route, queue, merge, keep. No clock, no process, no torch.

Engine (wall clock) and simulator (virtual clock) both call this package; they differ only in who keeps
time and who does the work. Queueing is first in, first out within a pool, in the order `split` gives.
"""

from tailrank.scheduler.keep import keep, kept
from tailrank.scheduler.merge import Merge
from tailrank.scheduler.route import route
from tailrank.scheduler.split import split, split_all

__all__ = ["Merge", "keep", "kept", "route", "split", "split_all"]
