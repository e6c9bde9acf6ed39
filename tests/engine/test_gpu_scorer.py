"""The GPU's scorer with the host for a device."""

import threading

import numpy as np
import pytest

from tailrank.core import SetupError, Trace, single
from tailrank.engine import Engine

torch = pytest.importorskip("torch")

from tailrank.engine.gpu_scorer import GpuScorer  # noqa: E402 - they need torch
from tailrank.models import build  # noqa: E402
from tailrank.models.gpu import GpuExecutor, HostDevice  # noqa: E402

ROWS = 200


@pytest.fixture(scope="module")
def model():
    return build("ncf", memory_bytes=1 << 20)


@pytest.fixture(scope="module")
def inputs(model):
    return model.inputs(ROWS, seed=2)


@pytest.fixture
def scorer(model, inputs):
    threads = torch.get_num_threads()
    yield GpuScorer(GpuExecutor(model.module, model.inputs, HostDevice(), largest=64), inputs, workers=2)
    torch.set_num_threads(threads)


def test_runs_and_rows_score_as_on_the_host(model, inputs, scorer):
    expected = model.score(inputs).numpy()
    scorer.prepare()
    assert scorer.rows == ROWS
    for first, stop in ((0, 1), (5, 69), (0, ROWS), (199, 200)):
        assert np.allclose(scorer.score(first, stop), expected[first:stop], rtol=0, atol=1e-6)
    rows = np.array([7, 7, 199, 0, 64])
    assert np.allclose(scorer.score_rows(rows), expected[rows], rtol=0, atol=1e-6)
    assert scorer.score_rows(rows[:0]).shape == (0,)


def test_an_engine_serves_it_with_several_workers(scorer, monkeypatch):
    """Traces one after another, each with new threads, which take the contexts of those that ended."""
    made = []
    monkeypatch.setattr(GpuExecutor, "_made", lambda _: made.append(threading.current_thread()))
    engine = Engine({"ncf": scorer})
    sizes = np.array([3, 40, 100, 64, 1, 65] * 4)
    trace = Trace(np.arange(len(sizes)) * 100_000, sizes)
    for _ in range(3):
        records, ranked = engine.serve_scored(trace, single("ncf", batch_size=48, workers=2))
        assert not records.errors
        for size, order in zip(sizes.tolist(), ranked, strict=True):
            assert sorted(order.candidates.tolist()) == list(range(size))
    assert made == []


def test_workers_that_do_not_fit_are_refused_before_any_starts(model, inputs, monkeypatch):
    executor = GpuExecutor(model.module, model.inputs, HostDevice(), largest=64)
    monkeypatch.setattr(HostDevice, "free_bytes", lambda _: 1 << 20)
    with pytest.raises(SetupError, match="one more batch in flight"):
        GpuScorer(executor, inputs, workers=2)
