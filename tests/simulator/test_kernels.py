"""Readiness of the kernels, seen from other processes too."""

import os
import subprocess
import sys
from pathlib import Path

from tailrank.simulator import kernels_ready, warm


def ask(environment: dict[str, str]) -> str:
    command = [sys.executable, "-c", "from tailrank.simulator import kernels_ready; print(kernels_ready())"]
    environment = {**os.environ, **environment}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=100).stdout


def test_warm_makes_ready_here_and_in_the_next_process() -> None:
    warm(dynamic=True, early=True)
    assert kernels_ready(dynamic=True, early=True)
    assert ask({}) == "True\n"


def test_an_empty_cache_is_not_ready(tmp_path: Path) -> None:
    assert ask({"NUMBA_CACHE_DIR": str(tmp_path)}) == "False\n"
