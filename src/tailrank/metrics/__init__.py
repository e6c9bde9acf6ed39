"""Numbers from records: SLA target, percentiles with intervals, saturation, energy, summary; and from scores: quality.

Pure functions of records and scores from anywhere; not aware of who made them.
"""

from tailrank.metrics.bootstrap import bootstrap, paired
from tailrank.metrics.clicks import auc, logloss
from tailrank.metrics.energy import busy_power_w, qps_per_watt
from tailrank.metrics.funnel_quality import FunnelQuality, Parts
from tailrank.metrics.late import late_share
from tailrank.metrics.percentiles import Interval, percentile, percentile_interval, t_interval
from tailrank.metrics.quality import Fidelity, Gain, fidelity, ndcg, ndcg_of_order, overlap, top_k
from tailrank.metrics.relevance import hit_rate, ndcg_all_relevant, recall, reciprocal_rank
from tailrank.metrics.saturation import Saturation, saturated
from tailrank.metrics.sla import SLATarget
from tailrank.metrics.summary import WARMUP, Summary, meets, summarise

__all__ = [
    "WARMUP",
    "Fidelity",
    "FunnelQuality",
    "Gain",
    "Interval",
    "Parts",
    "SLATarget",
    "Saturation",
    "Summary",
    "auc",
    "bootstrap",
    "busy_power_w",
    "fidelity",
    "hit_rate",
    "late_share",
    "logloss",
    "meets",
    "ndcg",
    "ndcg_all_relevant",
    "ndcg_of_order",
    "overlap",
    "paired",
    "percentile",
    "percentile_interval",
    "qps_per_watt",
    "recall",
    "reciprocal_rank",
    "saturated",
    "summarise",
    "t_interval",
    "top_k",
]
