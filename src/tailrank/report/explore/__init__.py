"""The page of an exploration of funnels: reads the document that `tailrank explore` writes, and invents nothing."""

from tailrank.report.explore.page import render, write

__all__ = ["render", "write"]
