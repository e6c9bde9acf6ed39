import pytest

from tailrank.accelerator import evaluate
from tailrank.tuner.rpaccel import Loaded, artifact_values, funnel
from tailrank.tuner.rpaccel.ideas import baseline, claims, headline, sub_batches, waterfall


def test_the_released_factors_are_those_of_the_artifact() -> None:
    for row in claims():
        assert row["released"] == pytest.approx(row["artifact"], abs=0.005)
        assert abs(row["released"] / row["claimed"] - 1) < 0.04


def test_the_waterfall_chains_from_the_baseline() -> None:
    for mode, rows in waterfall(Loaded(queries=200)).items():
        assert [row["step"] for row in rows] == ["baseline", "O1", "O2", "O3", "O5", "O4"]
        assert rows[0]["latency_ms"] == evaluate(baseline(mode)).latency_ns / 1e6  # type: ignore[arg-type]
        product = 1.0
        for row in rows:
            product *= row["capacity_gain"]
            assert product == pytest.approx(row["capacity_over_baseline"])


def test_no_design_has_both_claimed_factors() -> None:
    latency, throughput = (artifact_values().claim(name).claimed for name in ("latency", "throughput"))
    for row in headline():
        assert row["latency_gain"] < 0.9 * latency or row["capacity_gain"] < 0.9 * throughput


def test_sub_batches_as_published_never_help() -> None:
    rows = [row for row in sub_batches() if row["setting"] == "released"]
    assert [row["parts"] for row in rows] == [1, 2, 4, 8]
    assert [round(row["latency_ms"], 3) for row in rows] == [1.394, 1.449, 1.908, 3.0]
    ahead = {
        r["parts"]: r["latency_ms"] for r in sub_batches() if r["setting"] == "corrected" and "ahead" in r["weights"]
    }
    assert min(ahead, key=lambda parts: ahead[parts]) in (2, 4)
    assert min(ahead.values()) < evaluate(funnel((4, 4), "corrected")).latency_ns / 1e6
