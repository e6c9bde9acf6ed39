"""The tuner: which plan has the highest capacity under the SLA target?

It knows systems only by `core.System`: engine, simulator, a cluster or a fake in a test are all the same to it.
"""

from tailrank.tuner.bounds import Bounds
from tailrank.tuner.budget import affordable, prefix, slices_per_query
from tailrank.tuner.capacity import Capacity, Progress, Replication, capacity
from tailrank.tuner.climb import Candidate, Search, climb
from tailrank.tuner.compare import paired_difference, speedup
from tailrank.tuner.controller import Controller, Fixed, Foresight, Habits, Policy, Seen
from tailrank.tuner.fleet import AIMS, Aim, Fleet, HostKind, Hour, plan_fleet, rates_by_hour
from tailrank.tuner.joint import joint_climb
from tailrank.tuner.mixture import load_shares
from tailrank.tuner.notes import notes
from tailrank.tuner.online import Account, Controlled, Step, account, window_loads
from tailrank.tuner.plan_table import Objective, PlanTable, Power, TableRow, busy_shares, plan_table
from tailrank.tuner.plans import (
    batch_sizes,
    between,
    label,
    offload_thresholds,
    static_baseline,
    with_batch,
    with_threshold,
)
from tailrank.tuner.policies import POLICIES, Policies, PolicyTrial, try_policies, without_policies
from tailrank.tuner.probe import Bracket, Probe, ProbeSearch
from tailrank.tuner.race import Course, Leader
from tailrank.tuner.reading import tail_ms
from tailrank.tuner.regret import (
    Exhausted,
    Regret,
    exhaust,
    fresh_ratio,
    full_batches,
    full_thresholds,
    plan_grid,
    regret,
)
from tailrank.tuner.stable import Stable

__all__ = [
    "AIMS",
    "POLICIES",
    "Account",
    "Aim",
    "Bounds",
    "Bracket",
    "Candidate",
    "Capacity",
    "Controlled",
    "Controller",
    "Course",
    "Exhausted",
    "Fixed",
    "Fleet",
    "Foresight",
    "Habits",
    "HostKind",
    "Hour",
    "Leader",
    "Objective",
    "PlanTable",
    "Policies",
    "Policy",
    "PolicyTrial",
    "Power",
    "Probe",
    "ProbeSearch",
    "Progress",
    "Regret",
    "Replication",
    "Search",
    "Seen",
    "Stable",
    "Step",
    "TableRow",
    "account",
    "affordable",
    "batch_sizes",
    "between",
    "busy_shares",
    "capacity",
    "climb",
    "exhaust",
    "fresh_ratio",
    "full_batches",
    "full_thresholds",
    "joint_climb",
    "label",
    "load_shares",
    "notes",
    "offload_thresholds",
    "paired_difference",
    "plan_fleet",
    "plan_grid",
    "plan_table",
    "prefix",
    "rates_by_hour",
    "regret",
    "slices_per_query",
    "speedup",
    "static_baseline",
    "tail_ms",
    "try_policies",
    "window_loads",
    "with_batch",
    "with_threshold",
    "without_policies",
]
