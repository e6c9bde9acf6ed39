import json
from pathlib import Path

import numpy as np
import pytest

from tailrank.accelerator.memory import hits, number
from tailrank.cli.main import main


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    keys = np.random.default_rng(5).zipf(1.3, 4000) % 500
    (tmp_path / "keys.trace").write_bytes(keys.astype(">i8").tobytes())
    return tmp_path / "keys.trace"


@pytest.mark.parametrize("policy", ["lru", "fifo", "static"])
def test_hit_rates_by_capacity(recorded: Path, capsys: pytest.CaptureFixture[str], policy: str) -> None:
    words = ["--policy", policy, "--capacities", "5", "20,80", "10%", "--json"]
    assert main(["accel", "cache", "--trace", str(recorded), "--dtype", ">i8", *words]) == 0
    found = json.loads(capsys.readouterr().out)
    trace = number(np.fromfile(recorded, ">i8"))
    rows = [5, 20, 80, round(trace.rows / 10)]
    assert list(found["capacity_rows"].values()) == rows
    assert found["hit_rate"] == pytest.approx(
        dict(zip(("5", "20", "80", "10%"), hits(policy, trace, rows) / 4000, strict=True))
    )
    assert found["accesses"] == 4000
    assert found["accesses_per_second"] > 0


def test_part_of_the_trace_is_measured(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["accel", "cache", "--trace", str(recorded), "--policy", "static", "--measured-from", "25%"]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measured_accesses"] == 3000
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "static on" in text
    assert "10%" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--capacities", "many"], "neither a count nor a share"),
        (["--capacities", "5.5"], "neither a count nor a share"),
        (["--capacities", "nan%"], "neither a count nor a share"),
        (["--measured-from", "4000"], "nothing is measured"),
        (["--dtype", "f4"], "no type of whole numbers"),
    ],
)
def test_bad_flags_are_refused(recorded: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    assert main(["accel", "cache", "--trace", str(recorded), *words]) == 2
    assert says in capsys.readouterr().err
