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

__all__ = [
    "HitCurve",
    "Numbered",
    "Policy",
    "fifo_hits",
    "hits",
    "lru_curve",
    "number",
    "read_keys",
    "sized_lru_hits",
    "stack_distances",
    "static_curve",
]
