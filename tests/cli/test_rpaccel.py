import json
from pathlib import Path
from typing import Any

import pytest

from tailrank.cli.main import main
from tailrank.cli.rpaccel_page import page
from tailrank.tuner.rpaccel.choices import planted


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rpaccel")
    words = ["--quick", "--quiet", "--out", str(folder / "out"), "--write-docs", str(folder / "docs" / "page.md")]
    assert main(["reproduce", "rpaccel", *words]) == 0
    return folder


def test_the_result_directory_is_whole(out: Path) -> None:
    document: dict[str, Any] = json.loads((out / "out" / "result.json").read_text())
    assert (document["schema"], document["verb"], document["study"]) == (1, "reproduce", "rpaccel")
    assert document["command"] == "tailrank reproduce rpaccel --seed 1 --quick"
    assert document["seconds"] > 0
    assert (out / "out" / "report.html").read_text().lower().startswith("<!doctype html>")
    assert (out / "docs" / "page.md").read_text() == page(document)


def test_the_page_names_every_check_and_holds_no_broken_table(out: Path) -> None:
    text = (out / "docs" / "page.md").read_text()
    document = json.loads((out / "out" / "result.json").read_text())
    assert "A quick run" in text
    for row in document["checks"]:
        assert f"| {row['id']} | " in text
    width = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        assert width in (0, line.count("|")), line
        width = line.count("|")


def test_json_is_the_document_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tables"
    planted(queries=8, items=128).save(folder)
    words = ["--quick", "--quiet", "--json", "--out", str(tmp_path / "out"), "--tables", str(folder)]
    assert main(["reproduce", "rpaccel", *words]) == 0
    printed, err = capsys.readouterr()
    assert err == ""
    found = json.loads(printed)
    assert found["fig10b"]["source"] == "scores of rm-small and rm-large"
    assert found["fig10b"]["items"] == 128
    assert "--tables tables" in found["command"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--networks", "rmc1"], "--networks"),
        (["--no-engine"], "--no-engine"),
        (["--tables", "nowhere"], "nowhere"),
    ],
)
def test_what_is_wrong_is_named_with_a_hint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["reproduce", "rpaccel", "--quick", "--quiet", "--out", str(tmp_path / "out"), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.splitlines()[-1].startswith("hint: ")
    assert not (tmp_path / "out").exists()
