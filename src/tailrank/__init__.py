"""Tailrank: find, prove and serve the ranking plan with the highest capacity that meets the tail target."""

__version__ = "0.1.0"
