"""The page of the RPAccel study: what the document of `tailrank reproduce rpaccel` holds, for people.

The document (schema 1) has the parts that `tuner.rpaccel.study` returns, and `command`, `seed`, `quick`, `seconds`,
`versions` and `made_at`. Any of them may be missing: the page says so. Drawings are made here, as SVG; charts are
plotly's. Not aware of how the numbers came about, and invents none.
"""

from tailrank.report.rpaccel.page import render, write

__all__ = ["render", "write"]
