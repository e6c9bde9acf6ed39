"""The configurations of the artifact's sweep, and the designs that stand for the paper's five ideas."""

import itertools
from collections.abc import Sequence

from msgspec.structs import replace

from tailrank.accelerator import Design, Filter, Mode, StageDesign, design_of

__all__ = ["FUNNELS", "ITEMS", "MODES", "NETWORKS", "SLICES", "configurations", "funnel", "name_of", "pipelined"]

MODES: tuple[Mode, ...] = ("released", "corrected")
NETWORKS = ("rm-small", "rm-med", "rm-large")
FUNNELS = {1: ("rm-large",), 2: ("rm-small", "rm-large"), 3: NETWORKS}
"""Networks by number of stages."""
ITEMS = {1: (4096,), 2: (4096, 512), 3: (4096, 512, 128)}
"""Items into each stage, by number of stages."""
SLICES = (4, 16, 64)
RESIDENT = {"resident": True}
LOOK_AHEAD = {"resident": True, "hidden_rows": True}


def configurations(depth: int) -> list[tuple[int, ...]]:
    """Return the slices of every configuration of `depth` stages: 4, 9 and 27 of them."""
    return [(1,), *((each,) for each in SLICES)] if depth == 1 else list(itertools.product(SLICES, repeat=depth))


def funnel(
    slices: Sequence[int],
    mode: Mode,
    *,
    items: Sequence[int] | None = None,
    networks: Sequence[str] | None = None,
    filter: Filter = "chip",  # noqa: A002
) -> Design:
    """Return the paper's funnel of `len(slices)` stages, each stage on slices of 1/`slices` of the chip."""
    depth = len(slices)
    rows = zip(networks or FUNNELS[depth], items or ITEMS[depth], slices, strict=True)
    return design_of(mode, tuple(StageDesign(network=n, items=i, slices=s) for n, i, s in rows), filter=filter)


def pipelined(design: Design, parts: int, *, resident: bool = False, look_ahead: bool = False) -> Design:
    """Return `design` with queries cut into `parts`, and rows of later stages hidden where there are several."""
    return replace(design, sub_batches=parts, resident=resident, hidden_rows=look_ahead and parts > 1)


def name_of(slices: Sequence[int]) -> str:
    """Return a configuration as the artifact writes it: (4, 16)."""
    return f"({', '.join(map(str, slices))})"
