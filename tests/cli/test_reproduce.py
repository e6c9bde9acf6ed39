import json
from pathlib import Path
from typing import Any

import pytest

from tailrank.cli import fidelity
from tailrank.cli.main import main
from tailrank.tuner import readings

TINY = readings.Effort(
    queries=1000,
    most_queries=2000,
    race_queries=500,
    targets=8.0,
    race_targets=8.0,
    replications=2,
    most_replications=2,
    precision=10.0,
    tolerance=0.05,
)
KEPT = ("", readings.SLOW, "A100, fused")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and short columns: what is tested is the verb."""
    every = readings.columns

    def few(networks: Any, **changes: Any) -> Any:
        found = every(networks, **(changes | {"effort": TINY}))
        return [each for each in found if each.reading in KEPT and each.host == readings.SKYLAKE]

    monkeypatch.setattr(readings, "columns", few)


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine: its numbers, other ones each time, are tested in test_fidelity."""
    counted = iter(range(1, 100))

    def rows(seed: int, progress: Any, *, networks: Any) -> dict[str, Any]:
        row = {"network": "ncf", "load": 0.5, "queries": 100, "engine_ms": next(counted), "own_times_ms": 1.0}
        return {"absent": None, "workers": 2, "others": 0.0, "left_out": [], "rows": [row | {"profiled_ms": 1.0}]}

    monkeypatch.setattr(fidelity, "fidelity", rows)


def reproduce(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    asked = [
        "reproduce",
        "deeprecsys",
        "--networks",
        "rmc1,wnd",
        "--workers-local",
        "1",
        "--quick",
        "--quiet",
        "--json",
    ]
    assert main([*asked, *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.usefixtures("tiny")
def test_the_study_is_written_and_repeats_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = reproduce(capsys, "--out", str(tmp_path / "one"), "--write-docs", str(tmp_path / "docs" / "page.md"))
    second = reproduce(capsys, "--out", str(tmp_path / "two"))
    assert {key for key in first if first[key] != second[key]} <= {"seconds", "made_at", "versions", "fidelity"}
    assert first["fidelity"] != second["fidelity"]
    assert json.loads((tmp_path / "one" / "result.json").read_text()) == first
    assert (tmp_path / "one" / "report.html").read_text().lower().startswith("<!doctype html>")
    page = (tmp_path / "docs" / "page.md").read_text()
    assert "A quick run" in page
    assert page.count("| rmc1 | skylake-40c") >= 9


@pytest.mark.usefixtures("tiny")
def test_the_document_has_what_the_study_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = reproduce(capsys, "--out", str(tmp_path / "out"), "--seed", "3", "--no-engine")
    assert "--no-engine" in found["fidelity"]["absent"]
    assert found["command"] == "tailrank reproduce deeprecsys --seed 3 --quick --no-engine --networks rmc1,wnd"
    assert found["seed"] == 3
    keys = {(cell["network"], cell["target"], cell["host"], cell["scheduler"]) for cell in found["cells"]}
    assert keys == {
        (network, target, "skylake-40c", scheduler)
        for network in ("rmc1", "wnd")
        for target in ("low", "medium", "high")
        for scheduler in ("static", "cpu", "gpu")
    }
    wanted = ["sla_ms", "capacity_qps", "capacity_ci95_qps", "batch_size", "offload_at", "gpu_query_share"]
    wanted += ["gpu_item_share", "qps_per_watt", "gain"]
    assert all(set(wanted) <= set(cell) for cell in found["cells"])
    assert found["geomean_gain"]["skylake-40c"].keys() == {"cpu", "gpu"}
    assert len(found["checks"]) == 17
    assert len(found["claims"]) == 5
    assert found["seconds"] > 0
    lost = {(row["network"], row["target"], row["scheduler"]): row["regret"] for row in found["regret"]}
    assert lost == {
        (cell["network"], cell["target"], cell["scheduler"]): cell["regret"]
        for cell in found["cells"]
        if cell["regret"] is not None
    }
    assert [row["name"] for row in found["readings"]] == ["as calibrated", "A100, fused"]
    assert {row["knob"] for rows in found["curves"].values() for row in rows} == {"batch_size", "offload_at"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reproduce"], "study"),
        (["reproduce", "recpype"], "recpype"),
        (["reproduce", "deeprecsys", "--networks", "rmc1,rmc9"], "rmc9"),
        (["reproduce", "deeprecsys", "--networks", ","], "`,`"),
        (["reproduce", "deeprecsys", "--seed", "x"], "not `x`"),
        (["reproduce", "deeprecsys", "--workers-local", "0"], "not `0`"),
    ],
)
def test_what_is_wrong_is_named_with_a_hint(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.splitlines()[-1].startswith("hint: ")


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["reproduce", "deeprecsys", "--quiet", "--out", str(tmp_path)]) == 2
    assert "not a Tailrank result" in capsys.readouterr().err
