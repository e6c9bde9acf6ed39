"""Networks on a GPU: one copy of the weights there, one copy and one recorded launch a batch."""

from tailrank.models.gpu.breakdown import Shares, breakdown
from tailrank.models.gpu.context import Context, Fill, rows_at, rows_between
from tailrank.models.gpu.cuda import CudaDevice, cuda_devices
from tailrank.models.gpu.device import Device, HostDevice
from tailrank.models.gpu.executor import GpuExecutor, GpuPrecision

__all__ = [
    "Context",
    "CudaDevice",
    "Device",
    "Fill",
    "GpuExecutor",
    "GpuPrecision",
    "HostDevice",
    "Shares",
    "breakdown",
    "cuda_devices",
    "rows_at",
    "rows_between",
]
