"""A reduced precision's effect, against executors whose effect is known."""

from types import SimpleNamespace

import pytest

from tailrank.metrics import fidelity
from tailrank.workload import Fixed, Workload

torch = pytest.importorskip("torch")

from tailrank.cli.precision import TOP, effect_words, effects  # noqa: E402 - it needs torch
from tailrank.models import build  # noqa: E402

SIZE = 100
WORKLOAD = Workload(sizes=Fixed(size=SIZE))


class Reduced:
    """An executor whose scores are `change` of the model's."""

    precision = "bf16"

    def __init__(self, model, change):
        self.model, self.change, self.items = model, change, 0

    def __call__(self, inputs):
        self.items += len(inputs[0])
        return self.change(self.model.score(inputs))


@pytest.fixture(scope="module")
def model():
    return build("ncf", memory_bytes=1 << 20)


def subject_of(model, executor, gpu=None):
    on_gpu = None if gpu is None else SimpleNamespace(executor=gpu, gpu=SimpleNamespace(precision=gpu.precision))
    loaded = SimpleNamespace(inputs=model.inputs(5 * SIZE, seed=1))
    return SimpleNamespace(model=model, executor=executor, loaded=loaded, on_gpu=on_gpu)


def test_full_precision_has_no_effect_to_measure(model):
    executor = Reduced(model, lambda scores: scores)
    executor.precision = "fp32"
    assert effects(subject_of(model, executor), WORKLOAD, seconds=9, seed=1) == {}
    assert executor.items == 0


def test_the_same_scores_change_nothing(model):
    executor = Reduced(model, lambda scores: scores)
    found = effects(subject_of(model, executor), WORKLOAD, seconds=60, seed=1, queries=12)["cpu"]
    assert found["ndcg"] == found["overlap"] == {"mean": 1.0, "ci95": [1.0, 1.0]}
    assert found["max_difference"] == 0
    assert (found["queries"], found["candidates"], found["k"]) == (12, 12 * SIZE, TOP)
    assert executor.items == 12 * SIZE


def test_the_ranking_is_compared_query_by_query(model):
    executor = Reduced(model, lambda scores: -scores)
    subject = subject_of(model, executor)
    found = effects(subject, WORKLOAD, seconds=60, seed=1, queries=5)["cpu"]
    scores = model.score(subject.loaded.inputs).numpy().reshape(5, SIZE)  # the prepared candidates, in order
    expected = fidelity(scores, -scores, TOP)
    assert found["ndcg"]["mean"] == pytest.approx(expected.ndcg)
    assert found["overlap"]["mean"] == pytest.approx(expected.overlap)
    assert found["max_difference"] == pytest.approx(expected.max_difference, rel=1e-5)
    low, high = found["ndcg"]["ci95"]
    assert low < found["ndcg"]["mean"] < high


def test_each_pool_has_its_own_and_time_bounds_the_queries(model):
    gpu, executor = Reduced(model, lambda scores: scores.round(decimals=3)), Reduced(model, lambda scores: scores)
    gpu.precision = "tf32"
    found = effects(subject_of(model, executor, gpu), WORKLOAD, seconds=1e-9, seed=1)
    assert {pool: each["precision"] for pool, each in found.items()} == {"cpu": "bf16", "gpu": "tf32"}
    assert found["gpu"]["queries"] == 2  # the fewest that have an interval
    assert found["gpu"]["max_difference"] <= 0.0005 + 1e-6
    words = effect_words(found["gpu"])
    assert "tf32 on gpu" in words
    assert f"NDCG@{TOP}" in words
    assert "weights are random" in words
