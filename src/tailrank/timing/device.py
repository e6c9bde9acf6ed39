"""The catalogue of hardware: what a processor or a GPU is, as one TOML file with the source of every number."""

import difflib
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tailrank.core.config import Config, load
from tailrank.core.errors import BadInputError

__all__ = ["Device", "device", "device_names"]

Count = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, le=1)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]*$")]

FOLDER = Path(__file__).parent / "devices"
ROUNDING = 1.02  # a data sheet may round its peak up by this much
COMPUTE = ("cores", "clock_ghz", "lanes", "fma_units")
LINK = ("link_gbps", "link_latency_us")


class Device(Config, frozen=True, kw_only=True):
    """One kind of hardware: all sockets of a server's CPU (`cpu`), or a single GPU (`gpu`).

    Bandwidths are in 10^9 bytes a second, caches and memory in bytes. `cores` are physical cores, on a GPU its
    multiprocessors; a core has `fma_units` pipes of `lanes` fp32 each, so it does 2 * lanes * fma_units FLOPs a
    cycle. `clock_ghz` is what all cores hold under vector load. `l1_bytes` and `l2_bytes` are a core's own, except
    that a GPU's `l2_bytes` is the one its multiprocessors share. `l3_bytes` is the total, in `l3_parts` that do not
    hold each other's lines (sockets, chiplets); 0 where there is none. `gather_efficiency` is the share of the
    bandwidth that random rows get, `operator_us` the cost of one more operator, on a GPU of one more kernel launch.
    `link_gbps` and `link_latency_us` are of copies from the host's memory to a GPU's. `memory_bytes` of a CPU is
    what its server was given. `price_per_hour` is in dollars.

    `sources` says where a field's number is from, `estimated` names the fields that are no one's specification or
    measurement: their source says how they were estimated.
    """

    name: Name
    part: str
    kind: Literal["cpu", "gpu"]
    cores: Count
    clock_ghz: Positive
    lanes: Count
    fma_units: Count
    peak_fp32_gflops: Positive
    peak_bf16_gflops: Positive | None = None
    l1_bytes: Count
    l2_bytes: Count
    l3_bytes: Natural = 0
    l3_parts: Count = 1
    l3_inclusive: bool = False
    dram_gbps: Positive
    dram_latency_ns: Positive
    gather_efficiency: Share
    operator_us: NotNegative
    link_gbps: Positive | None = None
    link_latency_us: NotNegative | None = None
    memory_bytes: Count
    tdp_w: Positive
    idle_w: NotNegative
    price_per_hour: Positive | None = None
    sources: dict[str, str] = msgspec.field(default_factory=dict)
    estimated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_finite(self)
        _check_peak(self)
        _check_caches(self)
        _check_link(self)
        if self.idle_w > self.tdp_w:
            raise BadInputError(
                f"idle_w: {self.idle_w:g} W idle is more than the {self.tdp_w:g} W of tdp_w",
                hint="idle power is at most the power under full load",
            )
        _check_named(self)

    def __hash__(self) -> int:
        return hash((self.name, *(getattr(self, field) for field in NUMBERS)))

    @property
    def core_fp32_gflops(self) -> float:
        """Peak of one core."""
        return self.peak_fp32_gflops / self.cores

    @property
    def cached_bytes(self) -> int:
        """Bytes of different data that one core finds on the chip: its part of the L3, and its L2 where not in it.

        On a GPU the shared L2.
        """
        own = 0 if self.l3_inclusive else self.l2_bytes
        return self.l3_bytes // self.l3_parts + own

    def varied(self, **changes: float | bool | None) -> "Device":
        """Return the device with other numbers, its peaks in step with its cores, clock and lanes: a what-if.

        Changed fields count as estimated. Raises `BadInputError` for a field that does not exist or a value that
        makes no sense.
        """
        unknown = sorted(set(changes) - set(NUMBERS))
        if unknown:
            raise BadInputError(f"a device has no number called `{unknown[0]}`", hint=f"known: {', '.join(NUMBERS)}")
        before = {field: getattr(self, field) for field in NUMBERS}
        if "peak_fp32_gflops" not in changes:
            factor = _product(before | changes) / _product(before)
            changes["peak_fp32_gflops"] = self.peak_fp32_gflops * factor
            if self.peak_bf16_gflops is not None and "peak_bf16_gflops" not in changes:
                changes["peak_bf16_gflops"] = self.peak_bf16_gflops * factor
        moved = [field for field, value in changes.items() if value != before[field]]
        data = msgspec.to_builtins(self) | changes
        data["estimated"] = sorted({*self.estimated, *moved})
        data["sources"] = self.sources | dict.fromkeys(moved, f"a what-if on `{self.name}`")
        try:
            return msgspec.convert(data, Device)
        except msgspec.ValidationError as error:
            raise BadInputError(f"a variation of `{self.name}`: {error}", hint="give another value") from None


NUMBERS = tuple(
    field for field in Device.__struct_fields__ if field not in ("name", "part", "kind", "sources", "estimated")
)
"""The fields that hold numbers, in order."""


def device(name: str | Path) -> Device:
    """Return the device called `name` in the catalogue, or the one in the file `name` if that ends in `.toml`.

    Raises `BadInputError` for an unknown name, and for a file that cannot be read or makes no sense.
    """
    if str(name).endswith(".toml"):
        return load(Device, Path(name))
    catalogue = _catalogue()
    if str(name) in catalogue:
        return catalogue[str(name)]
    close = difflib.get_close_matches(str(name), catalogue, n=1)
    mend = f"did you mean `{close[0]}`? " if close else ""
    raise BadInputError(
        f"unknown device `{name}`", hint=f"{mend}known: {', '.join(catalogue)}; or give the path of a .toml file"
    )


def device_names() -> tuple[str, ...]:
    """Return the names of the catalogue: CPUs first, each kind by name."""
    return tuple(_catalogue())


@cache
def _catalogue() -> dict[str, Device]:
    found = [load(Device, path) for path in FOLDER.glob("*.toml")]
    return {each.name: each for each in sorted(found, key=lambda each: (each.kind, each.name))}


def _product(numbers: Mapping[str, Any]) -> float:
    """Return 2 FLOPs x cores x clock x lanes x units, in GFLOPS."""
    return float(2 * math.prod(numbers[field] for field in COMPUTE))


def _check_finite(device: Device) -> None:
    for field in NUMBERS:
        value = getattr(device, field)
        if isinstance(value, float) and not math.isfinite(value):
            raise BadInputError(f"{field}: must be a finite number, not {value}", hint="leave it out if it is optional")


def _check_peak(device: Device) -> None:
    most = _product({field: getattr(device, field) for field in COMPUTE})
    if device.peak_fp32_gflops > most * ROUNDING:
        raise BadInputError(
            f"peak_fp32_gflops: {device.peak_fp32_gflops:g} is more than 2 x cores x clock_ghz x lanes x fma_units, "
            f"{most:g}",
            hint="one of them is wrong: the peak is of fp32 without tensor cores",
        )


def _check_caches(device: Device) -> None:
    if device.l2_bytes < device.l1_bytes:
        raise BadInputError(
            f"l2_bytes: {device.l2_bytes} is less than l1_bytes, {device.l1_bytes}", hint="both are in bytes"
        )
    if device.kind == "gpu" and device.l3_bytes:
        raise BadInputError("l3_bytes: a GPU has none", hint="the cache that its multiprocessors share is l2_bytes")
    if device.l3_bytes == 0:
        return
    part = device.l3_bytes // device.l3_parts
    cores = -(-device.cores // device.l3_parts)
    if device.l3_inclusive and part < cores * device.l2_bytes:
        raise BadInputError(
            f"l3_bytes: a part of {part} bytes cannot include the l2_bytes of its {cores} cores",
            hint="l3_bytes is the total of all sockets; l2_bytes is of one core",
        )
    if part < device.l2_bytes:
        raise BadInputError(
            f"l3_bytes: a part of {part} bytes is less than l2_bytes, {device.l2_bytes}",
            hint="l3_bytes is the total of all sockets; l2_bytes is of one core",
        )


def _check_link(device: Device) -> None:
    given = [field for field in LINK if getattr(device, field) is not None]
    if device.kind == "gpu" and len(given) < len(LINK):
        missing = next(field for field in LINK if field not in given)
        raise BadInputError(f"{missing}: a GPU needs it", hint="the bandwidth and latency of copies from the host")
    if device.kind == "cpu" and given:
        raise BadInputError(f"{given[0]}: a CPU has no link to itself", hint='leave it out, or say kind = "gpu"')


def _check_named(device: Device) -> None:
    for place, names in (("sources", device.sources), ("estimated", device.estimated)):
        for name in names:
            if name not in NUMBERS:
                raise BadInputError(f"{place}: `{name}` is no number of a device", hint=f"known: {', '.join(NUMBERS)}")
