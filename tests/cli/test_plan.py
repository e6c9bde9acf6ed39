"""`tailrank plan --fleet`, end to end with small hosts and short searches, and the ways its input can be wrong."""

import json
import math
import shlex
from pathlib import Path
from typing import Any

import pytest

from tailrank.cli import fleet
from tailrank.cli.budget import QUICK
from tailrank.cli.main import main

TINY = QUICK._replace(replications=3, queries=1500, slices=20_000)
HOST, GPU = "skylake-40c:cores=4", "skylake-40c:cores=4+t4"
SIZES = ("--sizes", "lognormal:mu=4,sigma=1,max_size=256")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fleet, "QUICK", TINY)
    return tmp_path


def plan(*words: str, trace: str = "diurnal", network: str = "wnd") -> int:
    return main(["plan", "--fleet", "--trace", trace, "--network", network, "--quick", "--quiet", *SIZES, *words])


def test_every_hour_is_served_with_the_spare_hosts_down(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--host", HOST, "--host", GPU, "--price", f"{HOST}=1", "--price", f"{GPU}=1.5", "--qps", "20000")
    assert plan(*words, "--spare", "2", "--json", "--out", "out") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found == json.loads((folder / "out" / "result.json").read_text())
    assert (folder / "out" / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert found["aim"] == "cost"
    assert len(found["hours"]) == 24
    size = {kind["name"]: kind["planned_qps"] for kind in found["kinds"]}
    price = {HOST: 1.0, GPU: 1.5}
    for hour in found["hours"]:
        sizes = sorted(size[name] for name, count in hour["hosts"].items() for _ in range(count))
        assert math.fsum(sizes[:-2]) >= hour["demand_qps"]
        assert hour["price"] == pytest.approx(sum(count * price[name] for name, count in hour["hosts"].items()))
    for kind in found["kinds"]:
        assert kind["capacity_ci95_qps"][0] == kind["planned_qps"] <= kind["capacity_qps"]
        assert 0 < kind["idle_w"] < kind["full_w"]
    assert found["totals"]["cost"] <= min(each["cost"] for each in found["alone"].values()) + 1e-9
    assert found["totals"]["cost"] <= found["kept"]["cost"]
    assert "not verified" in found["verdict"]["text"]
    again = shlex.split(found["command"])
    assert again[:3] == ["tailrank", "plan", "--fleet"]
    assert main([*again[1:], "--json", "--quiet"]) == 0
    repeated = json.loads(capsys.readouterr().out)
    assert repeated["hours"] == found["hours"]


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("--host", HOST, "--qps", "5000", "--aim", "power") == 0
    text = capsys.readouterr().out
    assert "N+1" in text
    assert "least power" in text
    assert "host-hours" in text
    assert len([line for line in text.splitlines() if line.strip()[:2].strip().isdigit()]) >= 24


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--host", "no-such"), 2, "unknown device"),
        (("--host", "skylake-40c:cores=400"), 2, "40 cores"),
        (("--host", HOST, "--sla-ms", "0.001"), 3, "no plan can meet"),
        (("--host", HOST, "--price", "x=1"), 2, "no --host is called"),
        (("--host", HOST, "--switches", "warp"), 2, "unknown switch"),
    ],
)
def test_what_cannot_be_is_said_clearly(
    words: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(*words, "--qps", "100") == code
    error = capsys.readouterr().err
    assert message in error
    assert "hint:" in error


def test_a_fleet_must_be_asked_for_and_a_network_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--trace", "diurnal", "--network", "wnd", "--host", HOST]) == 2
    assert "--fleet" in capsys.readouterr().err
    assert plan("--host", HOST, "--qps", "100", network="wdn") == 2
    assert "did you mean `wnd`" in capsys.readouterr().err
