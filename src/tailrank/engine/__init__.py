"""The engine: the walk in wall time, with real workers. `torch_scorer` alone imports torch; import it by name."""

from tailrank.engine.allocator import keep_freed_memory
from tailrank.engine.clock import WallClock
from tailrank.engine.engine import Engine
from tailrank.engine.overheads import measure_keeping, measure_overheads
from tailrank.engine.profiling import GRID, measure_profile
from tailrank.engine.run import Answer
from tailrank.engine.scorer import NullScorer, Scorer, TimedScorer

__all__ = [
    "GRID",
    "Answer",
    "Engine",
    "NullScorer",
    "Scorer",
    "TimedScorer",
    "WallClock",
    "keep_freed_memory",
    "measure_keeping",
    "measure_overheads",
    "measure_profile",
]
