"""The figures of the study: each reads the document and returns a `Chart`, or `Absent` with the reason."""

from tailrank.report.study.charts.gains import efficiencies, gains_by_network, geomeans
from tailrank.report.study.charts.knobs import (
    best_batch_sizes,
    capacity_by_batch_size,
    capacity_by_threshold,
    offload_shares,
)
from tailrank.report.study.charts.traffic import integer_poisson, lognormal_penalty, reuse
from tailrank.report.study.charts.work import operator_shares, roofline, speedups, work_per_row

__all__ = [
    "best_batch_sizes",
    "capacity_by_batch_size",
    "capacity_by_threshold",
    "efficiencies",
    "gains_by_network",
    "geomeans",
    "integer_poisson",
    "lognormal_penalty",
    "offload_shares",
    "operator_shares",
    "reuse",
    "roofline",
    "speedups",
    "work_per_row",
]
