"""How a system uses a device: choices that a roofline takes as given. By default those of the paper's system."""

import math
from typing import Annotated, Literal

from msgspec import Meta

from tailrank.core import Config

__all__ = ["MODERN", "Switches", "popular_share"]


class Switches(Config, frozen=True, kw_only=True):
    """What the software does; the defaults are what DeepRecSys' public system did.

    `fused_lookup`: one lookup kernel for all tables of a group instead of one per table. `prepared_inputs`: inputs
    arrive as arrays; without it software touches every id, bag and dense number before a batch is computed, on a CPU as
    for a GPU (the public harness turns lists into tensors). `pinned`: inputs, prepared, are written in place, and go to
    a GPU as one block instead of a naive copy per tensor. `int32_ids`: ids of four bytes instead of eight. `overlap`:
    the next batch's inputs travel while a batch is computed. `shared_weights`: a CPU's workers are threads that share
    one copy of the weights, instead of processes with a copy each. `precision` is that of matrix products and their
    weights. `skew` is the exponent of Zipf-distributed accesses (0: uniform); `hit_rate`, where given, replaces the
    share of rows found in the cache that follows from skew and sizes.
    """

    fused_lookup: bool = False
    pinned: bool = False
    int32_ids: bool = False
    overlap: bool = False
    prepared_inputs: bool = False
    shared_weights: bool = False
    precision: Literal["fp32", "bf16"] = "fp32"
    skew: Annotated[float, Meta(ge=0, le=20)] = 0.0
    hit_rate: Annotated[float, Meta(ge=0, le=1)] | None = None

    @property
    def label(self) -> str:
        """What differs from the paper's system, in a few words."""
        on = [
            name.replace("_", " ") for name in ("fused_lookup", "pinned", "int32_ids", "overlap") if getattr(self, name)
        ]
        if self.prepared_inputs and not self.pinned:
            on.append("inputs prepared")
        if self.shared_weights:
            on.append("shared weights")
        if self.precision != "fp32":
            on.append(self.precision)
        return ", ".join(on) or "as the paper's system"


MODERN = Switches(fused_lookup=True, pinned=True, int32_ids=True, overlap=True, shared_weights=True)
"""Fused lookups, pinned int32 inputs that overlap with computing, and weights that workers share."""


def popular_share(rows: float, of: float, skew: float) -> float:
    """Return the share of accesses that go to the `rows` most popular of `of` rows, popularity being `rank ** -skew`.

    Sums of powers are those of Euler and Maclaurin with one correction: exact for skew 0, and within 3 % beyond ten
    rows for skews up to 1.5.
    """
    if rows >= of:
        return 1.0
    return max(rows, 0.0) / of if rows < 1 or skew == 0 else _harmonic(rows, skew) / _harmonic(of, skew)


def _harmonic(rows: float, skew: float) -> float:
    log, steep = math.log(rows), 1 - skew
    area = log if abs(steep * log) < 1e-12 else math.expm1(steep * log) / steep
    return area + (1 + math.pow(rows, -skew)) / 2
