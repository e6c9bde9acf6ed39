"""The study of RecPipe: what its paper and artifact ask, answered from their logged times and from modelled hosts.

What the artifact logged is in `data/`, with tags; ours is computed. Not aware of torch, files of results, or pages.
"""

from tailrank.tuner.recpipe.latency import READINGS, TailCell, as_it_ran, replay
from tailrank.tuner.recpipe.logged import CUT, components, parse_funnel, ranked, spell, tails
from tailrank.tuner.recpipe.pipeline import EngineTime, Reading, bound_qps, engine_ms, p95s_ms, plan_of
from tailrank.tuner.recpipe.quality import Ranking, measure
from tailrank.tuner.recpipe.study import FULL, QUICK, Effort, study

__all__ = [
    "CUT",
    "FULL",
    "QUICK",
    "READINGS",
    "Effort",
    "EngineTime",
    "Ranking",
    "Reading",
    "TailCell",
    "as_it_ran",
    "bound_qps",
    "components",
    "engine_ms",
    "measure",
    "p95s_ms",
    "parse_funnel",
    "plan_of",
    "ranked",
    "replay",
    "spell",
    "study",
    "tails",
]
