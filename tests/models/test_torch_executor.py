import threading
import time

import pytest
import torch
from torch import nn

from tailrank.models import torch_executor as executor_module
from tailrank.models.executor import TOLERANCE
from tailrank.models.packed import packed
from tailrank.models.torch_executor import _frozen, make_torch_executor
from tailrank.zoo import names

SIZES = (1, 3, 64, 257)


@pytest.mark.parametrize("name", names())
def test_the_traced_network_agrees_with_eager_at_every_size(tiny, rows_of, name):
    model = tiny(name)
    inputs = model.inputs(max(SIZES))
    twin = packed(model.module)
    for module in (model.module, twin):
        assert module is not None
        script = _frozen(module, inputs)
        assert script is not None
        for size in (*SIZES, 2, 100):
            part = rows_of(inputs, 0, size)
            for _ in range(2):  # it is optimised after its first runs
                with torch.inference_mode():
                    assert torch.allclose(script(*part), model.score(part), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["ncf", "din"])
def test_an_executor_states_what_it_does(tiny, rows_of, name):
    model = tiny(name)
    executor = model.executor("torch")
    assert executor.kind == "torchscript"
    assert executor.matmul_precision in ("highest", "medium")
    inputs = model.inputs(70, seed=9)
    for start, stop in ((0, 70), (5, 6), (13, 60)):
        part = rows_of(inputs, start, stop)
        assert torch.allclose(executor(part), model.score(part), rtol=0, atol=TOLERANCE)
    assert not executor(inputs).requires_grad


def test_making_an_executor_puts_the_process_back(tiny):
    torch.set_float32_matmul_precision("high")
    tiny("ncf").executor("torch")
    assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_num_threads() == 1


def test_an_executor_puts_its_precision_in_force(tiny):
    executor = tiny("ncf").executor("torch")
    torch.set_float32_matmul_precision("high")
    executor(tiny("ncf").inputs(2))
    assert torch.get_float32_matmul_precision() == executor.matmul_precision


class PythonBranch(nn.Module):
    """Tracing it at one size gives wrong scores at others."""

    def forward(self, x):
        return x.sum(1) * (2.0 if len(x) > 50 else 1.0)


class Untraceable(nn.Module):
    def forward(self, x):
        return torch.from_numpy(x.numpy().sum(1)) if x[0, 0].item() > 2 else x.sum(1) * float(len({*x.shape}))


class FixedSize(nn.Module):
    def forward(self, x):
        return x.view(len(x), 4).sum(1) + torch.zeros(len(x))


@pytest.mark.parametrize("module", [PythonBranch(), Untraceable(), FixedSize()])
def test_a_module_that_cannot_be_traced_runs_eager_or_right(module):
    inputs = (torch.randn(300, 4),)
    executor = make_torch_executor(module.eval(), lambda n: tuple(t[:n] for t in inputs))
    for size in (1, 40, 60, 300):
        part = (inputs[0][:size],)
        assert torch.allclose(executor(part), module(*part), atol=1e-6)
    if isinstance(module, PythonBranch):
        assert executor.kind == "eager"


def test_medium_is_refused_where_scores_differ(monkeypatch):
    """A module whose scores follow the setting stands in for a CPU with bf16 matrix units."""

    class Follows(nn.Module):
        def forward(self, x):
            return x.sum(1) + (1e-3 if torch.get_float32_matmul_precision() == "medium" else 0.0)

    monkeypatch.setattr(executor_module, "_frozen", lambda *_: None)
    monkeypatch.setattr(executor_module, "_time", medium_is_faster)
    executor = make_torch_executor(Follows(), lambda n: (torch.ones(n, 4),))
    assert (executor.kind, executor.matmul_precision) == ("eager", "highest")


def medium_is_faster(*_):
    return 10 if torch.get_float32_matmul_precision() == "medium" else 100


def test_the_fastest_agreeing_way_is_chosen(monkeypatch, tiny):
    monkeypatch.setattr(executor_module, "_time", medium_is_faster)
    assert tiny("ncf").executor("torch").matmul_precision == "medium"
    monkeypatch.setattr(executor_module, "_time", lambda *_: 100)
    simplest = tiny("ncf").executor("torch")
    assert (simplest.matmul_precision, simplest.packed_from) == ("highest", None)


@pytest.mark.parametrize(("slow_below", "packed_from"), [(0, 1), (16, 16), (17, 64), (1000, None)])
def test_packed_layers_start_where_they_pay(monkeypatch, tiny, rows_of, slow_below, packed_from):
    """The first way timed is the plain one; the packed one is slower below some size."""
    ways = []

    def time_ns(run, sample, size):
        if run not in ways:
            ways.append(run)
        return 100 if run is ways[0] else (200 if size < slow_below else 50)

    monkeypatch.setattr(executor_module, "_time", time_ns)
    model = tiny("ncf")
    executor = model.executor("torch")
    assert executor.packed_from == packed_from
    inputs = model.inputs(80)
    for size in (1, 15, 16, 64, 80):
        part = rows_of(inputs, 0, size)
        assert torch.allclose(executor(part), model.score(part), rtol=0, atol=TOLERANCE)


def test_no_warning_reaches_the_user(tiny, recwarn):
    tiny("ncf").executor("torch")
    assert not recwarn.list


def test_the_gil_is_free_while_a_batch_runs(tiny):
    """Another thread gets to count while one call is under way."""
    executor = tiny("mtwnd").executor("torch")
    inputs = tiny("mtwnd").inputs(512)
    ticks, done = [], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter_ns())
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        for _ in range(20):
            begin = time.perf_counter_ns()
            executor(inputs)
            end = time.perf_counter_ns()
            inside = sum(begin + (end - begin) // 4 < at < end - (end - begin) // 4 for at in ticks)
            if inside:
                break
    finally:
        done.set()
        thread.join()
    assert inside


def test_packing_shares_the_tables_and_leaves_the_model_alone(tiny):
    model = tiny("rmc1")
    twin = packed(model.module)
    assert twin.lookup.weight is model.module.lookup.weight
    assert hasattr(model.module.top, "weights")
    assert packed(nn.Linear(2, 1)) is None
