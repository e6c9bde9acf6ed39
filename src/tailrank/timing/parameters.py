"""The free parameters of a roofline, what each means, and fits of them that are shipped beside the catalogue."""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from tailrank.core import BadInputError, Config
from tailrank.core.config import load, loads
from tailrank.timing.device import Device
from tailrank.timing.device import device as catalogue

__all__ = ["BOUNDS", "Fit", "Parameters", "Residual", "fit_for", "fit_names", "load_fit"]

Above = Annotated[float, Meta(gt=0)]
Zero = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, le=1)]


class Parameters(Config, frozen=True, kw_only=True):
    """What a data sheet does not say about a device and its software.

    `efficiency`: share of the fp32 peak that matrix products of large batches reach.
    `half_rows`: rows whose time a product takes on top, so that it reaches half of that at so many.
    `outstanding`: embedding rows one CPU core fetches at the same time.
    `stream_gbps`: bytes one CPU core can draw from memory.
    `bag_ns`: time per pooled vector beside its rows, on one CPU core.
    `operator_us`, `gather_efficiency`: in place of the device's own, where given.
    `step_us`: overhead of a whole step of a recurrence, in place of that of its operators, where given.
    `copy_us`: time per tensor handed over; `feed_id_ns`, `feed_bag_ns`, `feed_dense_ns`: per id, per bag and per
    dense number handed over, when each tensor is copied naively.
    """

    efficiency: Share = 0.7
    half_rows: Zero = 16.0
    outstanding: Above = 10.0
    stream_gbps: Above = 12.0
    bag_ns: Zero = 20.0
    operator_us: Zero | None = None
    gather_efficiency: Share | None = None
    step_us: Zero | None = None
    copy_us: Zero = 0.0
    feed_id_ns: Zero = 0.0
    feed_bag_ns: Zero = 0.0
    feed_dense_ns: Zero = 0.0


BOUNDS: dict[str, tuple[float, float]] = {
    "efficiency": (0.02, 0.95),
    "half_rows": (0.5, 2000.0),
    "outstanding": (1.0, 60.0),
    "stream_gbps": (2.0, 40.0),
    "bag_ns": (0.5, 500.0),
    "operator_us": (0.05, 100.0),
    "gather_efficiency": (0.02, 1.0),
    "step_us": (0.1, 500.0),
    "copy_us": (0.1, 200.0),
    "feed_id_ns": (0.1, 300.0),
    "feed_bag_ns": (0.1, 1000.0),
    "feed_dense_ns": (0.05, 100.0),
}
"""Least and greatest value of each parameter when it is fitted."""


class Residual(Config, frozen=True, kw_only=True):
    """How far a fit is from its points, for one network and one quantity.

    Errors of times and speed-ups are relative, those of shares of time are differences of shares.
    """

    network: str
    quantity: str
    points: Annotated[int, Meta(ge=1)]
    median_error: Zero
    worst_error: Zero


class Fit(Config, frozen=True, kw_only=True):
    """Parameters fitted to measured points of a device; `batches` is the range the points cover.

    `anchor` says what gives the absolute scale, `free` which parameters were fitted, `at_bound` which of them ended
    at a bound, so that the data do not settle them. `borrowed_from` names the device measured in this one's place.
    """

    device: str
    parameters: Parameters
    free: tuple[str, ...] = ()
    at_bound: tuple[str, ...] = ()
    batches: tuple[int, int] = (1, 1024)
    points: int = 0
    residuals: tuple[Residual, ...] = ()
    anchor: str = ""
    source: str = ""
    borrowed_from: str = ""

    def notes(self, largest: int) -> tuple[str, ...]:
        """Return what a reader must know about times of batches of 1 to `largest` items."""
        found = []
        if self.borrowed_from:
            found.append(f"{self.device}: not calibrated; parameters borrowed from {self.borrowed_from}")
        low, high = self.batches
        if low > 1 or largest > high:
            found.append(f"{self.device}: measured at batches {low} to {high}, extrapolated outside")
        return tuple(found)


LENDERS = {"cpu": "skylake-40c", "gpu": "gtx-1080ti"}
"""Whose parameters a device without points of its own borrows."""


def fit_names() -> tuple[str, ...]:
    """Return the devices that have a fit of their own."""
    folder = files("tailrank.timing").joinpath("data")
    return tuple(sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml")))


def load_fit(path: Path) -> Fit:
    """Read a fit from a file; raises `BadInputError` if it is missing or wrong."""
    return load(Fit, path)


@lru_cache(maxsize=64)
def fit_for(device: Device) -> Fit:
    """Return the fit of `device`, or that of the device it borrows from, scaled to its size.

    Borrowed `half_rows` grow with the peak of a core (CPU) or the device (GPU): what keeps a product of few rows
    slow is the time its weights take, which a higher peak does not shorten. The share of the memory's bandwidth that
    random rows get is the device's own, and so is a GPU's overhead per launch; steps follow launches. A CPU's overhead
    is the lender's, since it is of the same software.
    """
    if device.name in fit_names():
        return _shipped(device.name)
    lender = LENDERS[device.kind]
    if lender not in fit_names():
        raise BadInputError(
            f"no fit for `{device.name}`, and none of `{lender}`", hint="python benchmarks/calibrate.py"
        )
    lent, other = _shipped(lender), catalogue(lender)
    scale = _peak(device) / _peak(other)
    parameters = replace(lent.parameters, half_rows=lent.parameters.half_rows * scale, gather_efficiency=None)
    if device.kind == "gpu":
        pace = device.operator_us / (lent.parameters.operator_us or other.operator_us)
        step_us = None if parameters.step_us is None else parameters.step_us * pace
        parameters = replace(parameters, operator_us=None, step_us=step_us)
    return replace(lent, device=device.name, parameters=parameters, residuals=(), borrowed_from=lender)


def _peak(device: Device) -> float:
    return device.peak_fp32_gflops / (device.cores if device.kind == "cpu" else 1)


@lru_cache(maxsize=16)
def _shipped(name: str) -> Fit:
    text = files("tailrank.timing").joinpath("data", f"{name}.toml").read_text(encoding="utf-8")
    return loads(Fit, text, source=f"timing/data/{name}.toml")
