"""Workloads: arrivals, query sizes and embedding accesses, all decided before the clock starts.

Not aware of systems, plans or SLA targets: a workload makes a `Trace` and row numbers, nothing else.
"""

from tailrank.workload.accesses import ReplayAccess, Uniform, Zipf
from tailrank.workload.arrivals import Bursty, Diurnal, Paper, Poisson
from tailrank.workload.gaps import GapCheck, gap_check
from tailrank.workload.parse import load_workload, parse_accesses, parse_arrivals, parse_sizes, workload_from_dict
from tailrank.workload.replay import Replay
from tailrank.workload.sizes import Empirical, Fixed, LogNormal, MLPerf, Normal, Production
from tailrank.workload.stack_distance import StackDistance
from tailrank.workload.workload import Accesses, Arrivals, Sizes, Workload

__all__ = [
    "Accesses",
    "Arrivals",
    "Bursty",
    "Diurnal",
    "Empirical",
    "Fixed",
    "GapCheck",
    "LogNormal",
    "MLPerf",
    "Normal",
    "Paper",
    "Poisson",
    "Production",
    "Replay",
    "ReplayAccess",
    "Sizes",
    "StackDistance",
    "Uniform",
    "Workload",
    "Zipf",
    "gap_check",
    "load_workload",
    "parse_accesses",
    "parse_arrivals",
    "parse_sizes",
    "workload_from_dict",
]
