import threading
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tailrank.core import stream as random_stream


class LateEvent:
    """Counts how often it was recorded, and how often the device got there."""

    def __init__(self, device) -> None:
        self.device, self.recorded, self.reached, self.at = device, 0, 0, 0

    def synchronize(self) -> None:
        self.device.run_until(lambda: self.reached >= self.recorded)

    def elapsed_time(self, end_event) -> float:
        return float(end_event.at - self.at)


class LateStream:
    """Work in order, each piece (ready, do)."""

    def __init__(self, device) -> None:
        self.device, self.work = device, deque()
        device.streams.append(self)

    def _put(self, do, ready=lambda: True) -> None:
        with self.device.lock:
            self.work.append((ready, do))

    def copy(self, target, source) -> None:
        assert target.shape == source.shape
        assert target.dtype == source.dtype
        self._put(lambda: target.copy_(source))

    def run(self, work) -> None:
        self._put(work)

    def capture(self, work):
        return work

    def record(self, event) -> None:
        def reach() -> None:
            event.reached += 1
            event.at = self.device.steps

        event.recorded += 1
        self._put(reach)

    def wait(self, event) -> None:
        if self.device.waits:
            until = event.recorded
            self._put(lambda: None, lambda: event.reached >= until)


class LateDevice:
    """Does nothing until it is waited for, then runs its streams in a random order that their waits allow.

    Fresh memory holds ids and floats that are not valid, so that work done too early fails or shows.
    """

    name = "late"

    def __init__(self, *, seed: int = 0, waits: bool = True, free: int = 1 << 40) -> None:
        self.streams: list[LateStream] = []
        self.lock, self.steps = threading.RLock(), 0
        self.rng, self.waits, self.free = random_stream(seed, "late"), waits, free

    def free_bytes(self) -> int:
        return self.free

    def empty(self, shape, dtype):
        return torch.full((int(np.prod(shape)) * dtype.itemsize,), 255, dtype=torch.uint8).view(dtype).view(shape)

    pinned = empty

    def stream(self) -> LateStream:
        return LateStream(self)

    def event(self) -> LateEvent:
        return LateEvent(self)

    def synchronize(self) -> None:
        self.run_until(lambda: not any(stream.work for stream in self.streams))

    def run_until(self, done: Callable[[], bool]) -> None:
        with self.lock:
            while not done():
                able = [stream for stream in self.streams if stream.work and stream.work[0][0]()]
                assert able, "the device waits for itself"
                stream = able[self.rng.integers(len(able))]
                self.steps += 1
                stream.work.popleft()[1]()


@pytest.fixture
def late() -> type[LateDevice]:
    return LateDevice
