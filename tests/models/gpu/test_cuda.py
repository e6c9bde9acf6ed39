"""What is asked of `torch.cuda`, on a stand-in that writes down every call with the stream it was made on."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from tailrank.core import BadInputError, SetupError
from tailrank.models.gpu import CudaDevice, GpuExecutor, cuda, rows_between

GIB = 1 << 30


class FakeCuda:
    """Streams that are names; work is done at once."""

    def __init__(self, devices=1) -> None:
        self.log, self.current, self.devices, self.failing = [], "default", devices, False

    def is_available(self):
        return self.devices > 0

    def device_count(self):
        return self.devices

    def get_device_name(self, device):
        return f"fake {device.index}"

    def mem_get_info(self, device):
        return 6 * GIB, 8 * GIB

    def memory_reserved(self, device):
        return 2 * GIB

    def memory_allocated(self, device):
        return GIB

    def synchronize(self, device):
        self.log.append(("synchronize", str(device)))

    def graph_pool_handle(self):
        return object()

    def Stream(self, device):  # noqa: N802 - torch's own name
        cuda, number = self, sum(each[0] == "new stream" for each in self.log)
        self.log.append(("new stream", str(device)))
        return SimpleNamespace(
            name=number,
            record_event=lambda event: cuda.log.append(("record", event.number, number)),
            wait_event=lambda event: cuda.log.append(("wait", event.number, number)),
        )

    def Event(self, enable_timing, blocking):  # noqa: N802
        number = sum(each[0] == "new event" for each in self.log)
        self.log.append(("new event", enable_timing, blocking))
        return SimpleNamespace(number=number, synchronize=lambda: self.log.append(("synchronize", number)))

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream.name
        try:
            yield
        finally:
            self.current = before

    def CUDAGraph(self):  # noqa: N802
        graph = SimpleNamespace(work=None)
        graph.replay = lambda: (self.log.append(("replay", self.current)), graph.work())
        return graph

    @contextmanager
    def graph(self, graph, pool, stream, capture_error_mode):
        self.log.append(("capture", stream.name, pool, capture_error_mode, self.current))
        if self.failing:
            self.current = "left behind"  # as torch does where the end of a capture fails
            raise RuntimeError("operation failed due to a previous error during capture")
        yield
        graph.work = self.launch


@pytest.fixture
def fake(monkeypatch):
    found = FakeCuda()

    def empty(shape, dtype, device=None, pin_memory=False):
        found.log.append(("empty", str(device), pin_memory))
        return torch.zeros(shape, dtype=dtype)

    parts = {"cuda": found, "device": torch.device, "empty": empty, "version": SimpleNamespace(cuda="12.8")}
    monkeypatch.setattr(cuda, "torch", SimpleNamespace(**parts))
    return found


def test_a_batch_is_copied_on_one_stream_and_launched_on_another_behind_it(fake, monkeypatch, tiny):
    model = tiny("ncf")
    record = cuda._CudaStream.capture

    def capture(stream, work):
        fake.launch = work
        return record(stream, work)

    monkeypatch.setattr(cuda._CudaStream, "capture", capture)
    copied = []
    copy = cuda._CudaStream.copy

    def logged(stream, target, source):
        copied.append(target)
        fake.log.append(("copy", stream._stream.name))
        copy(stream, target, source)

    monkeypatch.setattr(cuda._CudaStream, "copy", logged)
    executor, inputs = GpuExecutor(model.module, model.inputs, CudaDevice(), largest=4), model.inputs(3, seed=1)
    captures = [each for each in fake.log if each[0] == "capture"]
    assert [each[1] for each in captures] == [1] * 4  # a recording for each size, all on the launches' stream
    assert len({each[2] for each in captures}) == 1  # sharing memory
    assert {each[3] for each in captures} == {"thread_local"}
    fake.log.clear()
    with executor.borrowed() as context:
        scores = context.score(rows_between(inputs, 0), 3)
    begun, done = fake.log[0][1], fake.log[-1][1]
    assert [begun, done] == [0, 3]
    assert fake.log == [
        ("record", 0, 0),
        ("copy", 0),
        ("record", 1, 0),
        ("wait", 1, 1),
        ("replay", 1),
        ("record", 2, 1),
        ("copy", 1),
        ("record", 3, 1),
        ("synchronize", 3),
    ]
    assert torch.allclose(torch.from_numpy(scores), model.score(inputs), rtol=0, atol=1e-6)


def test_copies_do_not_wait_and_are_made_on_their_stream(fake):
    stream = CudaDevice().stream()
    seen = []
    target = SimpleNamespace(copy_=lambda source, **how: seen.append((source, how, fake.current)))
    stream.copy(target, "rows")
    stream.run(lambda: seen.append(fake.current))
    assert seen == [("rows", {"non_blocking": True}, 0), 0]
    assert fake.current == "default"


def test_a_capture_that_fails_leaves_the_thread_on_its_stream(fake):
    fake.failing = True
    with pytest.raises(RuntimeError, match="previous error"):
        CudaDevice().stream().capture(lambda: None)
    assert fake.current == "default"


def test_memory_is_pinned_on_the_host_and_plain_on_the_device(fake):
    fake.devices = 3
    device = CudaDevice(2)
    assert device.name == "fake 2"
    device.pinned((2,), torch.int32)
    device.empty((2,), torch.int32)
    assert fake.log == [("empty", "None", True), ("empty", "cuda:2", False)]
    assert device.free_bytes() == 7 * GIB
    device.stream()
    device.synchronize()
    assert fake.log[-2:] == [("new stream", "cuda:2"), ("synchronize", "cuda:2")]


@pytest.mark.parametrize("spin", [False, True])
def test_waiting_sleeps_unless_it_is_to_spin(fake, spin):
    CudaDevice(spin=spin).event()
    assert fake.log == [("new event", True, not spin)]


@pytest.mark.parametrize("index", [-1, 1])
def test_a_device_that_is_not_there(fake, index):
    with pytest.raises(BadInputError, match=f"no CUDA device {index}"):
        CudaDevice(index)


@pytest.mark.parametrize(("built", "says"), [("12.8", "none is visible"), (None, "built without CUDA")])
def test_no_device_at_all(fake, monkeypatch, built, says):
    fake.devices = 0
    monkeypatch.setattr(cuda.torch, "version", SimpleNamespace(cuda=built))
    assert cuda.cuda_devices() == 0
    with pytest.raises(SetupError, match=says):
        CudaDevice()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_real_device_does_what_the_host_does():
    device = CudaDevice()
    stream, begun, done = device.stream(), device.event(), device.event()
    source, there, back = (make((64,), torch.float32) for make in (device.pinned, device.empty, device.pinned))
    source.fill_(3.0)
    there.zero_()
    device.synchronize()
    recorded = stream.capture(lambda: there.mul_(2))
    stream.record(begun)
    stream.copy(there, source)
    stream.run(recorded)
    stream.copy(back, there)
    stream.record(done)
    done.synchronize()
    assert source.is_pinned()
    assert back.tolist() == [6.0] * 64
    assert begun.elapsed_time(done) > 0
    assert 0 < device.free_bytes() <= torch.cuda.get_device_properties(0).total_memory
