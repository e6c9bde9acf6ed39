import json
from pathlib import Path

import pytest

from tailrank.cli.main import main
from tailrank.cli.profile import beside
from tailrank.timing import load_profile

WORDS = ["profile", "ncf", "--memory-gib", "0.01", "--seconds", "0.1", "--workers", "1", "--quiet"]
WORDS += ["--sizes", "fixed:size=32", "--executor", "torch"]


def test_a_profile_of_another_pool_goes_beside() -> None:
    assert beside(Path("runs/rmc1.v2.json"), "gpu") == Path("runs/rmc1.v2-gpu.json")


def test_cpu_and_gpu_are_profiled_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "p.json"
    assert main([*WORDS, "--gpu", "host", "--gpu-workers", "1", "--out", str(out), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["network"]["executor_asked"] == "torch"
    assert document["served_by"] == {"cpu": "Python threads"}
    assert document["precision_effect"] is document["gpu"]["precision_effect"] is None
    assert document["gpu"]["pretend"] is True
    for pool, path in (("cpu", out), ("gpu", tmp_path / "p-gpu.json")):
        profile = load_profile(path)
        section = document["profile"] if pool == "cpu" else document["gpu"]["profile"]
        assert profile.network == "ncf"
        assert len(profile.points) == len(section["points"])
    ratios = document["gpu"]["ratios"]
    assert ratios[0]["items"] == 1
    assert all(row["ratio"] == pytest.approx(row["cpu_us"] / row["gpu_us"]) for row in ratios)
    assert all(0 <= row["transfer_share"] <= 1 for row in document["gpu"]["transfers"])
