"""A model on a GPU, ready to serve: the scorer of a pool whose device is not the CPU."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailrank.cli.hardware import Gpu
from tailrank.core import BadInputError

if TYPE_CHECKING:
    from tailrank.engine.gpu_scorer import GpuScorer
    from tailrank.models import Inputs, Model
    from tailrank.models.gpu import Device, GpuExecutor

__all__ = ["OnGpu", "open_device", "place"]


@dataclass(frozen=True, eq=False)
class OnGpu:
    """A model placed on a GPU."""

    gpu: Gpu
    name: str  # what the device is called
    executor: "GpuExecutor"
    scorer: "GpuScorer"

    def facts(self) -> dict[str, Any]:
        """Return what a result says of it."""
        pretend = {"pretend": self.gpu.pretend, "plan_device": self.gpu.device, "workers": self.gpu.workers}
        return pretend | self.executor.facts()


def open_device(name: str) -> "Device":
    """Return the device that a plan calls `name`.

    Raises `BadInputError` for a name not known or a number too high, `SetupError` where there is no CUDA device.
    """
    from tailrank.models.gpu import CudaDevice, HostDevice

    kind, _, number = name.partition(":")
    if name == "host":
        return HostDevice()
    if kind == "cuda" and (not number or number.isdecimal()):
        return CudaDevice(int(number or 0))
    raise BadInputError(
        f"the engine knows no device `{name}`", hint="it knows cpu, cuda, cuda:N, and host, which stands in for a GPU"
    )


def place(model: "Model", inputs: "Inputs", gpu: Gpu, device: "Device", *, largest: int) -> OnGpu:
    """Place `model` on `device`, to score `inputs` in batches of up to `largest` items.

    Raises `SetupError` where weights and batches do not fit its memory, `BadInputError` where the model does not run
    there or gives other scores.
    """
    from tailrank.engine.gpu_scorer import GpuScorer
    from tailrank.models.gpu import GpuExecutor

    executor = GpuExecutor(model.require_module(), model.inputs, device, gpu.precision, largest=largest)
    return OnGpu(gpu, device.name, executor, GpuScorer(executor, inputs, workers=gpu.workers))
