import argparse
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tailrank.cli import explore_tiers, recpipe_tiers
from tailrank.cli.main import main
from tailrank.cli.progress import Progress
from tailrank.core import stream
from tailrank.datasets.score_tables import ScoreTables
from tailrank.tuner.recpipe import modern


def planted(queries: int = 12, candidates: int = 1024) -> ScoreTables:
    truth = stream(1, "truth").standard_normal((queries, candidates))
    label = (truth > np.quantile(truth, 0.9, axis=1, keepdims=True)).astype(np.float32)
    scores = {
        name: (truth + noise * stream(1, name).standard_normal(truth.shape)).astype(np.float32).ravel()
        for name, noise in (("rm-small", 1.5), ("rm-med", 1.0), ("rm-large", 0.5))
    }
    first = np.arange(queries + 1, dtype=np.int64) * candidates
    return ScoreTables(first, np.arange(label.size, dtype=np.int32), label.ravel(), scores)


@pytest.fixture
def tiers(tmp_path: Path) -> Path:
    planted().save(tmp_path / "tiers" / "scores")
    return tmp_path / "tiers"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(each for each in modern.cases() if not each.gpu and not each.naive and each.batch == 4096)
    monkeypatch.setattr(modern, "cases", lambda: kept)
    monkeypatch.setattr(modern, "QUERIES", 1500)
    monkeypatch.setattr(modern, "REPETITIONS", 1)


def reproduce(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["reproduce", "recpipe", "--quick", "--quiet", "--json", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    document: dict[str, Any] = json.loads(out)
    return document


@pytest.mark.usefixtures("few")
def test_the_study_is_written_and_repeats_itself(
    tmp_path: Path, tiers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "page.md"
    one = reproduce(capsys, "--tiers", str(tiers), "--out", str(tmp_path / "one"), "--write-docs", str(page))
    two = reproduce(capsys, "--tiers", str(tiers), "--out", str(tmp_path / "two"))
    assert {key for key in one if one[key] != two[key]} <= {"seconds", "seconds_after_tiers", "made_at", "versions"}
    assert json.loads((tmp_path / "one" / "result.json").read_text()) == one
    assert (tmp_path / "one" / "report.html").read_text().lower().startswith("<!doctype html>")
    text = page.read_text()
    assert "A quick run" in text
    assert all(each["ours"].replace("|", "/") in text for each in one["checks"])
    assert one["command"] == "tailrank reproduce recpipe --seed 1 --quick --tiers DIR"


@pytest.mark.usefixtures("few")
def test_people_read_the_checks_one_by_one(tmp_path: Path, tiers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["reproduce", "recpipe", "--quick", "--quiet", "--tiers", str(tiers), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.count("\n10  ") == 10
    assert text.count("\n13  ") == 8
    assert str(out / "report.html") in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--networks", "rm-small"], "--networks"),
        (["--movielens", "nowhere"], "nowhere"),
        (["--criteo", "nowhere"], "nowhere"),
        (["--seed", "x"], "not `x`"),
    ],
)
def test_what_makes_no_sense_is_said(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "recpipe", "--quiet", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "hint:" in err


def test_a_folder_that_is_not_ours_is_kept(tmp_path: Path, tiers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert main(["reproduce", "recpipe", "--quiet", "--tiers", str(tiers), "--out", str(tmp_path / "mine")]) == 2
    assert "not a Tailrank result directory" in capsys.readouterr().err
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def asked(**changed: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"seed": 1, "quick": False, "criteo": None, "movielens": None} | changed)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[argparse.Namespace]:
    """What was asked of training, which is not done: planted scores take its place."""
    seen: list[argparse.Namespace] = []

    def prepared(args: argparse.Namespace, out: Path, steps: object) -> Any:
        del steps
        seen.append(args)
        (out / "tiers").mkdir(exist_ok=True)
        planted().save(out / "scores")
        facts = {"data": {"data": args.data, "ranked_rows": 2642}, "training": {"rm-small": {"hold_out": [[1, -0.5]]}}}
        return SimpleNamespace(tables=planted(), facts=facts)

    monkeypatch.setattr(explore_tiers, "prepared", prepared)
    return seen


def test_tiers_are_trained_once(tmp_path: Path, trainings: list[argparse.Namespace]) -> None:
    with Progress(quiet=True) as progress:
        first = recpipe_tiers.score_tables_of(asked(), tmp_path, progress)
        again = recpipe_tiers.score_tables_of(asked(), tmp_path, progress)
        assert len(trainings) == 1
        recpipe_tiers.score_tables_of(asked(seed=2), tmp_path, progress)
    assert len(trainings) == 2
    assert first.facts == again.facts
    assert first.facts["synthetic"]["training"]["rm-small"]["hold_out"] == -0.5


def test_criteo_is_ranked_by_both_protocols(tmp_path: Path, trainings: list[argparse.Namespace]) -> None:
    with Progress(quiet=True) as progress:
        found = recpipe_tiers.score_tables_of(asked(criteo=tmp_path), tmp_path / "kept", progress)
    assert list(found.tables) == ["synthetic", "criteo", "criteo-blocks"]
    assert [each.data for each in trainings] == ["synthetic", "criteo", "criteo"]
    assert trainings[-1].option == ["protocol=artifact", "candidates=330"]
    assert trainings[-1].queries == 8


@pytest.mark.parametrize(
    ("file", "name"), [("u.data.gz", "movielens-100k"), ("ratings.dat", "movielens-1m"), ("other", "movielens-1m")]
)
def test_movielens_is_told_by_its_files(
    tmp_path: Path, trainings: list[argparse.Namespace], file: str, name: str
) -> None:
    (tmp_path / file).touch()
    with Progress(quiet=True) as progress:
        found = recpipe_tiers.score_tables_of(asked(movielens=tmp_path), tmp_path / "kept", progress)
    assert list(found.tables) == ["synthetic", name]
    assert trainings[-1].queries == recpipe_tiers.MOVIELENS_QUERIES


def test_a_result_of_explore_is_taken_as_it_is(tmp_path: Path, trainings: list[argparse.Namespace]) -> None:
    planted().save(tmp_path / "scores")
    training = {"neumf": {"steps": 3, "hold_out": [[1, 0.1], [2, 0.3]], "seconds": 9.0}}
    (tmp_path / "result.json").write_text(json.dumps({"data": {"data": "mine"}, "training": training}))
    with Progress(quiet=True) as progress:
        found = recpipe_tiers.score_tables_of(asked(), tmp_path, progress)
    assert not trainings
    assert list(found.tables) == ["mine"]
    assert found.facts["mine"]["training"]["neumf"] == {"steps": 3, "hold_out": 0.3, "flops_per_item": None}


def test_without_torch_or_tiers_quality_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recpipe_tiers, "find_spec", lambda _: None)
    with Progress(quiet=True) as progress:
        found = recpipe_tiers.score_tables_of(asked(), tmp_path, progress)
    assert found.tables == {}
    assert "PyTorch" in found.facts["synthetic"]["absent"]
