from typing import Protocol

import pytest

from tailrank.timing.device import Device
from tailrank.zoo import Chain, Network, TableConfig


class MakeDevice(Protocol):
    def __call__(self, **changes: float | bool | str) -> Device: ...


@pytest.fixture
def simple_cpu() -> MakeDevice:
    """Maker of a CPU with round numbers: 10 cores of 32 GFLOPS at 1 GHz, 100 GB/s, no overhead unless asked."""

    def make(**changes: float | bool | str) -> Device:
        numbers: dict[str, object] = {
            "name": "simple",
            "part": "a CPU with round numbers",
            "kind": "cpu",
            "cores": 10,
            "clock_ghz": 1.0,
            "lanes": 8,
            "fma_units": 2,
            "peak_fp32_gflops": 320.0,
            "l1_bytes": 32_768,
            "l2_bytes": 1_000_000,
            "l3_bytes": 10_000_000,
            "dram_gbps": 100.0,
            "dram_latency_ns": 100.0,
            "gather_efficiency": 0.5,
            "operator_us": 0.0,
            "memory_bytes": 100_000_000_000,
            "tdp_w": 100.0,
            "idle_w": 20.0,
        }
        return Device(**(numbers | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def simple_gpu() -> MakeDevice:
    """Maker of a GPU with round numbers: 10 TFLOPS, 500 GB/s, a link of 10 GB/s, 5 us a launch and a copy."""

    def make(**changes: float | bool | str) -> Device:
        numbers: dict[str, object] = {
            "name": "simple-gpu",
            "part": "a GPU with round numbers",
            "kind": "gpu",
            "cores": 50,
            "clock_ghz": 1.0,
            "lanes": 10,
            "fma_units": 10,
            "peak_fp32_gflops": 10_000.0,
            "l1_bytes": 65_536,
            "l2_bytes": 1_000_000,
            "dram_gbps": 500.0,
            "dram_latency_ns": 400.0,
            "gather_efficiency": 0.5,
            "operator_us": 5.0,
            "link_gbps": 10.0,
            "link_latency_us": 5.0,
            "memory_bytes": 16_000_000_000,
            "tdp_w": 200.0,
            "idle_w": 20.0,
        }
        return Device(**(numbers | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def one_layer() -> Network:
    """A network of one layer, 100 to 8, and nothing to look up but one row of 16 in a large table."""
    return Network(
        name="one-layer",
        family="dlrm",
        tables=(TableConfig(10_000_000, 16),),
        dense=84,
        chains=(Chain("top", (100, 8)),),
        sla_ms=10.0,
        source="a test",
    )
