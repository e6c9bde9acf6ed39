import csv
import io
import json

import pytest

from tailrank.cli.main import main

TWO = "rm-small:4096,rm-large:128/512"


def test_every_choice_is_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "sweep", "--stages", TWO, "--sub-batches", "1", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["designs"] == len(found["rows"]) == 2 * 2 * (1 + 3 * 3)
    assert {tuple(row["items"]) for row in found["rows"]} == {(4096, 128), (4096, 512)}


def test_csv_is_one_line_a_design(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "sweep", "--stages", TWO, "--mode", "released", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 20
    found = {(row["items"], row["slices"]): float(row["latency_ms"]) for row in rows}
    assert found["4096 > 512", "(4, 4)"] == pytest.approx(1.3943896222)


def test_what_the_model_refuses_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "sweep", "--stages", TWO, "--slices", "4", "3"]) == 0
    assert "refused, such as" in capsys.readouterr().out


@pytest.mark.parametrize("stages", ["", "rm-small", "rm-small:0", "rm-small:12/"])
def test_stages_that_are_none_are_refused(stages: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "sweep", "--stages", stages]) == 2
    assert "hint: " in capsys.readouterr().err
