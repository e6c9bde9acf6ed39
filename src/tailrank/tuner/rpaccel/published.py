"""What RecPipe's artifact logged, or what its formulas give, as data: never mixed with ours.

Tags: C read in its code or reports, L parsed from its logs, R found by running its scripts, D follows by arithmetic.
"""

from functools import cache
from importlib import resources
from typing import Annotated, Any

from msgspec import Meta, field

from tailrank.core import Config
from tailrank.core.config import loads

__all__ = ["Artifact", "artifact_values"]

Blocks = dict[str, float]


class Claim(Config, frozen=True, kw_only=True):
    """A factor that the paper claims, and what the artifact's formulas give for it."""

    name: str
    text: str
    claimed: float
    artifact: float
    tag: str


class Stage(Config, frozen=True, kw_only=True):
    """Milliseconds of one stage by `NETWORK:ITEMS`, on a slice of 1/`slices` of the chip."""

    slices: int
    ms: dict[str, float]


class Terms(Config, frozen=True, kw_only=True):
    """Cycles of one stage of 4,096 items on the undivided array, by what they go to."""

    network: str
    link_in: float
    gather: float
    bottom: float
    top: float
    filter: float
    link_out: float


class ArrayRuns(Config, frozen=True, kw_only=True):
    """Figure 10a: cycles and utilisation (0 to 1) by network on a square array."""

    side: int
    cycles: dict[str, int]
    utilisation: dict[str, float]


class Silicon(Config, frozen=True, kw_only=True):
    """Figure 11: area and power by block."""

    baseline_mm2: Blocks
    rpaccel_mm2: Blocks
    baseline_mw: Blocks
    rpaccel_mw: Blocks


class Loads(Config, frozen=True, kw_only=True):
    """Figure 12: p95 in ms of the best configuration by load, for one, two and three stages."""

    qps: tuple[float, ...]
    gap_ms: tuple[float, ...]
    one: tuple[float, ...]
    two: tuple[float, ...]
    three: tuple[float, ...]


class Configuration(Config, frozen=True, kw_only=True):
    """One configuration of figure 12: sum of service times, and p95 at 100, 500, 1,000 and 2,000 queries a second."""

    slices: tuple[int, ...]
    ms: float
    p95_ms: tuple[float, ...]


class MoreItems(Config, frozen=True, kw_only=True):
    """Figure 13: p95 in ms with more items into the first stage."""

    qps: float
    first: tuple[int, ...]
    second: tuple[int, ...]
    one_ms: tuple[float, ...]
    two_ms: tuple[float, ...]
    ndcg: tuple[float, ...]


class DeviceRow(Config, frozen=True, kw_only=True):
    """Figure 14: p95 in ms by number of stages, at three loads; inf: unachievable."""

    name: str
    low: tuple[float, ...]
    medium: tuple[float, ...]
    high: tuple[float, ...]


class Quality(Config, frozen=True, kw_only=True):
    """Figure 3: NDCG@64 in per cent; `two_stages` by items into the second; `floor` is what counts as equal."""

    items: tuple[int, ...]
    small: Annotated[tuple[float, ...], Meta(min_length=1)] = field(name="rm-small")
    med: tuple[float, ...] = field(name="rm-med")
    large: tuple[float, ...] = field(name="rm-large")
    two_stages: dict[str, float]
    floor: float


class Artifact(Config, frozen=True, kw_only=True):
    """All of it."""

    claims: tuple[Claim, ...]
    stage: tuple[Stage, ...]
    terms: tuple[Terms, ...]
    array: tuple[ArrayRuns, ...]
    silicon: Silicon
    loads: Loads
    configuration: tuple[Configuration, ...]
    items: MoreItems
    device: tuple[DeviceRow, ...]
    quality: Quality

    def claim(self, name: str) -> Claim:
        """Return the claim called `name`."""
        return next(each for each in self.claims if each.name == name)


@cache
def artifact_values() -> Artifact:
    """Return the artifact's values."""
    file: Any = resources.files(__package__) / "data" / "artifact.toml"
    return loads(Artifact, file.read_text(encoding="utf-8"), source="artifact.toml")
