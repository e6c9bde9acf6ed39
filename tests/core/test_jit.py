"""Compiling where nothing can be written, and compiling again when sources change."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
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


USER = """
from caller import kernel
print(kernel(10))
"""
CALLER = """
from called import BASE, piece
from tailrank.core.jit import compiled

@compiled
def kernel(number):
    return piece(number) + BASE
"""
CALLED = """
from tailrank.core.jit import {how}

BASE = {base}

@{how}
def piece(number):
    return {factor} * number
"""


@pytest.mark.parametrize("how", ["compiled", "inlined"])
def test_a_kernel_is_compiled_again_when_what_it_is_made_of_changes_in_another_file(tmp_path: Path, how: str) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "user.py").write_text(USER)
    said = []
    for base, factor in ((1, 2), (1, 3), (1, 3), (500, 3)):
        (tmp_path / "called.py").write_text(CALLED.format(how=how, base=base, factor=factor))
        command = [sys.executable, str(tmp_path / "user.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(int(done.stdout))
    assert said == [21, 31, 31, 530]


def test_a_kernel_that_nothing_of_changed_is_loaded(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept")}
    (tmp_path / "caller.py").write_text(CALLER)
    (tmp_path / "called.py").write_text(CALLED.format(how="inlined", base=1, factor=2))
    (tmp_path / "user.py").write_text("from caller import kernel\nkernel(1)\nprint(len(kernel.stats.cache_hits))\n")
    command = [sys.executable, str(tmp_path / "user.py")]
    hits = [subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout for _ in "12"]
    assert [int(each) for each in hits] == [0, 1]
