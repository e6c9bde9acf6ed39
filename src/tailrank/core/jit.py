"""How kernels are compiled: once, kept on disk beside the source, and without the interpreter lock.

Import this module by name, and late: numba takes a third of a second, which few verbs have use for.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled", "inlined"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return a kernel. Its cache notices changes of its own file only, so kernels call none of other files."""
    try:
        return cast(F, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no folder to cache in can be written: compile in every process instead
        return cast(F, njit(nogil=True)(function))


def inlined(function: F) -> F:
    """Return a piece of a kernel that is pasted into its callers: a call a slice costs a fifth of the speed."""
    return cast(F, njit(inline="always")(function))
