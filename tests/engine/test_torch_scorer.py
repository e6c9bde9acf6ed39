"""The scorer over an executor: its rows, and when a native crew may have it."""

import numpy as np
import pytest

from tailrank.core import Trace, single
from tailrank.engine import Engine
from tailrank.native import available

torch = pytest.importorskip("torch")

from tailrank.engine.torch_scorer import TorchScorer  # noqa: E402 - they need torch
from tailrank.models import build  # noqa: E402
from tailrank.models.auto import AutoExecutor, Range  # noqa: E402

needs_native = pytest.mark.skipif(not available(), reason="the native extension was not built")
ROWS = 300


@pytest.fixture(scope="module")
def model():
    return build("ncf", memory_bytes=1 << 20)


@pytest.fixture(scope="module")
def inputs(model):
    return model.inputs(ROWS, seed=3)


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_runs_and_rows_are_scored(model, inputs):
    scorer = TorchScorer(model.score, inputs)
    scorer.prepare()
    expected = model.score(inputs).numpy()
    assert scorer.rows == ROWS
    assert np.allclose(scorer.score(7, 90), expected[7:90], atol=1e-6)
    rows = np.array([5, 5, 299, 0])
    assert np.allclose(scorer.score_rows(rows), expected[rows], atol=1e-6)


def test_torch_has_no_native_handle(model, inputs):
    assert TorchScorer(model.score, inputs).native is None
    assert TorchScorer(model.executor("torch"), inputs).native is None


@needs_native
def test_native_crews_serve_the_native_executor_and_give_its_scores(model, inputs):
    scorer = TorchScorer(model.executor("native"), inputs)
    engine = Engine({"ncf": scorer})
    sizes = np.array([30, 1, 64, 100] * 5)
    trace = Trace(np.arange(len(sizes)) * 200_000, sizes)
    records, ranked = engine.serve_scored(trace, single("ncf", batch_size=16, workers=2))
    assert records.meta["native.cpu"] == 1.0
    engine.crew = "threads"
    again, expected = engine.serve_scored(trace, single("ncf", batch_size=16, workers=2))
    assert again.meta["native.cpu"] == 0.0
    assert not records.errors
    assert not again.errors
    for found, wanted in zip(ranked, expected, strict=True):
        assert np.array_equal(found.candidates, wanted.candidates)
        assert np.array_equal(found.scores, wanted.scores)


@needs_native
@pytest.mark.parametrize("mixed", [False, True])
def test_a_choice_by_size_is_native_only_where_it_is_native_everywhere(model, inputs, mixed):
    native, other = model.executor("native"), model.executor("torch")
    ranges = [Range(1, native), Range(100, other)] if mixed else [Range(1, native)]
    scorer = TorchScorer(AutoExecutor(ranges, {"torch": "differs"}), inputs)
    assert (scorer.native is None) == mixed
