"""Kernels are loaded before use, and only a run that has to compile them says so."""

import io

import pytest

from tailrank.cli import kernels
from tailrank.cli.progress import Progress


@pytest.mark.parametrize(("ready", "said"), [(True, ""), (False, "compiling the simulator's kernels")])
def test_only_a_run_that_compiles_says_so(monkeypatch: pytest.MonkeyPatch, ready: bool, said: str) -> None:
    warmed = []
    monkeypatch.setattr(kernels, "kernels_ready", lambda: ready)
    monkeypatch.setattr(kernels, "warm", lambda: warmed.append(True))
    stream = io.StringIO()
    kernels.prepare_kernels(Progress(stream=stream))
    assert warmed
    assert stream.getvalue().startswith(said)
    assert bool(stream.getvalue()) == bool(said)
