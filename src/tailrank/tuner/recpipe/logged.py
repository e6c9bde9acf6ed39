"""What the logs of RecPipe's public artifact hold, as data files with the source of every number. Nothing of ours."""

import csv
import io
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, TypeVar

from msgspec import Meta

from tailrank.core import Config
from tailrank.core.config import from_dict

__all__ = [
    "CUT",
    "Component",
    "Mistakes",
    "Ranked",
    "Stages",
    "Tail",
    "components",
    "mistakes",
    "parse_funnel",
    "ranked",
    "spell",
    "tails",
]

Above = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]
Stages = tuple[tuple[str, int], ...]
Row = TypeVar("Row", bound=Config)

CUT = 92.25
"""Least NDCG@64, in per cent, of what every figure of the artifact compares: strictly more."""


class Component(Config, frozen=True, kw_only=True):
    """Mean time of one part of the pipeline for a whole query of `items`, on one engine of `device`."""

    device: Literal["cpu", "gpu"]
    network: str
    items: Count
    part: Literal["inference", "gather", "sort", "fetch"]
    context: Literal["alone", "pipeline"]
    ms: Above
    tag: str


class Tail(Config, frozen=True, kw_only=True):
    """A logged 95th percentile; `funnel` is network:items of each stage joined by >, `devices` likewise."""

    figure: str
    funnel: str
    devices: str
    nominal_qps: Above
    p95_ms: Above
    tag: str


class Ranked(Config, frozen=True, kw_only=True):
    """A logged NDCG@64 in per cent, of a ranking whose first 64 are all clicked."""

    run: str
    funnel: str
    ndcg: Above
    tag: str


class Mistakes(Config, frozen=True, kw_only=True):
    """A logged share of items, in per cent, whose rounded score is not the label."""

    network: str
    set: Literal["sweep", "rows"]
    error: Above
    tag: str


def parse_funnel(text: str) -> Stages:
    """Return the (network, items) of each stage of `rm-small:4096>rm-large:512`."""
    return tuple((name, int(items)) for name, _, items in (stage.partition(":") for stage in text.split(">")))


def spell(stages: Stages) -> str:
    """Return what `parse_funnel` reads."""
    return ">".join(f"{name}:{items}" for name, items in stages)


@cache
def components() -> tuple[Component, ...]:
    """Return the times of the pipeline's parts."""
    return tuple(_rows("times.csv", Component))


@cache
def tails() -> tuple[Tail, ...]:
    """Return the 95th percentiles of figures 7 and 8."""
    return tuple(_rows("p95.csv", Tail))


@cache
def ranked() -> tuple[Ranked, ...]:
    """Return the quality of single stages and funnels."""
    return tuple(_rows("quality.csv", Ranked))


@cache
def mistakes() -> tuple[Mistakes, ...]:
    """Return the errors of the networks."""
    return tuple(_rows("error.csv", Mistakes))


def _rows(name: str, kind: type[Row]) -> list[Row]:
    text = files("tailrank.tuner.recpipe").joinpath("data", name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    numbers = {"items": int, "ms": float, "nominal_qps": float, "p95_ms": float, "ndcg": float, "error": float}
    found = []
    for row in csv.DictReader(io.StringIO("\n".join(lines))):
        typed = {key: numbers[key](value) if key in numbers else value for key, value in row.items()}
        found.append(from_dict(kind, typed, source=f"recpipe/data/{name}"))
    return found
