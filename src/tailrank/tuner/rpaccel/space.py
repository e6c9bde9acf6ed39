"""The space of designs: funnels, sub-arrays, and how bandwidth and embedding SRAM are divided; one TOML file."""

import itertools
import math
from typing import Annotated

from msgspec import Meta

from tailrank.accelerator import Array, Chip, Part, place
from tailrank.core import BadInputError, Config

__all__ = ["HITS", "HitCurve", "Partition", "Space", "partitions"]

Count = Annotated[int, Meta(ge=1)]
Inside = Annotated[float, Meta(gt=0, lt=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Partition = tuple[tuple[Array, int], ...]
"""Sub-array and how many of them, for each stage."""


class HitCurve(Config, frozen=True, kw_only=True):
    """Hit rate of a cache by how many rows it holds: between `rows` straight over their logarithm, then on likewise."""

    rows: tuple[Count, ...]
    hit_rate: tuple[Share, ...]
    most: Share = 0.95

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.hit_rate) or len(self.rows) < 2:
            raise BadInputError("a hit curve has two points or more, a hit rate for each", hint="give both lists")
        if any(a >= b for a, b in itertools.pairwise(self.rows)):
            raise BadInputError("rows of a hit curve must rise", hint="sort them")

    def at(self, rows: float) -> float:
        """Return the hit rate of a cache of `rows`, at least 0 and at most `most`."""
        if rows < 1:
            return 0.0
        logs = [math.log2(each) for each in self.rows]
        x = math.log2(rows)
        last = len(logs) - 1
        right = min(max(1, sum(each < x for each in logs)), last)
        slope = (self.hit_rate[right] - self.hit_rate[right - 1]) / (logs[right] - logs[right - 1])
        return min(max(self.hit_rate[right] + slope * (x - logs[right]), 0.0), self.most)


# One cache of 1 to 16 MB with lines of 128 bytes on the artifact's Criteo trace, from its logs.
HITS = HitCurve(
    rows=(8_192, 16_384, 32_768, 49_152, 65_536, 98_304, 131_072),
    hit_rate=(0.283, 0.347, 0.409, 0.444, 0.468, 0.501, 0.523),
)


class Space(Config, frozen=True, kw_only=True):
    """Every combination of these is a design.

    `funnels` are of one or two networks; `take` items enter the first stage, `keep` the second, and `results` leave.
    `sub_arrays` are written ROWSxCOLS, `servers` are how many a stage has of one kind. `bandwidth` and `cache` are the
    first stage's shares of memory bandwidth and embedding SRAM; the second has the rest. `parts` are sub-batches,
    `bins` those of the top-k unit. Chips differ in their square array and in embedding SRAM. Weights stay in SRAM where
    they fit every stage's share of it; with `look_ahead`, parts find the second stage's rows there. `hits` says what
    the SRAM that a sub-array has is worth; it holds rows of the network's own width.
    """

    funnels: tuple[tuple[str, ...], ...] = (("rm-large",), ("rm-small", "rm-large"), ("rm-med", "rm-large"))
    take: tuple[Count, ...] = (4096,)
    keep: tuple[Count, ...] = (128, 256, 512, 1024)
    results: Count = 64
    array_sides: tuple[Count, ...] = (128,)
    sub_arrays: tuple[str, ...] = ("16x16", "32x32", "32x64", "64x64", "64x128", "128x128")
    servers: tuple[Count, ...] = (1, 2, 3, 4, 8, 16)
    bandwidth: tuple[Inside, ...] = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)
    cache: tuple[Inside, ...] = (0.1, 0.25, 0.5, 0.75, 0.9)
    embedding_mib: tuple[Count, ...] = (8, 16, 32)
    parts: tuple[Count, ...] = (1, 2, 4, 8)
    bins: tuple[Count, ...] = (16, 64, 256)
    look_ahead: bool = True
    chip: Chip = Chip()
    hits: HitCurve = HITS

    def __post_init__(self) -> None:
        for number, funnel in enumerate(self.funnels):
            if not 1 <= len(funnel) <= 2:
                raise BadInputError(
                    f"funnels.{number}: {len(funnel)} stages; one or two are searched",
                    hint="three stages: `tailrank accel evaluate` and `accel sweep`",
                )
        for name in ("funnels", "take", "sub_arrays", "servers", "embedding_mib", "array_sides", "parts", "bins"):
            if not getattr(self, name):
                raise BadInputError(f"{name}: empty, so there is no design", hint="leave it out for the default")
        if any(len(funnel) == 2 for funnel in self.funnels):
            for name in ("keep", "bandwidth", "cache"):
                if not getattr(self, name):
                    raise BadInputError(f"{name}: empty, but funnels have two stages", hint="give at least one")
        for text in self.sub_arrays:
            Array.parse(text)


def partitions(space: Space, chip: Chip, stages: int) -> list[Partition]:
    """Return every way to give each of `stages` sub-arrays of one kind that fit on the chip together.

    Of two stages they leave less than half of the array idle; the undivided array, in turns, is not among them.
    """
    kinds = [(Array.parse(text), count) for text in space.sub_arrays for count in space.servers]
    kinds = [(array, count) for array, count in kinds if array.cells * count <= chip.array.cells]
    found = []
    for chosen in itertools.product(kinds, repeat=stages):
        cells = sum(array.cells * count for array, count in chosen)
        if 2 * cells <= chip.array.cells or cells > chip.array.cells:
            continue
        try:
            place(chip, [Part(array, count, array.cells / chip.array.cells) for array, count in chosen])
        except BadInputError:  # no place, or not of whole blocks
            continue
        found.append(chosen)
    return found
