"""Results for people: one self-contained HTML page, and a trace for Perfetto.

Not aware of how numbers came about: it reads a result document or `Records` and invents nothing.
"""

from tailrank.report.explore import render as render_explore
from tailrank.report.explore import write as write_explore
from tailrank.report.fleet import render_fleet, write_fleet
from tailrank.report.page import render, write
from tailrank.report.perfetto import trace_events, write_trace

__all__ = [
    "render",
    "render_explore",
    "render_fleet",
    "trace_events",
    "write",
    "write_explore",
    "write_fleet",
    "write_trace",
]
