import importlib.util
import math
from typing import Any

import pytest

from tailrank.cli import fidelity
from tailrank.cli.progress import Progress
from tailrank.core import SetupError

QUIET = Progress(quiet=True)


@pytest.mark.parametrize("name", ["torch", "psutil"])
def test_what_is_missing_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(fidelity, "find_spec", lambda asked: None if asked == name else there(asked))
    found = fidelity.fidelity(1, QUIET)
    assert found["rows"] == []
    assert f"needs {name}, which is not installed" in found["absent"]
    assert "pip install" in found["absent"]


def test_a_host_that_cannot_build_the_network_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    from tailrank.cli import subject

    def build(*_: Any, **__: Any) -> None:
        raise SetupError("not enough memory", hint="")

    monkeypatch.setattr(subject, "build", build)
    assert fidelity.fidelity(1, QUIET)["absent"] == "the engine could not run here: not enough memory"


def test_the_engine_is_compared_at_every_load(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    for name in ("PROFILE_S", "FLOOD_S", "CALIBRATION_S", "ROUND_S", "RUN_S"):
        monkeypatch.setattr(fidelity, name, 0.02)
    monkeypatch.setattr(fidelity, "MEMORY_BYTES", 1 << 20)
    found = fidelity.fidelity(1, QUIET, networks=("ncf",))
    assert found["absent"] is None
    assert [row["load"] for row in found["rows"]] == list(fidelity.LOADS)
    assert 0 <= found["others"] <= 1
    assert found["workers"] >= 1
    for row in found["rows"]:
        assert row["network"] == "ncf"
        assert row["queries"] >= fidelity.FEWEST
        assert row["offered_qps"] > 0
        # Wall time on a shared host says little; but with the run's own times the walk is the same one.
        assert all(row[key] > 0 and math.isfinite(row[key]) for key in ("engine_ms", "own_times_ms", "profiled_ms"))


def test_when_time_is_up_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(fidelity, "BUDGET_S", -1.0)
    found = fidelity.fidelity(1, QUIET)
    assert (found["rows"], found["left_out"]) == ([], list(fidelity.NETWORKS))
