"""What every executor owes its callers, as one suite over all kinds that need no compiler."""

import json
import threading

import pytest
import torch
from torch import nn

from tailrank.models import Executor, Model
from tailrank.models.auto import AutoExecutor, Range
from tailrank.models.executor import TOLERANCE, first_rows, one_thread, same_scores
from tailrank.models.onnx_model import load_onnx
from tailrank.models.torch_executor import TorchExecutor


class Untraceable(nn.Module):
    def forward(self, x):
        return torch.from_numpy(x.numpy().sum(1))


KINDS = ("torch", "torch bf16", "own eager", "onnxruntime", "auto")


@pytest.fixture
def pair(tiny, request):
    """A model and an executor of it."""
    kind = request.param
    if kind == "onnxruntime":
        pytest.importorskip("onnxruntime", reason="the extra tailrank[onnx] is not installed")
        model = load_onnx(request.getfixturevalue("small_onnx")())
        return model, model.executor(), TOLERANCE
    if kind == "own eager":
        model = Model("mine:net", Untraceable(), lambda n, *_: (torch.rand(n, 4),))
        return model, model.executor(), TOLERANCE
    model = tiny("ncf")
    if kind == "auto":
        plain = TorchExecutor(model.module, "eager", "highest", packed=None, packed_from=None)
        return model, AutoExecutor([Range(1, model.executor("torch")), Range(20, plain)]), TOLERANCE
    return model, model.executor("torch", "bf16" if "bf16" in kind else "fp32"), 0.02 if "bf16" in kind else TOLERANCE


@pytest.mark.parametrize("pair", KINDS, indirect=True)
def test_scores_are_the_models_for_any_slice(pair, rows_of):
    model, executor, tolerance = pair
    inputs = model.inputs(90, seed=4)
    executor.warm(inputs)
    for start, stop in ((0, 90), (3, 4), (7, 26), (50, 51)):
        part = rows_of(inputs, start, stop)
        scores = executor(part)
        assert scores.shape == (stop - start,)
        assert scores.dtype == torch.float32
        assert not scores.requires_grad
        assert torch.allclose(scores, model.score(part), rtol=0, atol=tolerance)


@pytest.mark.parametrize("pair", KINDS, indirect=True)
def test_threads_may_share_it(pair, rows_of):
    model, executor, tolerance = pair
    inputs = model.inputs(120)
    expected, wrong = model.score(inputs), []

    def work(first: int) -> None:
        torch.set_num_threads(1)
        for size in (1, 5, 30) * 4:
            found = executor(rows_of(inputs, first, first + size))
            if not torch.allclose(found, expected[first : first + size], rtol=0, atol=tolerance):
                wrong.append((first, size))

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 30, 60, 90)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("pair", KINDS, indirect=True)
def test_its_facts_are_words_for_a_result(pair):
    executor: Executor = pair[1]
    facts = json.loads(json.dumps(executor.facts(), allow_nan=False))
    assert facts["executor"]
    assert facts["precision"] == executor.precision
    assert executor.precision in ("fp32", "bf16")


def test_first_rows_are_views():
    inputs = (torch.arange(12).reshape(6, 2), torch.arange(6))
    part = first_rows(inputs, 4)
    assert [len(each) for each in part] == [4, 4]
    assert [each.data_ptr() for each in part] == [each.data_ptr() for each in inputs]


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ([1.0, 1000.0], True),
        ([1.0 + 1.5e-5, 1000.009], True),
        ([1.0, 1000.02], False),
        ([1.0 + 3e-5, 1000.0], False),
        ([1.0], False),
        ([1.0, float("nan")], False),
    ],
)
def test_the_same_score_is_so_to_an_absolute_and_a_relative_part(found, same):
    assert same_scores(torch.tensor(found, dtype=torch.float64), torch.tensor([1.0, 1000.0]).double()) is same


def test_one_thread_puts_the_process_back_even_after_an_error():
    def fail():
        with one_thread():
            assert torch.get_num_threads() == 1
            torch.set_float32_matmul_precision("medium")
            raise KeyError

    torch.set_num_threads(2)
    torch.set_float32_matmul_precision("high")
    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == 2
    assert torch.get_float32_matmul_precision() == "high"
