"""Kernels are loaded before use, and only a run that has to compile them says so."""

import io

import pytest

from tailrank.cli import kernels
from tailrank.cli.progress import Progress


@pytest.mark.parametrize(("ready", "said"), [(True, ""), (False, "compiling the simulator's kernels")])
def test_only_a_run_that_compiles_says_so(monkeypatch: pytest.MonkeyPatch, ready: bool, said: str) -> None:
    warmed: list[dict[str, bool]] = []
    monkeypatch.setattr(kernels, "kernels_ready", lambda **_: ready)
    monkeypatch.setattr(kernels, "warm", lambda **which: warmed.append(which))
    stream = io.StringIO()
    kernels.prepare_kernels(Progress(stream=stream))
    kernels.prepare_kernels(Progress(stream=io.StringIO()), dynamic=True)
    kernels.prepare_kernels(Progress(stream=io.StringIO()), early=True)
    assert warmed == [{"dynamic": dynamic, "early": early} for dynamic, early in ((0, 0), (1, 0), (0, 1))]
    assert stream.getvalue().startswith(said)
    assert bool(stream.getvalue()) == bool(said)
