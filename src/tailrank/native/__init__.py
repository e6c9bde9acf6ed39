"""The native (C++) side: programs that score a batch in one call, and the pool of native workers. Imports no torch."""

from tailrank.native.program import Program

__all__ = ["Program"]
