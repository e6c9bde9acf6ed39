import json
from pathlib import Path
from typing import Any

import pytest

from tailrank.cli.accel import ACTIONS
from tailrank.cli.main import main

TWO = "rm-small:4096@4,rm-large:512@4"


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert main(["accel", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_help_names_the_actions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"    {action} " in text for action in ACTIONS)


def test_the_artifacts_two_stage_design(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "evaluate", "--mode", "released", "--stages", TWO)
    assert found["mode"] == "released"
    assert found["latency_ms"] == pytest.approx(1.3943896222, rel=1e-9)
    assert sum(found["stage_latency_ms"]) == pytest.approx(found["latency_ms"])
    assert round(found["capacity_qps"]) == 2389
    assert found["area_mm2"] == pytest.approx(28.550416) == pytest.approx(sum(found["area_mm2_by_block"].values()))
    assert found["energy_mj_per_query"] == 0


def test_without_a_mode_it_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "evaluate", "--stages", TWO)
    assert found["mode"] == "corrected"
    assert found["energy_mj_per_query"] == pytest.approx(sum(found["energy_mj_by_part"].values()))
    parts = [sum(stage["ms_by_part"].values()) for stage in found["stages"]]
    assert parts == pytest.approx(found["stage_latency_ms"])


def test_host_filtering(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "evaluate", "--mode", "released", "--stages", "rm-large:4096@1", "--filter", "host")
    assert round(found["latency_ms"], 4) == 2.4805


def test_one_bug_can_be_set_the_other_way_round(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "evaluate", "--mode", "released", "--stages", TWO, "--switch", "concat_width")
    assert (found["mode"], round(found["capacity_qps"])) == ("mixed", 2726)
    effects = asked(capsys, "evaluate", "--mode", "released", "--stages", TWO, "--effects")["effects"]
    effect = next(each for each in effects if each["bug"] == "concat_width")
    assert effect["capacity_qps"] == found["capacity_qps"]
    assert effect["on"] is False


def test_a_file_is_read_and_flags_change_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "design.toml"
    file.write_text(
        "sub_batches = 2\n"
        '[[stages]]\nnetwork = "rm-small"\nitems = 4096\nrows = 32\ncols = 32\nservers = 8\n'
        '[[stages]]\nnetwork = "rm-large"\nitems = 512\nrows = 64\ncols = 64\nservers = 2\n'
    )
    plain = asked(capsys, "evaluate", str(file))
    assert [stage["servers"] for stage in plain["stages"]] == [8, 2]
    better = asked(capsys, "evaluate", str(file), "--look-ahead", "--sub-batches", "4")
    assert better["design"]["sub_batches"] == 4
    assert better["stages"][1]["ms_by_part"]["gather"] == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["evaluate"], "either a file or --stages"),
        (["evaluate", "--stages", "rm-small:4096"], "NETWORK:ITEMS@SLICES"),
        (["evaluate", "--stages", "rm-huge:4096@4"], "unknown network `rm-huge`"),
        (["evaluate", "--stages", "rm-small:4096@3,rm-large:512@4"], "do not divide"),
        (["evaluate", "--mode", "released", "--stages", "rm-small:4096@2,rm-large:512@4"], "no slices of 1/2"),
        (["evaluate", "--mode", "released", "--stages", "rm-large:4097@1", "--filter", "host"], "cannot sort"),
        (["evaluate", "--stages", TWO, "--switch", "everything"], "no bug is called"),
        (["cycles", "--array", "128", "--layer", "4:4", "--items", "1"], "ROWSxCOLS"),
        (["cycles", "--array", "4x4", "--layer", "4", "--items", "1"], "INPUTS:OUTPUTS"),
        (["cycles", "--array", "4x4", "--layer", "4:4", "--items", "0"], "at least 1"),
        ([], "ACTION"),
        (["fission"], "fission"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accel", *words]) == 2
    assert why in capsys.readouterr().err


def test_cycles_of_a_layer(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cycles", "--array", "128x128", "--dataflow", "ws", "--layer", "512:256", "--items", "4096"]
    found = asked(capsys, *words)
    assert found["cycles"] == 8 * (2 * 128 + 128 + 4096)  # eight full folds
    assert found["utilisation"] == 1
    other = asked(capsys, *words, "--convention", "v3")
    assert other["cycles"] == 8 * (2 * 128 + 128 + 4096 - 2) - 1
    assert other["utilisation"] == pytest.approx(512 * 256 * 4096 / (other["cycles"] * 128 * 128))


def test_tails_at_offered_loads(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "--stages", TWO, "--qps", "10", "9000"]
    low, high = asked(capsys, *words)["loads"]
    alone_ms = asked(capsys, *words[:3])["latency_ms"]
    assert low["p50_ms"] == pytest.approx(alone_ms, rel=1e-5)
    assert low["saturated"] == []
    assert high["saturated"] == ["stage-0", "stage-1"]
    assert high["p50_ms"] < high["p95_ms"] < high["p99_ms"]
    assert main(["accel", *words, "--arrivals", "paper"]) == 0
    assert "whole-millisecond gaps" in capsys.readouterr().out


def test_text_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accel", "evaluate", "--stages", "rm-small:4096@1,rm-large:512@1", "--effects"]) == 0
    text = capsys.readouterr().out
    assert "1 x 128x128 in turns" in text
    assert "mm2" in text
    assert "concat_width" in text
    assert main(["accel", "cycles", "--array", "8x8", "--layer", "8:8", "--items", "3"]) == 0
    assert "utilisation" in capsys.readouterr().out
