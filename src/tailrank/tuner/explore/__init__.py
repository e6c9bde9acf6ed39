"""The funnel explorer: quality of every funnel crossed with simulated capacity and latency, and the front of it.

It knows service times and qualities only by what it is given: rooflines, profiles, fakes in a test.
"""

from tailrank.tuner.explore.answer import Asked, Counts, Explored, QualityOf
from tailrank.tuner.explore.arithmetic import Arithmetic, Crowded, Option
from tailrank.tuner.explore.bench import AtLoad, Bench, plan_of
from tailrank.tuner.explore.front import dominated_by, front, knee
from tailrank.tuner.explore.point import (
    DEFAULT_OBJECTIVES,
    OBJECTIVES,
    Objective,
    Point,
    check_objectives,
    reason,
    values,
)
from tailrank.tuner.explore.questions import iso_latency, iso_load, iso_quality
from tailrank.tuner.explore.sampled import Sampler, sample
from tailrank.tuner.explore.search import LOAD, Explorer
from tailrank.tuner.explore.space import Feed, Funnel, Sharing, Space, default_space, funnels

__all__ = [
    "DEFAULT_OBJECTIVES",
    "LOAD",
    "OBJECTIVES",
    "Arithmetic",
    "Asked",
    "AtLoad",
    "Bench",
    "Counts",
    "Crowded",
    "Explored",
    "Explorer",
    "Feed",
    "Funnel",
    "Objective",
    "Option",
    "Point",
    "QualityOf",
    "Sampler",
    "Sharing",
    "Space",
    "check_objectives",
    "default_space",
    "dominated_by",
    "front",
    "funnels",
    "iso_latency",
    "iso_load",
    "iso_quality",
    "knee",
    "plan_of",
    "reason",
    "sample",
    "values",
]
