import json
from pathlib import Path
from typing import Any

import pytest

from tailrank.accelerator import Design, evaluate
from tailrank.cli.main import main
from tailrank.core.config import dump, load
from tailrank.tuner.rpaccel import Space, planted

SPACE = Space(
    funnels=(("rm-large",), ("rm-small", "rm-large")),
    take=(512,),
    keep=(64, 128),
    results=32,
    sub_arrays=("32x32", "64x64", "128x128"),
    servers=(1, 2, 4),
    bandwidth=(0.5,),
    cache=(0.5,),
    embedding_mib=(16,),
    parts=(1, 2),
    bins=(16,),
)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space") / "space.toml"
    dump(SPACE, path)
    return path


def explore(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["accel", "explore", "--json", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_front_is_told_and_its_designs_are_files(
    space: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "best"
    found = explore(capsys, "--space", str(space), "--qps", "100", "--designs", str(folder))
    assert found["scores"] == "planted"
    assert 0 < len(found["front"]) < found["within_limits"] <= found["designs"]
    assert found["quality_floor"] == pytest.approx(0.995 * found["best_single_stage_quality"])
    latencies = [row["latency_ms"] for row in found["front"]]
    capacities = [row["capacity_qps"] for row in found["front"]]
    assert latencies == sorted(latencies)
    assert capacities == sorted(capacities)
    files = sorted(folder.iterdir())
    assert len(files) == len(found["front"])
    for path, row in zip(files, found["front"], strict=True):
        exact = evaluate(load(Design, path))
        assert exact.latency_ns / 1e6 == pytest.approx(row["latency_ms"])
        assert row["quality"] >= found["quality_floor"]
        assert row["p99_ms"] >= row["p95_ms"] >= 0.999 * row["latency_ms"]


def test_score_tables_and_limits(space: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted(queries=16, items=512).save(tmp_path / "tables")
    words = ["--space", str(space), "--tables", str(tmp_path / "tables"), "--quality-floor", "0.5", "--area-cap", "29"]
    found = explore(capsys, *words, "--objectives", "energy,quality", "--least-qps", "1000")
    assert found["quality_floor"] == 0.5
    assert all(row["area_mm2"] <= 29 and row["capacity_qps"] >= 1000 for row in found["front"])


def test_text_for_people(space: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "explore", "--space", str(space)]) == 0
    out = capsys.readouterr().out
    assert "within the limits" in out
    assert "knee" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quality-drop", "lots"], "lots"),
        (["--area-cap", "1"], "within the limits"),
        (["--objectives", "beauty"], "beauty"),
        (["--tables", "nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_is_named_with_a_hint(
    space: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["accel", "explore", "--space", str(space), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.splitlines()[-1].startswith("hint: ")
