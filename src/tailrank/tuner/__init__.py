"""The tuner: which plan has the highest capacity under the SLA target?

It knows systems only by `core.System`: engine, simulator, a cluster or a fake in a test are all the same to it.
"""

from tailrank.tuner.budget import affordable, prefix, slices_per_query
from tailrank.tuner.capacity import Capacity, Progress, Replication, capacity
from tailrank.tuner.climb import Candidate, Search, climb
from tailrank.tuner.compare import paired_difference, speedup
from tailrank.tuner.notes import notes
from tailrank.tuner.plans import (
    batch_sizes,
    between,
    label,
    offload_thresholds,
    static_baseline,
    with_batch,
    with_threshold,
)
from tailrank.tuner.probe import Bracket, Probe, ProbeSearch, probe_capacity
from tailrank.tuner.reading import tail_ms

__all__ = [
    "Bracket",
    "Candidate",
    "Capacity",
    "Probe",
    "ProbeSearch",
    "Progress",
    "Replication",
    "Search",
    "affordable",
    "batch_sizes",
    "between",
    "capacity",
    "climb",
    "label",
    "notes",
    "offload_thresholds",
    "paired_difference",
    "prefix",
    "probe_capacity",
    "slices_per_query",
    "speedup",
    "static_baseline",
    "tail_ms",
    "with_batch",
    "with_threshold",
]
