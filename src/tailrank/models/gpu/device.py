"""What the GPU executor needs of a device, and the host in its place.

The executor has no branches for the host: it speaks to a `Device`, and `HostDevice` means the same on CPU tensors, so
that every line runs where no GPU is.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol, final

import torch
from torch import Tensor

from tailrank.models.weights import available_bytes

__all__ = ["Device", "Event", "HostDevice", "Stream", "Work"]

Work = Callable[[], None]
"""Device work on tensors that stay where they are."""


class Event(Protocol):
    """A point in a stream; it means the latest `Stream.record` of it."""

    def synchronize(self) -> None:
        """Wait until the stream has got there, without the GIL."""
        ...

    def elapsed_time(self, end_event: Any) -> float:
        """Return the time from this event to a later one, ms; both must have been waited for."""
        ...


class Stream(Protocol):
    """Device work in order. Every method returns before the work is done; streams wait for each other by events."""

    def copy(self, target: Tensor, source: Tensor) -> None:
        """Copy between the device and a pinned host buffer of the same shape and type."""
        ...

    def run(self, work: Work) -> None:
        """Start `work`, or a replay of what `capture` returned."""
        ...

    def capture(self, work: Work) -> Work:
        """Return `work` recorded as one launch, for `run` of this stream alone: its recordings share memory.

        Raises `RuntimeError` where `work` does something that cannot be recorded.
        """
        ...

    def record(self, event: Event) -> None:
        """Put `event` behind the work so far."""
        ...

    def wait(self, event: Event) -> None:
        """Let later work of this stream begin after `event`."""
        ...


class Device(Protocol):
    """Where a batch is scored."""

    @property
    def name(self) -> str:
        """What the device is called."""
        ...

    def free_bytes(self) -> int:
        """Return how much memory may still be taken."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return device memory, not set."""
        ...

    def pinned(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return host memory that the device can copy from and to by itself, not set."""
        ...

    def stream(self) -> Stream:
        """Return a new stream."""
        ...

    def event(self) -> Event:
        """Return a new event."""
        ...

    def synchronize(self) -> None:
        """Wait until everything on the device is done."""
        ...


@final
class HostDevice:
    """The host as a device: all work is done when the call returns, a recording is the work itself."""

    name = "host"

    def free_bytes(self) -> int:
        """See `Device`."""
        return available_bytes()

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See `Device`."""
        return torch.empty(shape, dtype=dtype)

    def pinned(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See `Device`."""
        return torch.empty(shape, dtype=dtype)

    def stream(self) -> Stream:
        """See `Device`."""
        return _HostStream()

    def event(self) -> Event:
        """See `Device`."""
        return _HostEvent()

    def synchronize(self) -> None:
        """See `Device`."""


class _HostEvent:
    def __init__(self) -> None:
        self.at_ns = 0

    def synchronize(self) -> None:
        pass

    def elapsed_time(self, end_event: Any) -> float:
        return float(end_event.at_ns - self.at_ns) / 1e6


class _HostStream:
    def copy(self, target: Tensor, source: Tensor) -> None:
        target.copy_(source)

    def run(self, work: Work) -> None:
        work()

    def capture(self, work: Work) -> Work:
        return work

    def record(self, event: Event) -> None:
        assert isinstance(event, _HostEvent)
        event.at_ns = time.perf_counter_ns()

    def wait(self, event: Event) -> None:
        pass
