"""Embedding memory: caches of rows on traces of accesses, two stages sharing SRAM, DRAM and SSD behind them."""

from tailrank.accelerator.memory.accesses import Numbered, number, read_keys
from tailrank.accelerator.memory.caches import (
    HitCurve,
    Policy,
    fifo_hits,
    hits,
    lru_curve,
    sized_lru_hits,
    stack_distances,
    static_curve,
)
from tailrank.accelerator.memory.figure10c import STAND_IN, Figure10c, figure_10c
from tailrank.accelerator.memory.hierarchy import EmbeddingMemory, Lines, LookAhead, Tier, memory_of
from tailrank.accelerator.memory.orderings import (
    LOGGED_AMAT,
    LOGGED_BEST_SHARE,
    LOGGED_FRONT_RATE,
    Ordering,
    split_orderings,
)
from tailrank.accelerator.memory.split import (
    CORRECTED_SPLIT,
    KEEP_RATIOS,
    RELEASED_SPLIT,
    SHARES,
    SplitCurve,
    SplitMethod,
    split_curve,
    split_curves,
    zipf_ids,
)
from tailrank.accelerator.memory.two_stage import StageReads, TwoStage, two_stage

__all__ = [
    "CORRECTED_SPLIT",
    "KEEP_RATIOS",
    "LOGGED_AMAT",
    "LOGGED_BEST_SHARE",
    "LOGGED_FRONT_RATE",
    "RELEASED_SPLIT",
    "SHARES",
    "STAND_IN",
    "EmbeddingMemory",
    "Figure10c",
    "HitCurve",
    "Lines",
    "LookAhead",
    "Numbered",
    "Ordering",
    "Policy",
    "SplitCurve",
    "SplitMethod",
    "StageReads",
    "Tier",
    "TwoStage",
    "fifo_hits",
    "figure_10c",
    "hits",
    "lru_curve",
    "memory_of",
    "number",
    "read_keys",
    "sized_lru_hits",
    "split_curve",
    "split_curves",
    "split_orderings",
    "stack_distances",
    "static_curve",
    "two_stage",
    "zipf_ids",
]
