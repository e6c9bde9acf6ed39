"""Compiling where nothing can be written."""

from collections.abc import Callable
from typing import Any

import pytest

from tailrank.core import jit


def test_without_a_folder_to_cache_in_a_kernel_is_compiled_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    real = jit.njit

    def on_a_read_only_disk(**options: Any) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            if options.get("cache"):
                raise RuntimeError("cannot cache function: no locator available")
            return real(**options)(function)

        return decorate

    monkeypatch.setattr(jit, "njit", on_a_read_only_disk)

    def double(number: int) -> int:
        return 2 * number

    kernel = jit.compiled(double)
    assert kernel is not double
    assert kernel(21) == 42
