import time
from functools import partial

import torch

from tailrank.models.gpu.device import HostDevice
from tailrank.models.weights import available_bytes


def test_the_host_does_things_at_once_and_in_order():
    device = HostDevice()
    stream, begun, done = device.stream(), device.event(), device.event()
    source, target = device.pinned((3,), torch.float32), device.empty((3,), torch.float32)
    source[:] = torch.tensor([1.0, 2.0, 3.0])
    stream.record(begun)
    stream.copy(target, source)
    assert torch.equal(target, source)
    recorded = stream.capture(partial(target.mul_, 2))
    stream.wait(begun)
    stream.run(recorded)
    time.sleep(0.001)
    stream.record(done)
    done.synchronize()
    device.synchronize()
    assert target.tolist() == [2.0, 4.0, 6.0]
    assert 1.0 <= begun.elapsed_time(done) < 10_000


def test_the_host_has_the_memory_the_host_has():
    before = available_bytes()
    assert abs(HostDevice().free_bytes() - before) < before / 2
    assert HostDevice().name == "host"
