import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tailrank.cli import simulate as simulate_module
from tailrank.cli.machine import machine
from tailrank.cli.main import main
from tailrank.cli.simulate import check_memory
from tailrank.core import Plan, Pool, SetupError, Stage, single
from tailrank.core.config import dump
from tailrank.workload import Fixed, Workload


@pytest.fixture
def plan(tmp_path: Path) -> str:
    dump(single("m", batch_size=1000, workers=1), tmp_path / "plan.toml")
    return str(tmp_path / "plan.toml")


def simulate(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["simulate", "--json", "--quiet", *words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    document: dict[str, Any] = json.loads(out)
    return document


CONSTANT = ("--service", "constant:batch_us=1000")


def test_an_idle_system_takes_its_service_time(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    # At 0.001 qps and 1 ms service two queries out of 200 overlap about twice in ten thousand runs.
    found = simulate(capsys, "--plan", plan, "--qps", "0.001", "--queries", "200", *CONSTANT)["summary"]
    assert found["p50_ms"] == found["p99_ms"] == 1.0
    assert not found["saturated"]


def test_half_loaded_it_agrees_with_pollaczek_and_khinchine(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = simulate(capsys, "--plan", plan, "--qps", "500", "--queries", "200000", *CONSTANT)["summary"]
    # M/D/1 at rho = 0.5: mean wait rho / (2 (1 - rho)) = 0.5 service times, so 1.5 ms in all. Repetitions of this
    # length scatter by about 0.3 % of the mean: 2 % is far outside.
    assert math.isclose(found["mean_ms"], 1.5, rel_tol=0.02)
    assert math.isclose(found["utilisation"]["cpu"], 0.5, rel_tol=0.02)


def test_an_overloaded_system_is_saturated_and_shows_no_latency(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = simulate(capsys, "--plan", plan, "--qps", "2000", "--queries", "5000", "--sla-ms", "1e6", *CONSTANT)
    assert found["summary"]["saturated"]
    assert found["summary"]["met"] is False
    assert [found["summary"][f"{name}_ms"] for name in ("p50", "p95", "p99", "mean", "max")] == [None] * 5


@pytest.mark.parametrize(("sla_ms", "met"), [("1.5", True), ("0.5", False)])
def test_the_target_is_judged(plan: str, capsys: pytest.CaptureFixture[str], sla_ms: str, met: bool) -> None:
    words = ("--plan", plan, "--qps", "1", "--queries", "500", "--sla-ms", sla_ms, "--percentile", "p99", *CONSTANT)
    found = simulate(capsys, *words)["summary"]
    assert found["met"] is met
    assert found["target"] == {"latency_ms": float(sla_ms), "percentile": 99.0}
    assert main(["simulate", *words]) == 0
    assert f"p99 <= {sla_ms} ms" in (text := capsys.readouterr().out)
    assert ("met" if met else "missed") in text


def test_without_a_target_nothing_is_judged(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = simulate(capsys, "--plan", plan, "--qps", "1", "--queries", "100", *CONSTANT)["summary"]
    assert (found["target"], found["met"]) == (None, None)
    assert main(["simulate", "--plan", plan, "--qps", "1", "--queries", "100", *CONSTANT]) == 0
    assert "<=" not in capsys.readouterr().out


def test_same_seed_same_document_other_seed_another(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--plan", plan, "--qps", "700", "--queries", "1000", *CONSTANT)
    one, again, other = (simulate(capsys, *words, "--seed", seed) for seed in ("4", "4", "5"))
    assert one == again
    assert one["summary"]["p95_ms"] != other["summary"]["p95_ms"]


def test_the_workload_can_be_a_file_or_flags(plan: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ("--plan", plan, "--qps", "100", "--queries", "1000", "--service", "linear:fixed_us=0,item_us=10")
    (tmp_path / "workload.toml").write_text('[sizes]\nkind = "fixed"\nsize = 50\n')
    by_file = simulate(capsys, *words, "--workload", str(tmp_path / "workload.toml"))
    by_flag = simulate(capsys, *words, "--sizes", "fixed:size=50")
    assert by_file["summary"] == by_flag["summary"]
    assert by_file["summary"]["p50_ms"] == 0.5


def test_a_funnel_adds_up(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    stages = (Stage(model="a", batch_size=100, keep=10), Stage(model="b", batch_size=100))
    dump(Plan(stages=stages, pools={"cpu": Pool(workers=1)}), tmp_path / "plan.toml")
    found = simulate(
        capsys,
        *("--plan", str(tmp_path / "plan.toml"), "--qps", "0.001", "--queries", "50", "--sizes", "fixed:size=100"),
        *("--service", "a=linear:fixed_us=0,item_us=10", "--service", "b=linear:fixed_us=0,item_us=100"),
    )
    assert found["summary"]["p50_ms"] == 100 * 0.010 + 10 * 0.100


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--qps", "5", *CONSTANT], 2, "--plan"),
        (["--plan", "PLAN", *CONSTANT], 2, "--qps"),
        (["--plan", "PLAN", "--qps", "0", *CONSTANT], 2, "not `0`"),
        (["--plan", "PLAN", "--qps", "nan", *CONSTANT], 2, "not `nan`"),
        (["--plan", "PLAN", "--qps", "5", "--queries", "0", *CONSTANT], 2, "not `0`"),
        (["--plan", "PLAN", "--qps", "5", "--percentile", "100", *CONSTANT], 2, "not `100`"),
        (["--plan", "PLAN", "--qps", "5"], 2, "no service time for model `m`"),
        (["--plan", "PLAN", "--qps", "5", "--service", "cubic:a=1"], 2, "`cubic:a=1`"),
        (["--plan", "PLAN", "--qps", "5", "--profile", "absent.json"], 2, "absent.json"),
        (["--plan", "PLAN", "--qps", "5", "--queries", "1e15", *CONSTANT], 4, "GiB"),
        (["--plan", "absent.toml", "--qps", "5", *CONSTANT], 2, "absent.toml"),
        (["--plan", "PLAN", "--qps", "5", "--arrivals", "poison", *CONSTANT], 2, "`poison`"),
        (["--plan", "PLAN", "--qps", "5", "--sizes", "fixed:items=3", *CONSTANT], 2, "items"),
        (["--plan", "PLAN", "--qps", "5", "--workload", "absent.toml", *CONSTANT], 2, "absent.toml"),
    ],
)
def test_what_is_wrong_is_named_with_a_hint(
    plan: str, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert main(["simulate", *(plan if word == "PLAN" else word for word in words)]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.splitlines()[-1].startswith("hint: ")


def test_memory_is_counted_for_the_candidates_that_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    few = dataclasses.replace(machine(), available_bytes=10_000_000)  # 10,000 queries of a few slices each
    monkeypatch.setattr(simulate_module, "machine", lambda: few)
    whole, workload = single("m", batch_size=1, workers=1), Workload(sizes=Fixed(size=1000))
    check_memory(replace(whole, take=3), workload, 10_000)
    with pytest.raises(SetupError, match="10,000 queries need about"):
        check_memory(whole, workload, 10_000)


def test_simulating_needs_no_torch(plan: str) -> None:
    words = ["simulate", "--plan", plan, "--qps", "5", "--queries", "50", *CONSTANT]
    code = (
        "import sys\nfor name in ('torch', 'psutil', 'plotly', 'jinja2'): sys.modules[name] = None\n"
        f"from tailrank.cli.main import main; sys.exit(main({words!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_host_brings_its_own_service_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump(single("ncf", batch_size=64, workers=4), tmp_path / "ncf.toml")
    words = ["simulate", "--plan", str(tmp_path / "ncf.toml"), "--qps", "50", "--queries", "500", "--quiet", "--json"]

    def p95_ms(*more: str) -> float:
        assert main([*words, *more]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["host"] == more[1]
        return float(found["summary"]["p95_ms"])

    assert p95_ms("--host", "skylake-40c:cores=4") > 0
    assert main([*words, "--host", "skylake-40c:cores=3"]) == 2
    assert "3 cores" in capsys.readouterr().err
    assert main([*words, "--host", "skylake-40c", "--service", "constant:batch_us=5"]) == 2
    assert "which is it" in capsys.readouterr().err
    assert main([*words, "--service", "constant:batch_us=5", "--switches", "fused"]) == 2
    assert "without a host" in capsys.readouterr().err
