"""The charts of the page: each reads the document and returns a `Chart`, or `Absent` with the reason."""

from tailrank.report.charts.capacity import capacity_by_batch_size
from tailrank.report.charts.latency import latency_against_load, latency_distribution
from tailrank.report.charts.schedule import schedule_lag
from tailrank.report.charts.service import cost_per_item, operator_shares, service_time
from tailrank.report.charts.style import Absent, Chart
from tailrank.report.charts.threshold import capacity_by_threshold
from tailrank.report.charts.timeline import slow_query

__all__ = [
    "Absent",
    "Chart",
    "capacity_by_batch_size",
    "capacity_by_threshold",
    "cost_per_item",
    "latency_against_load",
    "latency_distribution",
    "operator_shares",
    "schedule_lag",
    "service_time",
    "slow_query",
]
