"""Numbers from records: SLA target, percentiles with intervals, saturation, summary.

Pure functions of records from anywhere; not aware of who made them.
"""

from tailrank.metrics.late import late_share
from tailrank.metrics.percentiles import Interval, percentile, percentile_interval, t_interval
from tailrank.metrics.saturation import Saturation, saturated
from tailrank.metrics.sla import SLATarget
from tailrank.metrics.summary import WARMUP, Summary, meets, summarise

__all__ = [
    "WARMUP",
    "Interval",
    "SLATarget",
    "Saturation",
    "Summary",
    "late_share",
    "meets",
    "percentile",
    "percentile_interval",
    "saturated",
    "summarise",
    "t_interval",
]
