"""`tailrank tune --host`, end to end: a result without an engine that says so, and the ways its input can be wrong."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tailrank.cli import climbing, hosted
from tailrank.cli.budget import QUICK
from tailrank.cli.hosted import UNVERIFIED
from tailrank.cli.main import main
from tailrank.core import Plan
from tailrank.core.config import from_dict, load

TINY = QUICK._replace(replications=2, queries=1500, slices=20_000)
HOST = "skylake-40c:cores=4+gtx-1080ti"
SIZES = ("--sizes", "lognormal:mu=4,sigma=1,max_size=256")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hosted, "QUICK", TINY)
    return tmp_path


def tune(*words: str, host: str = HOST, model: str = "wnd") -> int:
    return main(["tune", model, "--host", host, "--quick", "--quiet", "--out", "out", *SIZES, *words])


def document(capsys: pytest.CaptureFixture[str], *words: str, **more: str) -> dict[str, Any]:
    assert tune("--json", *words, **more) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_result_is_whole_and_says_that_nothing_was_verified(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = document(capsys)
    assert found == json.loads((folder / "out" / "result.json").read_text())
    assert found["verdict"] == {"certified": False, "text": UNVERIFIED}
    assert UNVERIFIED == "simulated, not verified on an engine"
    assert found["engine"] is None
    assert found["host"]["name"] == HOST
    assert found["host"]["cores"] == found["baseline"]["plan"]["pools"]["cpu"]["workers"] == 4
    assert f"--host {HOST}" in found["command"]
    assert found["capacity_qps"] == max(each["capacity_qps"] for each in found["candidates"])
    assert found["capacity_qps"] >= found["baseline"]["capacity_qps"]
    low, high = found["capacity_ci95_qps"]
    assert low <= found["capacity_qps"] <= high
    assert {each["offload_at"] for each in found["candidates"]} >= {None, 1, 256}
    assert load(Plan, folder / "out" / "plan.toml").stages[0].model == "wnd"
    assert {path.name for path in (folder / "out").iterdir()} == {
        "result.json",
        "plan.toml",
        "baseline.toml",
        "report.html",
    }


def test_the_report_says_so_too_and_shows_no_measured_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune() == 0
    said = capsys.readouterr().out
    assert UNVERIFIED in said
    assert HOST in said
    page = (folder / "out" / "report.html").read_text()
    assert UNVERIFIED in page
    assert "is predicted to serve" in page
    assert "every number here is the simulator" in page
    assert "timed batches)" not in page
    assert "1080 Ti" in page


def test_power_counts_the_whole_host_and_busy_time_only(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys)
    for plan in ("tuned", "baseline"):
        watts = found["power"][plan]["watts"]
        assert found["host"]["idle_w"] < watts < found["host"]["tdp_w"]
    assert found["power"]["tuned"]["qps_per_watt"] == pytest.approx(
        found["capacity_qps"] / found["power"]["tuned"]["watts"]
    )


def test_a_host_without_gpu_offloads_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = document(capsys, host="skylake-40c:cores=4")
    assert found["gpu"] is None
    assert {each["offload_at"] for each in found["candidates"]} == {None}


def test_the_same_seed_gives_the_same_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def numbers() -> dict[str, Any]:
        found = document(capsys, host="broadwell-28c:cores=4")
        return {key: value for key, value in found.items() if key not in ("seconds", "made_at")}

    assert numbers() == numbers()


def test_switches_are_recorded_and_make_the_gpu_no_slower(capsys: pytest.CaptureFixture[str]) -> None:
    plain = document(capsys)
    fast = document(capsys, "--switches", "fused,pinned,int32,overlap")
    assert fast["host"]["switches"] != plain["host"]["switches"]
    assert "--switches fused,pinned,int32,overlap" in fast["command"]
    for before, after in zip(plain["gpu"]["ratios"], fast["gpu"]["ratios"], strict=True):
        assert after["gpu_us"] <= before["gpu_us"]
        assert after["cpu_us"] <= before["cpu_us"]  # fused lookups and short ids help there, too


def test_a_fit_written_by_calibrate_is_taken_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = [f"skylake-40c,wnd,{batch},total_ms,{0.05 + 0.02 * batch}" for batch in (1, 8, 64, 256, 1024)]
    (folder / "points.csv").write_text("\n".join(["device,network,batch,quantity,value", *points]) + "\n")
    words = ["profile", "wnd", "--calibrate", "skylake-40c", "--points", "points.csv", "--fit", "mine.toml", "--json"]
    assert main(words) == 0
    capsys.readouterr()
    plain = document(capsys, host="skylake-40c:cores=4")
    fitted = document(capsys, "--fit", "mine.toml", host="skylake-40c:cores=4")
    assert "--fit mine.toml" in fitted["command"]
    assert "skylake-40c: parameters of --fit (points in points.csv)" in fitted["notes"]
    assert not any("--fit" in note for note in plain["notes"])
    assert fitted["profile"]["points"] != plain["profile"]["points"]


def test_a_target_that_no_plan_meets_is_exit_code_3_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--sla-ms", "0.0001") == 3
    assert "no plan can meet" in capsys.readouterr().err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["wnd", "--host", "skylake-40d"], "did you mean `skylake-40c`"),
        (["wnd", "--host", "skylake-40c:cores=41"], "41"),
        (["wnd", "--host", "t4"], "is no CPU"),
        (["wnd", "--host", "skylake-40c", "--gpu-workers", "2"], "--gpu-workers 2"),
        (["wnd", "--host", "skylake-40c", "--workers", "2"], "--workers 2"),
        (["wnd", "--host", "skylake-40c", "--executor", "native"], "--executor native"),
        (["wnd", "--host", "skylake-40c", "--gpu"], "--host CPU+GPU"),
        (["wnd", "--host", "skylake-40c", "--switches", "fast"], "unknown switch `fast`"),
        (["wnd", "--switches", "fused"], "without a host"),
        (["wnd", "--fit", "mine.toml"], "without a host"),
        (["wnd", "--host", "skylake-40c", "--fit", "absent.toml"], "absent.toml"),
        (["wnd9", "--host", "skylake-40c"], "wnd9"),
        (["some.module:build", "--host", "skylake-40c", "--sla-ms", "5"], "network by name"),
        (["some.onnx", "--host", "skylake-40c", "--sla-ms", "5"], "network by name"),
        (["wnd", "--host", "bad.toml"], "cores"),
        (["wnd", "--host", "absent.toml"], "absent.toml"),
    ],
)
def test_bad_input_names_the_value_and_a_mend(
    words: list[str], named: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.toml").write_text('name = "bad"\npart = "none"\nkind = "cpu"\ncores = 0\n')
    assert main(["tune", *words]) == 2
    said = capsys.readouterr()
    assert named in said.err
    assert "hint: " in said.err
    assert said.out == ""


def test_tables_that_do_not_fit_are_exit_code_3_with_the_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from msgspec.structs import replace

    from tailrank.core.config import dump
    from tailrank.timing import device

    dump(replace(device("gtx-1080ti"), name="small", memory_bytes=1 << 30), folder / "small.toml")
    assert tune(host="skylake-40c:cores=4+small.toml", model="rmc2") == 3
    assert "GB" in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_neither_torch_nor_the_engines_libraries_are_needed() -> None:
    code = (
        "import sys\n"
        "import tailrank.cli.hosted\n"
        "heavy = {'torch', 'plotly', 'psutil'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_policies_are_tried_around_the_best_plan_and_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "cascade-lake:cores=4+t4"
    plain = document(capsys)
    monkeypatch.setattr(climbing, "effort", lambda *_: (2_000, 30_000))  # what is asked is not how much they win
    found = document(capsys, "--policies", "--switches", "fused,pinned,int32,overlap", host=host, model="dien")
    assert plain["policies"] is None
    assert "--policies" in found["command"]
    policies = found["policies"]
    assert [each["policy"] for each in policies["trials"]] == ["queue-aware", "adapt", "combine", "together"]
    sure = {each["policy"] for each in policies["trials"] if each["sure"]}
    assert (policies["taken"] in sure) if sure else (policies["taken"] is None)
    for each in policies["trials"]:
        assert each["sure"] == (each["capacity_ci95_qps"][0] > policies["static"]["capacity_ci95_qps"][1])
        assert any(each["policy"] in note and each["label"] in note for note in found["notes"])
    best = load(Plan, folder / "out" / "plan.toml")
    assert best.dynamic == (policies["taken"] is not None)
    static = from_dict(Plan, policies["static"]["plan"])
    assert not static.dynamic
    assert max(each["capacity_qps"] for each in found["candidates"]) == found["capacity_qps"]
