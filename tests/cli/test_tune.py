"""The main job, end to end, on a small module of the user's own; and every way its input can be wrong."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tailrank.cli import climbing, tune
from tailrank.cli.budget import Budget
from tailrank.cli.main import main
from tailrank.core import Plan, Pool
from tailrank.core.config import dump, load

TINY = Budget(
    profile_s=0.15,
    rounds=1,
    replications=2,
    queries=1_000,
    slices=10_000,
    probe_s=0.4,
    probe_targets=3.0,
    probes=1,
    fewest=60,
    repeats=1,
    repeat_s=0.2,
    load_s=0.1,
    reprofile_s=0.05,
    bracket_s=2.0,
    total_s=20.0,
    refine=False,
)

# Not too small: a few thousand queries a second fill a worker, so that runs are short and the dispatcher keeps up.
MODULE = """
import torch

class Small(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.Linear(256, 1))

    def forward(self, x):
        return self.layers(x)[:, 0]

def build():
    return Small(), lambda n: (torch.randn(n, 256),)
"""

KEYS = {"model", "sla", "workload", "host", "seed", "versions", "plan", "capacity_qps", "capacity_ci95_qps", "baseline"}
KEYS |= {"speedup", "candidates", "engine", "sim_error_pct", "sim_error_same_run_pct", "seconds", "verdict", "notes"}
KEYS |= {"profile", "operators", "network", "command"}
ENGINE_KEYS = {"capacity_qps", "baseline_capacity_qps", "speedup", "p50_ms", "p95_ms", "p99_ms", "queries"}
ENGINE_KEYS |= {"schedule_lag_p99_us"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("torch")
    (tmp_path / "small_module_of_a_user.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "small_module_of_a_user", raising=False)
    monkeypatch.setattr(tune, "QUICK", TINY)
    return tmp_path


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    return {}


@pytest.fixture
def again(folder: Path, kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Build and profile the user's module once for all tests that do not ask how: it is the same each time."""
    from tailrank.cli import searching, subject

    for module, name in ((subject, "subject_of"), (searching, "profiled")):
        honest = getattr(module, name)

        def once(*words: Any, honest: Any = honest, name: str = name, **more: Any) -> Any:
            if name not in kept:
                kept[name] = honest(*words, **more)
            return kept[name]

        monkeypatch.setattr(module, name, once)


TARGET = "40"  # ms: a busy machine is late, too
WORDS = [
    "tune",
    "small_module_of_a_user:build",
    "--workers",
    "1",
    "--sla-ms",
    TARGET,
    "--sizes",
    "fixed:size=64",
    "--quick",
    "--json",
    "--out",
    "out",
]


def test_the_main_job_writes_a_whole_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(WORDS) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert document == json.loads((folder / "out" / "result.json").read_text())
    assert set(document) >= KEYS
    assert set(document["engine"]) >= ENGINE_KEYS
    assert "profile: round 1" in printed.err
    assert {path.name for path in (folder / "out").iterdir()} >= {
        "result.json",
        "plan.toml",
        "baseline.toml",
        "profile.json",
        "report.html",
    }
    best = max(each["capacity_qps"] for each in document["candidates"])
    assert document["capacity_qps"] == best
    assert document["capacity_qps"] >= document["baseline"]["capacity_qps"]
    low, high = document["capacity_ci95_qps"]
    assert low <= document["capacity_qps"] <= high
    assert document["engine"]["queries"] >= sum(run["queries"] for run in document["engine"]["runs"]) > 0

    # the plan that was written is the plan that every verb reads
    capsys.readouterr()
    words = ["bench", "--plan", "out/plan.toml", "--qps", "50", "--seconds", "0.5", "--json", "--quiet"]
    assert main([*words, "--system", "simulator", "--profile", "out/profile.json"]) == 0
    simulated = json.loads(capsys.readouterr().out)
    assert simulated["plan"] == document["plan"]
    assert main(words) == 0
    served = json.loads(capsys.readouterr().out)
    assert served["runs"][0]["failed"] == 0
    assert served["runs"][0]["p95_ms"] > 0


@pytest.mark.usefixtures("again")
def test_a_target_no_plan_can_meet_is_exit_code_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*WORDS]
    words[words.index(TARGET)] = "0.0001"
    assert main(words) == 3
    said = capsys.readouterr()
    assert "no plan can meet" in said.err
    assert "takes" in said.err
    assert said.out == ""
    assert not (folder / "out").exists()


@pytest.mark.usefixtures("again")
def test_an_interrupt_leaves_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tailrank.cli import tuned

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tuned, "save_profile", interrupt)
    monkeypatch.setattr(tune, "QUICK", TINY._replace(bracket_s=0.0, total_s=0.0))
    assert main(WORDS) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir() if path.name.startswith((".out", "out"))] == []


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["tune", "rmc9"], 2, "rmc9"),
        (["tune", "rmc1", "--sla-ms", "0"], 2, "`0`"),
        (["tune", "rmc1", "--sla-ms", "-3"], 2, "-3"),
        (["tune", "rmc1", "--workers", "0"], 2, "`0`"),
        (["tune", "no.such:thing"], 2, "no published target"),
        (["tune", "absent.onnx"], 2, "no published target"),
        (["tune", "no.such:thing", "--sla-ms", "5"], 2, "no module is called"),
        (["tune", "rmc1", "--arrivals", "replay:path=absent.csv"], 2, "absent.csv"),
        (["tune", "rmc1", "--arrivals", "poison"], 2, "poisson"),
        (["tune", "rmc1", "--sizes", "fixed:sise=3"], 2, "did you mean `size`"),
        (["bench", "--plan", "absent.toml", "--qps", "5"], 2, "absent.toml"),
        (["bench", "--plan", "typo.toml", "--qps", "5"], 2, "batch_size"),
        (["profile", "rmc9"], 2, "rmc9"),
        (["tune", "rmc1", "--executor", "tpu"], 2, "tpu"),
        (["tune", "rmc1", "--precision", "fp8"], 2, "fp8"),
        (["tune", "rmc1", "--gpu", "tpu"], 2, "`tpu`"),
        (["profile", "rmc1", "--gpu-workers", "2"], 2, "--gpu-workers 2"),
        (["bench", "--plan", "device.toml", "--qps", "5"], 2, "`tpu`"),
    ],
)
def test_bad_input_names_the_value_and_a_mend(
    words: list[str], code: int, named: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "typo.toml").write_text('[[stages]]\nmodel = "m"\nbatchsize = 4\n[pools.cpu]\nworkers = 1\n')
    device = '[[stages]]\nmodel = "m"\nbatch_size = 4\npool = "a"\n[pools.a]\nworkers = 1\ndevice = "tpu"\n'
    (folder / "device.toml").write_text(device)
    assert main(words) == code
    said = capsys.readouterr()
    assert named in said.err
    assert "hint: " in said.err
    assert said.out == ""


def test_a_folder_of_the_users_is_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "precious.txt").write_text("mine")
    assert main(WORDS) == 2
    assert "not a Tailrank result" in capsys.readouterr().err
    assert (folder / "out" / "precious.txt").read_text() == "mine"


GPU = Pool(workers=1, device="host", precision="tf32")


def small_hardware() -> list[str]:
    from tailrank.native import available

    executor = "native" if available() else "torch"
    return ["ncf", "--executor", executor, "--precision", "bf16", "--memory-gib", "0.01", "--workers", "1", "--quiet"]


def test_a_reduced_precision_and_a_pretended_gpu_go_from_tune_to_bench(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tailrank.native import available

    monkeypatch.setattr(tune, "QUICK", TINY._replace(bracket_s=0.0, total_s=0.0))
    gpu = ["--gpu", "host", "--gpu-workers", "1", "--gpu-precision", "tf32"]
    sizes = ["--sizes", "fixed:size=64"]
    assert main(["tune", *small_hardware(), *gpu, *sizes, "--sla-ms", TARGET, "--quick", "--json", "--out", "out"]) == 0
    document = json.loads(capsys.readouterr().out)
    stage = document["plan"]["stages"][0]
    assert stage["precision"] == document["precision_effect"]["precision"] == "bf16"
    assert document["baseline"]["plan"]["stages"][0]["precision"] == "bf16"
    assert document["precision_effect"]["candidates"] == 64 * document["precision_effect"]["queries"]
    assert document["gpu"]["precision_effect"]["precision"] == "tf32"
    assert document["gpu"]["pretend"] is True
    assert not document["verdict"]["certified"]
    assert "PRETENCE" in document["verdict"]["text"]
    assert "PRETENCE" in (folder / "out" / "report.html").read_text()
    assert {each["offload_at"] for each in document["candidates"]} >= {None, 1, 64}
    offload = document["gpu"]["offload"]
    assert offload["capacity_qps"] == document["capacity_qps"] >= offload["capacity_without_qps"]
    assert document["engine"]["served_by"]["cpu"] == ("native threads" if available() else "Python threads")
    assert "--gpu host" in document["command"]

    # whatever was tuned, a plan that offloads all is served by the engine, and simulated from both profiles
    plan = load(Plan, folder / "out" / "plan.toml")
    offloaded = replace(plan.stages[0], offload_at=1, offload_pool="gpu")
    dump(replace(plan, stages=(offloaded,), pools=plan.pools | {"gpu": GPU}), Path("both.toml"))
    words = ["bench", "--plan", "both.toml", "--qps", "20", "--seconds", "1", "--memory-gib", "0.01", "--quiet", *sizes]
    assert main([*words, "--json"]) == 0
    served = json.loads(capsys.readouterr().out)
    assert served["runs"][0]["failed"] == 0
    assert served["models"]["ncf"]["precision"] == "bf16"
    assert served["models"]["ncf on host"]["precision"] == "tf32"
    assert served["runs"][0]["served_by"]["gpu"] == "Python threads"
    profiles = ["--profile", "out/profile.json", "--profile", "ncf@gpu=out/profile-gpu.json"]
    assert main([*words, "--system", "simulator", *profiles]) == 0
    capsys.readouterr()
    assert main([*words, "--system", "simulator", *profiles[:2]]) == 2
    assert "ncf@gpu=" in capsys.readouterr().err


EFFORT = 5_000, 60_000  # what is asked of policies is not how much they win


def taken_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every policy count as a sure gain, so that the engine has to say."""
    from dataclasses import replace as changed

    from tailrank.cli import searching
    from tailrank.tuner import Policies

    monkeypatch.setattr(climbing, "effort", lambda *_: EFFORT)
    honest = searching.policed

    def sure(*words: object) -> Policies:
        found = honest(*words)  # type: ignore[arg-type]
        return changed(found, trials=tuple(changed(each, sure=True) for each in found.trials))

    monkeypatch.setattr(searching, "policed", sure)


@pytest.mark.usefixtures("again")
@pytest.mark.parametrize("wins", [True, False])
def test_the_engine_has_the_last_word_on_a_policy(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wins: bool
) -> None:
    from tailrank.cli import prover

    taken_anyway(monkeypatch)
    settle = prover._Prover.settle

    def settled(self: prover._Prover) -> None:
        """The plan with policies is said to serve far more or less than it does; later runs are at what was met."""
        self.proof.brackets["tuned"] = self.proof.brackets["tuned"]._replace(qps=1e9 if wins else 0.0)
        settle(self)
        found = self.proof.brackets
        self.proof.brackets = {name: each._replace(qps=each.low_qps or 100.0) for name, each in found.items()}

    monkeypatch.setattr(prover._Prover, "settle", settled)
    assert main([*WORDS, "--policies"]) == 0
    document = json.loads(capsys.readouterr().out)
    policies = document["policies"]
    assert {each["policy"] for each in policies["trials"]} == {"adapt", "combine"}  # no GPU: nowhere else to go
    assert policies["engine"]["kept"] is wins
    assert load(Plan, folder / "out" / "plan.toml").dynamic is wins
    assert {run["plan"] for run in document["engine"]["runs"]} == {
        "tuned",
        "baseline",
        "static" if wins else "policies",
    }
    said = " ".join(document["notes"])
    assert ("lost on the engine" in said) is not wins
    assert "--policies" in document["command"]
    assert document["policies"]["taken"] in said


@pytest.mark.usefixtures("again")
def test_policies_that_win_nothing_are_named_and_not_taken(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace as changed

    from tailrank.cli import searching
    from tailrank.tuner import Policies

    monkeypatch.setattr(climbing, "effort", lambda *_: EFFORT)
    honest = searching.policed

    def unsure(*words: object) -> Policies:
        found = honest(*words)  # type: ignore[arg-type]
        return changed(found, trials=tuple(changed(each, sure=False) for each in found.trials))

    monkeypatch.setattr(searching, "policed", unsure)
    assert main([*WORDS, "--policies"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["policies"]["taken"] is None
    assert document["policies"]["engine"] is None
    assert not load(Plan, folder / "out" / "plan.toml").dynamic
    assert {run["plan"] for run in document["engine"]["runs"]} == {"tuned", "baseline"}
    assert any("within the noise, not taken" in note for note in document["notes"])
