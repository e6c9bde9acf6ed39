"""A CUDA device: thin calls of `torch.cuda`, nothing else.

Not obvious, and the reason for each line that looks odd:
- A capture is done with `capture_error_mode="thread_local"`, since other workers may be running; torch allows one
  capture at a time in a process, which the executor's lock sees to.
- `torch.cuda.graph` does not put the thread's stream back where ending the capture fails: an outer `stream` does.
- Recordings of one stream share one memory pool: they run in order, never at the same time.
- Events are made with timing on, so that `breakdown` reads the events that serving records.
"""

from typing import cast, final

import torch
from torch import Tensor

from tailrank.core import BadInputError, SetupError
from tailrank.models.gpu.device import Event, Stream, Work

__all__ = ["CudaDevice", "cuda_devices"]


def cuda_devices() -> int:
    """Return how many CUDA devices this process can use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


@final
class CudaDevice:
    """CUDA device number `index`.

    A thread that waits for its batch sleeps, which leaves its core to CPU workers and costs some ten microseconds;
    with `spin` it polls. Raises `SetupError` where there is no CUDA device, `BadInputError` where not that one.
    """

    def __init__(self, index: int = 0, *, spin: bool = False) -> None:
        count = cuda_devices()
        if count == 0:
            built = torch.version.cuda is not None
            raise SetupError(
                "no CUDA device: " + ("none is visible" if built else "this PyTorch was built without CUDA"),
                hint="check nvidia-smi and CUDA_VISIBLE_DEVICES" if built else "install a CUDA build of PyTorch",
            )
        if not 0 <= index < count:
            raise BadInputError(f"no CUDA device {index}", hint=f"devices are numbered 0 to {count - 1}")
        self.device = torch.device("cuda", index)
        self.name = torch.cuda.get_device_name(self.device)
        self._spin = spin

    def free_bytes(self) -> int:
        """See `Device`; what torch holds free for itself counts too."""
        free, _ = torch.cuda.mem_get_info(self.device)
        held = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return int(free) + int(held)

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See `Device`."""
        return torch.empty(shape, dtype=dtype, device=self.device)

    def pinned(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """See `Device`."""
        return torch.empty(shape, dtype=dtype, pin_memory=True)

    def stream(self) -> Stream:
        """See `Device`."""
        return _CudaStream(self.device)

    def event(self) -> Event:
        """See `Device`."""
        return cast(Event, torch.cuda.Event(enable_timing=True, blocking=not self._spin))  # type: ignore[no-untyped-call]

    def synchronize(self) -> None:
        """See `Device`."""
        torch.cuda.synchronize(self.device)


class _CudaStream:
    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def copy(self, target: Tensor, source: Tensor) -> None:
        with torch.cuda.stream(self._stream):
            target.copy_(source, non_blocking=True)

    def run(self, work: Work) -> None:
        with torch.cuda.stream(self._stream):
            work()

    def capture(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        recording = torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local")
        with torch.cuda.stream(self._stream), recording:
            work()
        return graph.replay

    def record(self, event: Event) -> None:
        self._stream.record_event(cast(torch.cuda.Event, event))

    def wait(self, event: Event) -> None:
        self._stream.wait_event(cast(torch.cuda.Event, event))
