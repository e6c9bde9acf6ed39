from dataclasses import replace

import pytest

from tailrank.core import Plan, Pool, Stage
from tailrank.tuner import Candidate, Search, batch_sizes, climb, notes, with_batch

PLAN = Plan(
    stages=(Stage(model="m", batch_size=25),), pools={"cpu": Pool(workers=4), "gpu": Pool(workers=1, device="gpu")}
)
SIZES = batch_sizes(1000, 25)


@pytest.fixture
def tuned(measured):
    def make(qps, **options) -> Search:
        def capacity_of(plan: Plan):
            return measured([qps(plan.stages[0]) * luck for luck in (0.99, 1.0, 1.01, 1.0)])

        return climb(capacity_of, PLAN, batches=SIZES, refine=False, **options)

    return make


def peaked(stage: Stage) -> float:
    return {128: 1000.0, 64: 900.0, 256: 800.0}.get(stage.batch_size, 300.0)


def test_a_clear_result_has_no_caveats(tuned):
    assert notes(tuned(peaked), PLAN) == []


def test_a_model_that_does_not_gain_from_batching_is_told(tuned):
    # Tiny batches drown in overheads; from 8 up everything is within 4 %.
    said = notes(tuned(lambda stage: 1000 - stage.batch_size / 25 if stage.batch_size >= 8 else 300), PLAN)
    assert said[0].startswith("batching cannot help this model: capacity varies by at most")
    assert "batch sizes 8 to 1024" in said[0]
    assert any("not better than the baseline" in each for each in said)
    assert any(each.startswith("as good as the best") for each in said)


def test_a_narrow_flat_top_is_not_flat(tuned):
    said = notes(tuned(lambda stage: 1000 if 32 <= stage.batch_size <= 128 else 500), PLAN)
    assert not any("capacity varies" in each for each in said)


def test_flat_but_far_above_the_baseline(tuned):
    said = notes(tuned(lambda stage: 1000 if 32 <= stage.batch_size <= 512 else 500), PLAN)
    assert said[0].startswith("batch size hardly matters within a wide range")
    assert "batch sizes 32 to 512" in said[0]


def test_the_baseline_can_win(tuned):
    said = notes(tuned(lambda stage: 1000 if stage.batch_size == 25 else 500), PLAN)
    assert said == ["the baseline is the best plan found"]


def test_a_gain_beyond_the_interval_is_not_a_caveat(tuned):
    assert not any("baseline" in each for each in notes(tuned(peaked), PLAN))
    assert not any("baseline" in each for each in notes(tuned(peaked)))
    assert not any("baseline" in each for each in notes(tuned(peaked), with_batch(PLAN, 7)))


def test_the_edge_of_the_list(tuned):
    said = notes(tuned(lambda stage: stage.batch_size))
    assert any("1024, is the largest measured" in each for each in said)


def test_at_the_edge_because_queries_are_taken_whole(tuned):
    said = notes(tuned(lambda stage: stage.batch_size), largest=1000)
    assert any("does not split queries: its batches of 1024" in each for each in said)
    assert not any("is the largest measured" in each for each in said)


def test_an_accelerator_that_does_not_help(tuned):
    options = {"thresholds": (1, 100), "offload_pool": "gpu"}
    said = notes(tuned(lambda stage: peaked(stage) * (1 if stage.offload_at is None else 0.5), **options))
    assert said == ["offloading does not help: at most 500 qps with it, 1000 qps without"]
    said = notes(tuned(lambda stage: peaked(stage) * (1 if stage.offload_at is None else 2), **options))
    assert not any("offloading" in each for each in said)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"low_qps": 900.0, "high_qps": 1100.0}, "known to +-10 % only"),
        ({"run_s": 1.0}, "last only 10 target latencies"),
        ({"monotone": False}, "a higher load met the target where a lower one missed it, for batch size 25"),
    ],
)
def test_weak_evidence_is_told(measured, change, sentence):
    only = Candidate(PLAN, replace(measured([1000.0] * 4), **change), "batch size")
    assert [sentence in each for each in notes(Search(only, (only,)))] == [True]


def test_one_replication_is_told(measured):
    only = Candidate(PLAN, measured([1000.0]), "batch size")
    assert notes(Search(only, (only,))) == ["one replication gives no interval: luck is not told from skill"]
