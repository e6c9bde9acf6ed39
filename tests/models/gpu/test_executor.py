import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tailrank.core import BadInputError, SetupError
from tailrank.models.gpu import CudaDevice, GpuExecutor, HostDevice, cuda_devices, rows_at
from tailrank.models.gpu import executor as executor_module

EIGHT = ("rmc1", "rmc2", "rmc3", "ncf", "wnd", "mtwnd", "din", "dien")
ROUNDING = {"fp32": 2e-6, "tf32": 2e-2, "bf16": 2e-2}
no_gpu = pytest.mark.skipif(not cuda_devices(), reason="no CUDA device")


@pytest.fixture
def executor(tiny):
    def make(name, precision="fp32", **changes):
        model = tiny(name)
        return GpuExecutor(model.module, model.inputs, HostDevice(), precision, **({"largest": 24} | changes))

    return make


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", EIGHT)
def test_networks_score_as_on_the_host_at_every_edge(tiny, executor, rows_of, name, precision):
    found = executor(name, precision)
    inputs = tiny(name).inputs(70, seed=5)
    assert found.sizes == (1, 2, 3, 4, 6, 8, 12, 16, 24)
    assert found.difference <= ROUNDING[precision]
    for items in sorted({70, *(edge for size in found.sizes for edge in (size - 1, size, size + 1))} - {0}):
        part = rows_of(inputs, 3, 3 + items)
        scores = found(part)
        assert (scores.shape, scores.dtype) == ((len(part[0]),), torch.float32)
        assert torch.allclose(scores, tiny(name).score(part), rtol=0, atol=ROUNDING[precision])


def test_the_module_on_the_host_stays_as_it_was(tiny, executor):
    before = {name: weight.clone() for name, weight in tiny("din").module.state_dict().items()}
    executor("din", "bf16")
    after = tiny("din").module.state_dict()
    assert all(
        torch.equal(after[name], weight) and after[name].dtype == weight.dtype for name, weight in before.items()
    )


def test_threads_score_at_once_each_with_its_own_context(tiny, executor, late):
    model, inputs = tiny("rmc1"), tiny("rmc1").inputs(400, seed=6)
    expected, executor = model.score(inputs).numpy(), GpuExecutor(model.module, model.inputs, late(), largest=24)
    executor.reserve(4)
    contexts, barrier = set(), threading.Barrier(4)

    def work(number: int) -> bool:
        barrier.wait()
        rng = np.random.default_rng(number)
        for _ in range(15):
            rows = rng.integers(0, 400, rng.integers(1, 60))
            scores = executor.context().score(rows_at(inputs, rows), len(rows))
            if not np.allclose(scores, expected[rows], rtol=0, atol=1e-6):
                return False
        contexts.add(executor.context())
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert len(contexts) == 4


def test_contexts_of_threads_that_ended_serve_again(executor):
    found = executor("ncf")
    seen = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: seen.append(found.context()))
        thread.start()
        thread.join()
    with found.borrowed() as lent:
        assert {*seen, lent} == {lent}
        assert found.context() is not lent
    assert found.context() is found.context()


def test_memory_is_asked_for_before_anything_is_moved(tiny, late, monkeypatch):
    model = tiny("rmc1")
    need = GpuExecutor(model.module, model.inputs, late(), largest=24)
    enough = need.weight_bytes + need.context_bytes + executor_module._SPARE_BYTES
    GpuExecutor(model.module, model.inputs, late(free=enough), largest=24)
    monkeypatch.setattr(executor_module, "placed", lambda *_: pytest.fail("moved"))
    with pytest.raises(SetupError, match=r"GB of weights .* do not fit the .* free on late") as refused:
        GpuExecutor(model.module, model.inputs, late(free=enough - 1), largest=24)
    assert "bf16" in refused.value.hint
    assert model.table_bytes < need.weight_bytes < model.table_bytes + 4 * model.network.fc_parameters + 1


def test_one_more_batch_in_flight_must_fit_too(tiny, late):
    model, device = tiny("rmc1"), late()
    found = GpuExecutor(model.module, model.inputs, device, largest=24)
    device.free = found.context_bytes + executor_module._SPARE_BYTES - 1
    found.reserve(1)  # there is one already
    with pytest.raises(SetupError, match="one more batch in flight"):
        found.reserve(2)


@pytest.fixture
def unrecordable(monkeypatch):
    """A host whose streams refuse to record, as CUDA does where a module waits for the device."""

    def refuse(stream, work):
        try:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        finally:  # torch fails a second time where it ends the capture
            raise RuntimeError("operation failed due to a previous error during capture")

    device = HostDevice()
    monkeypatch.setattr(type(device.stream()), "capture", refuse)
    return device


def test_a_module_that_cannot_be_recorded_is_launched_plainly_and_says_so(tiny, rows_of, unrecordable):
    model = tiny("din")
    found = GpuExecutor(model.module, model.inputs, unrecordable, largest=24)
    assert found.plain == "operation not permitted when stream is capturing"
    assert found.facts()["not_recorded_because"] == found.plain
    assert found.facts()["batch_sizes_recorded"] == 0
    inputs = model.inputs(40)
    assert torch.allclose(found(inputs), model.score(inputs), rtol=0, atol=1e-6)


def test_a_recording_that_scores_otherwise_is_given_up(tiny, monkeypatch):
    """A recording repeats what it saw: here, one that adds what the work did not."""
    device, model = HostDevice(), tiny("ncf")
    recorded = []

    def capture(stream, work):
        recorded.append(work)
        return lambda: (work(), work.args[2].add_(0.5))

    monkeypatch.setattr(type(device.stream()), "capture", capture)
    found = GpuExecutor(model.module, model.inputs, device, largest=24)
    assert recorded
    assert found.plain == "recorded scores differ by 0.5"
    assert torch.allclose(found(model.inputs(40)), model.score(model.inputs(40)), rtol=0, atol=1e-6)


class Lookups(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "embedding" in func.name():
            self.names.append(func.name())
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", EIGHT)
def test_all_tables_that_are_read_together_are_one_kernel(tiny, name):
    with torch.no_grad(), Lookups() as lookups:
        tiny(name).module(*tiny(name).inputs(3))
    assert len(lookups.names) == len(tiny(name).network.groups)


class OfTheBatch(nn.Module):
    def forward(self, x):
        return x.sum(1) - x.sum(1).mean()


class Breaks(nn.Module):
    def forward(self, x):
        if x.dtype == torch.bfloat16:
            raise RuntimeError("no such kernel")
        return x.sum(1)


class NotANumber(nn.Module):
    def forward(self, x):
        return x.sum(1) / (0.0 if x.dtype == torch.bfloat16 else 1.0) * 0.0


@pytest.mark.parametrize(
    ("module", "precision", "says"),
    [
        (OfTheBatch(), "fp32", "differ by"),
        (Breaks(), "bf16", "does not run on host: no such kernel"),
        (NotANumber(), "bf16", "differ by nan"),
        (nn.Identity(), "fp16", "a GPU has no precision `fp16`"),
    ],
)
def test_what_cannot_be_served_is_refused(module, precision, says):
    with pytest.raises(BadInputError, match=says) as refused:
        GpuExecutor(module, lambda n: (torch.rand(n, 4),), HostDevice(), precision, largest=8)
    assert refused.value.hint


def test_a_module_of_the_users_own_in_double_precision_with_its_own_shapes():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(30, 3, dtype=torch.float64)

        def forward(self, ids, x):
            return (self.table(ids).sum(1) * x.flatten(1)).sum(1, keepdim=True)

    module, inputs = Own(), (torch.randint(0, 30, (50, 4)), torch.rand(50, 3, 1, dtype=torch.float64))
    found = GpuExecutor(module, lambda n: tuple(tensor[:n] for tensor in inputs), HostDevice(), largest=16)
    with torch.inference_mode():
        assert torch.allclose(found(inputs).double(), module(*inputs).flatten(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("precision", "inside"), [("fp32", "highest"), ("tf32", "high"), ("bf16", "highest")])
def test_the_processes_precision_is_set_for_recording_and_put_back(monkeypatch, precision, inside):
    seen = []
    device = HostDevice()

    def capture(stream, work):
        work()
        seen.append(torch.get_float32_matmul_precision())
        return work

    monkeypatch.setattr(type(device.stream()), "capture", capture)
    torch.set_float32_matmul_precision("medium")
    GpuExecutor(nn.Flatten(0), lambda n: (torch.rand(n, 1),), device, precision, largest=1).reserve(2)
    assert set(seen) == {inside}


def test_making_contexts_puts_the_process_back(executor):
    found = executor("ncf", "tf32")
    torch.set_float32_matmul_precision("medium")
    found.reserve(3)
    assert torch.get_float32_matmul_precision() == "medium"


def test_facts_say_what_ran(executor):
    facts = executor("ncf", "bf16").facts()
    assert (facts["executor"], facts["device"], facts["precision"]) == ("gpu", "host", "bf16")
    assert (facts["batch_sizes_recorded"], facts["not_recorded_because"]) == (9, "")
    assert 0 < facts["largest_difference"] < 0.02


def test_warming_leaves_the_thread_with_its_context(executor, tiny):
    found = executor("ncf")
    found.warm(tiny("ncf").inputs(30))
    assert found.context() is found.context()


@pytest.mark.gpu
@no_gpu
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("name", EIGHT)
def test_networks_score_on_a_gpu_as_on_the_host(tiny, name, precision):
    model, inputs = tiny(name), tiny(name).inputs(300, seed=5)
    found = GpuExecutor(model.module, model.inputs, CudaDevice(), precision, largest=128, slots=2)
    assert found.plain == ""
    for items in (1, 5, 127, 128, 129, 300):
        part = tuple(tensor[:items] for tensor in inputs)
        assert torch.allclose(found(part), model.score(part), rtol=0, atol=max(ROUNDING[precision], 1e-5))


@pytest.mark.gpu
@no_gpu
def test_a_module_that_waits_for_the_gpu_is_launched_plainly():
    class Waits(nn.Module):
        def forward(self, x):
            return x.sum(1) * (2.0 if x[0, 0].item() < 2 else 1.0)

    found = GpuExecutor(Waits(), lambda n: (torch.rand(n, 4),), CudaDevice(), largest=8)
    x = torch.rand(20, 4)
    assert found.plain
    assert torch.allclose(found((x,)), 2 * x.sum(1), atol=1e-5)
