"""How kernels are compiled: once, kept on disk beside the source, and without the interpreter lock.

Import this module by name, and late: numba takes a third of a second, which few verbs have use for.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.dispatcher import Dispatcher

__all__ = ["compiled", "inlined"]

F = TypeVar("F", bound=Callable[..., Any])
NUMBERS = (int, float)


def compiled(function: F) -> F:
    """Return a kernel, kept on disk until its file, that of a kernel it may call, or a constant it may read changes."""
    try:
        kernel = njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no folder to cache in can be written: compile in every process instead
        return cast(F, njit(nogil=True)(function))
    _notice_other_files(kernel)
    return cast(F, kernel)


def inlined(function: F) -> F:
    """Return a piece of a kernel that is pasted into its callers: a call a slice costs a fifth of the speed."""
    return cast(F, njit(inline="always")(function))


def _notice_other_files(kernel: Any) -> None:
    """Let the kernel's file on disk depend on all that it is compiled from: numba looks at the kernel's own file only.

    It has no public door for this. Where the private one is gone, nothing happens; a test notices.
    """
    kept: Any = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    if hasattr(kept, "_source_stamp"):
        modules = _modules(kernel, {})
        kept._source_stamp = tuple((file, _stamp(file), _constants(modules[file])) for file in sorted(modules))


def _modules(kernel: Any, found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the globals of the kernel's module, and of those whose kernels it may call, by file."""
    function = kernel.py_func
    if function.__code__.co_filename not in found:
        found[function.__code__.co_filename] = function.__globals__
        for each in list(function.__globals__.values()):
            if isinstance(each, Dispatcher):
                _modules(each, found)
    return found


def _stamp(file: str) -> tuple[int, int]:
    try:
        stat = Path(file).stat()
    except OSError:  # not on this disk, as inside of an archive
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


def _constants(names: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the numbers that kernels hold from when they were compiled; some come from other files."""
    return tuple(sorted((name, value) for name, value in names.items() if name.isupper() and type(value) in NUMBERS))
