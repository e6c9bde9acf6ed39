"""The compiled extension, where the install has it: loaded once, never required."""

import importlib
import os
from functools import cache
from typing import Any

from tailrank.core import SetupError

__all__ = ["available", "core", "path", "paths", "remedy", "switched_off", "why_not"]

VARIABLE = "TAILRANK_NATIVE"


@cache
def _load() -> tuple[Any, str]:
    """Return the extension and why it is missing: one of the two."""
    if switched_off():
        return None, f"{VARIABLE}=off"
    try:
        return importlib.import_module("tailrank.native._core"), ""
    except ImportError as error:
        return None, f"the extension was not built ({error})"


def available() -> bool:
    """Tell whether native programs and the native pool can run here."""
    return _load()[0] is not None


def why_not() -> str:
    """Return why they cannot, or an empty text."""
    return _load()[1]


def switched_off() -> bool:
    """Tell whether the user wants it left out."""
    return os.environ.get(VARIABLE) == "off"


def remedy() -> str:
    """Return what to do where they cannot, as a hint's first words."""
    return f"unset {VARIABLE}" if switched_off() else "install a C++17 compiler and reinstall"


def core() -> Any:
    """Return the extension; raises `SetupError` where there is none."""
    found, why = _load()
    if found is None:
        raise SetupError(f"no native executor: {why}", hint=f"{remedy()}; without it, torch runs the batches")
    return found


def paths() -> tuple[str, ...]:
    """Return the instruction sets that this processor runs, fastest first; empty without the extension."""
    return tuple(core().paths()) if available() else ()


def path() -> str:
    """Return the instruction set in use: the fastest, or what the variable TAILRANK_NATIVE names."""
    return str(core().path())
