import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tailrank import zoo
from tailrank.cli import explore_machine, explore_proof, explore_question, explore_tiers
from tailrank.cli.explore import INTERRUPTED, share
from tailrank.cli.explore_proof import _ndcg
from tailrank.cli.explore_search import count_of_funnels
from tailrank.cli.explore_steps import UNFINISHED, Steps, prepared_out
from tailrank.cli.explore_tiers import options_of
from tailrank.cli.main import main
from tailrank.cli.progress import Progress
from tailrank.core import BadInputError, Plan, Pool, stream
from tailrank.core.config import dump, load
from tailrank.datasets import RankingData
from tailrank.metrics.funnel_quality import FunnelQuality
from tailrank.models import Model, build
from tailrank.models.training import resized
from tailrank.tuner.explore import Space, default_space, funnels

HOST = "skylake-40c:cores=1"
SPACE = Space(
    networks=("rm-small", "rm-large"),
    stages=(1, 2),
    take=(256, 128),
    keep=(160, 96),
    results=64,
    batch_sizes=(64, 256),
    pools={"cpu": Pool(workers=1)},
)


def untrained(
    networks: Sequence[str], data: RankingData, args: argparse.Namespace, folder: Path, steps: Steps
) -> tuple[dict[str, Model], dict[str, Any]]:
    """Tiers with random weights: training is tested where it lives."""
    models = {
        name: build(resized(zoo.get(name), data.rows), memory_bytes=1 << 28, seed=args.seed + number)
        for number, name in enumerate(networks)
    }
    return models, {name: {"steps": 0} for name in networks}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure for a blink."""
    monkeypatch.setattr(explore_tiers, "_trained", untrained)
    monkeypatch.setattr(explore_question, "QUICK", explore_machine.Effort(0.1, 1, 0.05))
    for name, value in {"QUICK_PROBE_S": 0.1, "PROBE_TARGETS": 1, "FEWEST": 60, "PROBES": 2, "REACH": 0}.items():
        monkeypatch.setattr(explore_proof, name, value)
    monkeypatch.setattr(explore_proof, "REPEATS", 1)


@pytest.fixture
def run(tmp_path: Path, quick: None) -> Callable[..., tuple[int, Path]]:
    """Explore tiny synthetic data; return the exit code and the result directory."""

    def explore(*flags: str) -> tuple[int, Path]:
        dump(SPACE, tmp_path / "space.toml")
        words = ["explore", "--data", "synthetic", "--option", "tiny=true", "--quick", "--quality-drop", "30%"]
        words += ["--space", str(tmp_path / "space.toml"), "--out", str(tmp_path / "out"), "--quiet"]
        words += [] if "--host" in flags else ["--workers", "1"]
        return main([*words, *flags]), tmp_path / "out"

    return explore


def test_a_funnel_is_found_and_served(run: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run("--json", "--sla-ms", "200")
    assert code == 0
    result = json.loads(capsys.readouterr().out)
    assert result == json.loads((out / "result.json").read_text())
    assert result["funnels_evaluated"] == len(funnels(SPACE))
    assert result["funnels_per_second"] > 0
    for row in result["front"]:
        assert {"plan", "stages", "quality", "quality_ci95", "p95_ms", "capacity_qps", "reason"} <= row.keys()
        assert row["quality_ci95"][0] <= row["quality"] <= row["quality_ci95"][1]
    assert result["chosen"]["quality"] >= result["reference"]["floor"]
    for name in ("chosen", "best_single_stage"):
        served = result["engine"][name]
        assert served["answers"] == served["answers_equal"] > 0  # the engine's answers are the offline funnel's
        assert served["largest_quality_gap"] < 1e-9
        assert served["quality"] == pytest.approx(served["quality_offline_same_queries"])
    assert load(Plan, out / "plan.toml").take == result["chosen"]["items"][0]
    assert load(Space, out / "space.toml") == SPACE
    assert [stage["items"] for stage in result["funnel"][0]] == result["chosen"]["items"]
    assert not (out / UNFINISHED).exists()


def test_a_described_host_is_explored_without_serving(run: Callable[..., tuple[int, Path]]) -> None:
    code, out = run("--host", HOST, "--sla-ms", "200", "--objectives", "quality,capacity,energy")
    assert code == 0
    result = json.loads((out / "result.json").read_text())
    assert result["engine"] is None
    assert result["host"]["device"] == "simulated"
    assert all(row["energy_j"] > 0 for row in result["front"] if row["p95_ms"] is not None)
    assert any(row["energy_j"] for row in result["front"])


def test_what_was_finished_is_taken_up(
    run: Callable[..., tuple[int, Path]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tailrank.cli.explore_search.searched", stop)
        code, out = run("--host", HOST)
    assert code == INTERRUPTED
    assert "--resume goes on" in capsys.readouterr().err
    assert (out / UNFINISHED).exists()
    kept = (out / "scores" / "tables.json").stat().st_mtime_ns
    code, out = run("--host", HOST, "--resume", "--sla-ms", "200")
    assert code == 0
    assert (out / "scores" / "tables.json").stat().st_mtime_ns == kept


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--networks", "rm-small,neumf-1m-large"), "`neumf-1m-large` is not meant for synthetic"),
        (("--networks", "rm-small"), "unknown network `rm-large`"),
        (("--objectives", "quality,beauty"), "unknown objective `beauty`"),
        (("--objectives", "quality,cost"), "this machine has no price"),
        (("--option", "colour=red"), "no option `colour`"),
        (("--switches", "fused"), "says nothing without a host"),
    ],
)
def test_what_makes_no_sense_is_said(
    run: Callable[..., tuple[int, Path]], capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], message: str
) -> None:
    assert run(*flags)[0] == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("text", "value"), [("0.5%", 0.005), ("0.005", 0.005), ("0", 0.0)])
def test_shares_are_read(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["much", "100%", "-1%", "nan", "1"])
def test_other_shares_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a share"):
        share(text)


def test_options_are_read_as_what_they_are() -> None:
    read = options_of(["candidates=4096", "tiny=true", "hold-out=0.2", "relevance=clicks"])
    assert read == {"candidates": 4096, "tiny": True, "hold_out": 0.2, "relevance": "clicks"}
    with pytest.raises(BadInputError, match="not KEY=VALUE"):
        options_of(["tiny"])


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(BadInputError, match="not a Tailrank result directory"):
        prepared_out(tmp_path, resume=False)
    assert (tmp_path / "thesis.tex").exists()


def test_a_new_run_starts_afresh_and_a_resumed_one_keeps_the_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepared_out(out, resume=False)
    (out / "scores").mkdir()
    (out / "result.json").write_text("{}")
    prepared_out(out, resume=True)
    assert (out / "scores").exists()
    assert not (out / "result.json").exists()
    prepared_out(out, resume=False)
    assert not (out / "scores").exists()


def test_funnels_are_counted_without_listing_them() -> None:
    space = default_space(("a", "b", "c"), [300], {"cpu": Pool(workers=2)})
    assert count_of_funnels(space) >= len(funnels(space))
    assert count_of_funnels(SPACE) == len(funnels(SPACE)) + 1  # 160 items are not kept of 128


def test_served_answers_are_rated_as_funnels_are() -> None:
    rng = stream(1, "rated")
    label, score = rng.integers(0, 3, 50).astype(np.float32), rng.random(50, dtype=np.float32)
    quality = FunnelQuality([0, 50], label, {"a": score}, k=10)
    order = np.argsort(-score, kind="stable")
    assert _ndcg(label, order, 10) == pytest.approx(float(quality.per_query(("a",), (None,))[0]))
    assert np.isnan(_ndcg(np.zeros(5, np.float32), np.arange(5), 3))


def test_steps_are_timed_in_order() -> None:
    steps = Steps(Progress(quiet=True))
    for name in ("one", "two", "one"):
        steps.begin(name)
    steps.end()
    assert list(steps.seconds) == ["one", "two"]
