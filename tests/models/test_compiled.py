"""torch.compile takes tens of seconds where its own cache is cold, so what really compiles is marked slow."""

import shutil
import threading

import pytest
import torch
from torch import nn

from tailrank.core import BadInputError, SetupError
from tailrank.models import Model
from tailrank.models.compiled import CompiledExecutor
from tailrank.models.torch_executor import in_bf16

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "clang++"))), reason="torch.compile needs a C++ compiler"
)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag, self.line = nn.EmbeddingBag(40, 8, mode="sum"), nn.Linear(12, 1)

    def forward(self, dense, ids):
        return torch.sigmoid(self.line(torch.cat([dense, self.bag(ids)], 1))).flatten()


class Branches(nn.Module):
    def forward(self, x):
        return x.sum(1) if x[0, 0].item() > 0.5 else x.prod(1)


def inputs_of(items):
    generator = torch.Generator().manual_seed(items)
    return torch.rand((items, 4), generator=generator), torch.randint(0, 40, (items, 3), generator=generator)


@pytest.mark.slow
@needs_compiler
@pytest.mark.timeout(300)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_compiled_module_gives_the_same_scores_at_every_size_without_compiling_again(precision):
    from torch._dynamo.utils import counters

    module = Net().eval()
    executor = CompiledExecutor(module if precision == "fp32" else in_bf16(module), precision)
    executor.warm(inputs_of(300))
    facts, graphs = executor.facts(), counters["stats"]["unique_graphs"]
    assert (facts["executor"], facts["precision"]) == ("compiled", precision)
    assert facts["compiled_graphs"] == 2  # for one item, and for several
    with torch.inference_mode():
        for items in (1, 2, 3, 100, 300, 1000):
            scores = executor(inputs_of(items))
            assert (scores.shape, scores.dtype) == ((items,), torch.float32)
            assert torch.allclose(scores, module(*inputs_of(items)), atol=1e-5 if precision == "fp32" else 0.02)
            executor(tuple(tensor[2:40] for tensor in inputs_of(50)))
    executor(tuple(tensor[1:2] for tensor in inputs_of(50)))
    executor(tuple(tensor.index_select(0, torch.tensor([3, 1, 4, 1, 5])) for tensor in inputs_of(50)))
    assert counters["stats"]["unique_graphs"] == graphs  # whatever way rows come, `warm` has compiled for it


@pytest.mark.slow
@needs_compiler
@pytest.mark.timeout(300)
def test_worker_threads_run_at_once_and_compile_on_their_first_call_only():
    """The compiler's checks of a graph are not safe among threads: shared, they would fail at random and recompile."""
    from torch._dynamo.utils import counters

    module, wrong, graphs = Net().eval(), [], []
    executor = CompiledExecutor(module)
    executor.warm(inputs_of(64))
    inputs = {items: inputs_of(items) for items in (1, 7, 64, 300)}
    with torch.inference_mode():
        expected = {items: module(*each) for items, each in inputs.items()}
    ready = threading.Barrier(3, action=lambda: graphs.append(counters["stats"]["unique_graphs"]))

    def work():
        torch.set_num_threads(1)
        executor(inputs[7])
        ready.wait()
        found = [(items, executor(inputs[items])) for items in (1, 7, 64, 300) * 20]
        wrong.extend(items for items, scores in found if not torch.allclose(scores, expected[items], atol=1e-5))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert graphs == [counters["stats"]["unique_graphs"]]


@pytest.mark.slow
@needs_compiler
@pytest.mark.timeout(300)
def test_modules_of_one_class_keep_their_own_weights():
    modules = [Net().eval() for _ in range(3)]
    executors = [CompiledExecutor(module) for module in modules]
    for executor in executors:
        executor.warm(inputs_of(64))
    with torch.inference_mode():
        for items in (1, 9):
            for module, executor in zip(modules, executors, strict=True):
                assert torch.allclose(executor(inputs_of(items)), module(*inputs_of(items)), atol=1e-5)
    assert [executor.facts()["compiled_graphs"] for executor in executors] == [2, 2, 2]


def test_a_module_that_does_not_compile_whole_is_refused():
    """The branch breaks the graph, which is found before anything is compiled."""
    with pytest.raises(BadInputError, match="cannot compile the module whole") as caught:
        CompiledExecutor(Branches()).warm((torch.rand(9, 4),))
    assert "`torch`" in caught.value.hint


def test_a_module_that_was_not_compiled_at_all_is_noticed(monkeypatch):
    """As where the environment turns the compiler off."""
    monkeypatch.setattr(torch, "compile", lambda run, **_: run)
    with pytest.raises(SetupError, match="without compiling it") as caught:
        CompiledExecutor(Net().eval()).warm(inputs_of(5))
    assert "TORCHDYNAMO_DISABLE" in caught.value.hint


def test_a_host_without_a_compiler_is_told(monkeypatch):
    from torch._inductor.exc import InvalidCxxCompiler

    def failing(*_):
        raise InvalidCxxCompiler

    monkeypatch.setattr(torch, "compile", lambda run, **_: failing)
    model = Model("mine:net", Net().eval(), lambda n, *_: inputs_of(n))
    with pytest.raises(SetupError, match=r"no C\+\+ compiler that works") as caught:
        model.executor("compiled")
    assert "g++" in caught.value.hint
