"""A design: the chip, how it is divided between the stages of a funnel, and which of the paper's ideas are on."""

import re
from typing import Annotated, Literal

from msgspec import Meta

from tailrank.accelerator.array import Array
from tailrank.accelerator.bugs import CORRECTED, RELEASED, Bugs
from tailrank.accelerator.chip import Chip
from tailrank.accelerator.fission import Part, sliced
from tailrank.accelerator.stage import Filter
from tailrank.core import BadInputError, Config

__all__ = ["ARTIFACT_SLICES", "Design", "Mode", "StageDesign", "artifact", "design_of", "parse_stages"]

Mode = Literal["released", "corrected"]
Count = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]

ARTIFACT_SLICES = (1, 4, 16, 64)
"""The slices that the artifact has a configuration for."""


class StageDesign(Config, frozen=True, kw_only=True):
    """One stage: `items` scored by `network`, on slices of 1/`slices` of the chip, or on `servers` sub-arrays.

    The latter have `rows` x `cols` cells each, and each the share `share` of SRAM and bandwidth (absent: its share of
    the cells); `bandwidth` and `cache` divide memory bandwidth and embedding SRAM otherwise. `miss_rate` is the share
    of the stage's embedding bytes that miss its SRAM (absent: the chip's).
    """

    network: str
    items: Count
    slices: Count | None = None
    rows: Count | None = None
    cols: Count | None = None
    servers: Count = 1
    share: Share | None = None
    bandwidth: Share | None = None
    cache: Share | None = None
    miss_rate: Annotated[float, Meta(ge=0, le=1)] | None = None

    def __post_init__(self) -> None:
        own = self.rows is not None and self.cols is not None
        if (self.slices is None) != own or (self.rows is None) != (self.cols is None):
            raise BadInputError(
                f"stage `{self.network}`: give either `slices`, or `rows` and `cols`",
                hint="slices = 4, or rows = 64, cols = 32, servers = 2",
            )
        divided = any(each is not None for each in (self.share, self.bandwidth, self.cache))
        if self.slices is not None and (self.servers != 1 or divided):
            raise BadInputError(
                f"stage `{self.network}`: `slices` say how many servers there are, and their share",
                hint="leave `servers` and `share` out, or give `rows` and `cols`",
            )


class Design(Config, frozen=True, kw_only=True):
    """A funnel on a chip.

    `kept` items leave the last stage. `sub_batches` cuts a query into so many parts that follow each other through the
    stages. `resident`, `double_buffered` and `bins` of the top-k unit are as in `Setting`. With `hidden_rows`
    (look-ahead), a part's rows arrive while the stage before works on it; what takes longer shows. Raises
    `BadInputError` for a funnel that widens, fewer items than sub-batches, or sub-batches and look-ahead without two
    stages.
    """

    stages: Annotated[tuple[StageDesign, ...], Meta(min_length=1)]
    chip: Chip = Chip()
    bugs: Bugs = CORRECTED
    filter: Filter = "chip"
    kept: Count = 64
    sub_batches: Count = 1
    resident: bool = False
    double_buffered: bool = False
    hidden_rows: bool = False
    bins: Annotated[int, Meta(ge=2)] | None = None

    def __post_init__(self) -> None:
        for number, (stage, after) in enumerate(zip(self.stages, self.stages[1:], strict=False)):
            if after.items > stage.items:
                raise BadInputError(
                    f"stages.{number + 1}.items: {after.items}, but the stage before scores only {stage.items}",
                    hint="each stage scores a part of what the stage before scored",
                )
        fewest = self.stages[-1].items
        if self.sub_batches > fewest:
            raise BadInputError(
                f"sub_batches: {self.sub_batches} parts of {fewest} items are empty", hint=f"give at most {fewest}"
            )
        if len(self.stages) == 1 and (self.sub_batches > 1 or self.hidden_rows):
            raise BadInputError(
                "sub-batches and look-ahead overlap stages, and there is one",
                hint="leave sub_batches and hidden_rows out, or add a stage",
            )
        mixed = {stage.slices is None for stage in self.stages}
        if len(mixed) == 2:
            raise BadInputError(
                "some stages have `slices` and others `rows` and `cols`", hint="divide the whole chip in one way"
            )

    @property
    def parts(self) -> tuple[Part, ...]:
        """What each stage has of the chip; raises `BadInputError` where slices do not divide it."""
        if self.stages[0].slices is not None:
            return sliced(self.chip, [stage.slices or 1 for stage in self.stages])
        return tuple(self._part(stage) for stage in self.stages)

    def _part(self, stage: StageDesign) -> Part:
        array = Array(stage.rows or 1, stage.cols or 1)
        share = stage.share if stage.share is not None else min(1.0, array.cells / self.chip.array.cells)
        return Part(array, stage.servers, share, bandwidth=stage.bandwidth, cache=stage.cache)

    @property
    def baseline(self) -> bool:
        """Whether this needs none of what RPAccel adds: one array for all, and the host filters."""
        return self.filter == "host" and all(part.array == self.chip.array for part in self.parts)


def artifact(stages: tuple[StageDesign, ...], *, filter: Filter = "chip") -> Design:  # noqa: A002
    """Return the design whose times are the artifact's published formulas, bugs included.

    Raises `BadInputError` for slices it has no configuration for.
    """
    for number, stage in enumerate(stages):
        if stage.slices not in ARTIFACT_SLICES:
            raise BadInputError(
                f"stages.{number}: the artifact has no slices of 1/{stage.slices} of the chip",
                hint=f"it has {', '.join(map(str, ARTIFACT_SLICES))}; `corrected` takes any",
            )
    return Design(stages=stages, bugs=RELEASED, filter=filter)


def design_of(mode: Mode, stages: tuple[StageDesign, ...], *, filter: Filter = "chip") -> Design:  # noqa: A002
    """Return the design of `stages` on the artifact's chip: with its formulas, or with ours."""
    return artifact(stages, filter=filter) if mode == "released" else Design(stages=stages, filter=filter)


def parse_stages(text: str) -> tuple[StageDesign, ...]:
    """Read `NETWORK:ITEMS@SLICES[,...]`, such as `rm-small:4096@4,rm-large:512@4`."""
    stages = []
    for word in text.split(","):
        found = re.fullmatch(r"([^:@\s]+):(\d{1,9})@(\d{1,6})", word.strip())
        if not found or int(found[2]) == 0 or int(found[3]) == 0:
            raise BadInputError(
                f"a stage is NETWORK:ITEMS@SLICES, not `{word.strip()}`", hint="such as rm-small:4096@4,rm-large:512@4"
            )
        stages.append(StageDesign(network=found[1], items=int(found[2]), slices=int(found[3])))
    return tuple(stages)
