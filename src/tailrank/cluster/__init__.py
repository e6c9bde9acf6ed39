"""Many independent cells at once: on the cores of this machine, or on a Ray cluster."""

from tailrank.cluster.attempt import Outcome
from tailrank.cluster.store import Store
from tailrank.cluster.sweep import Progress, sweep

__all__ = ["Outcome", "Progress", "Store", "sweep"]
