"""How the simulator's kernels are compiled: as all kernels are."""

from tailrank.core.jit import compiled, inlined

__all__ = ["compiled", "inlined"]
