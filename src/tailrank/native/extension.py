"""The compiled extension, or None where this install goes without it."""

try:
    from tailrank.native import _core as core
except ImportError:  # no C++ compiler when it was installed
    core = None  # type: ignore[assignment]

__all__ = ["core"]
