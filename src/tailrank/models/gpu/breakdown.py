"""Where a batch's time on a GPU goes: transfers against computing."""

import time
from dataclasses import dataclass
from statistics import median

from tailrank.models.gpu.context import rows_between
from tailrank.models.gpu.executor import GpuExecutor
from tailrank.models.inputs import Inputs

__all__ = ["Shares", "breakdown"]


@dataclass(frozen=True)
class Shares:
    """Medians over batches of `items`, ns: on the device, and `whole_ns` as the caller sees it.

    What `whole_ns` is longer by went into filling pinned memory, launching and waking up.
    """

    items: int
    to_device_ns: float
    compute_ns: float
    to_host_ns: float
    whole_ns: float

    @property
    def transfer_share(self) -> float:
        """The transfers' share of the time on the device."""
        transfers = self.to_device_ns + self.to_host_ns
        return transfers / max(transfers + self.compute_ns, 1.0)


def breakdown(executor: GpuExecutor, inputs: Inputs, items: int, *, repeats: int = 30) -> Shares:
    """Return where the time of batches of `items` goes; `items` is at most the executor's largest size.

    The batches are successive rows of `inputs`, around and around, each alone on the device.
    """
    if not 1 <= items <= min(executor.sizes[-1], len(inputs[0])):
        raise ValueError(f"a batch of {items} is not one the executor runs in one part, or more than the inputs hold")
    starts, rows = range(0, len(inputs[0]) - items + 1, items), []
    with executor.borrowed() as context:
        for number in range(repeats + 1):
            fill = rows_between(inputs, starts[number % len(starts)])
            begin = time.perf_counter_ns()
            _, stamps = context.stamped(fill, items)
            whole = time.perf_counter_ns() - begin
            rows.append((stamps.to_device_ns, stamps.compute_ns, stamps.to_host_ns, whole))
    return Shares(items, *(float(median(column)) for column in zip(*rows[1:], strict=True)))
