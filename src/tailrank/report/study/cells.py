"""The cells of the study, found by what they are: network, target, host and scheduler."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tailrank.report.document import Value
from tailrank.report.study.paper import NETWORKS, TARGETS, TITLES

__all__ = ["Cells", "Key", "class_of", "geomean", "in_order", "title"]

Key = tuple[str, str, str, str]  # network, target, host, scheduler


@dataclass(frozen=True)
class Cells:
    """The document's `cells`. A host is named by its CPU here: with and without a GPU it is one host."""

    document: Value

    @cached_property
    def by_key(self) -> dict[Key, Value]:
        """Every cell with a capacity, under (network, target, host, scheduler)."""
        found = {}
        for cell in self.document["cells"]:
            words = [cell[key].text for key in ("network", "target", "host", "scheduler")]
            network, target, host, scheduler = (word or "" for word in words)
            if all(words) and cell["capacity_qps"].number is not None:
                found[network, target, class_of(host), scheduler] = cell
        return found

    @property
    def networks(self) -> list[str]:
        """Networks of the document, the paper's order first."""
        return _ordered({key[0] for key in self.by_key}, NETWORKS)

    @property
    def targets(self) -> list[str]:
        """Targets of the cells, from tight to loose."""
        return in_order(key[1] for key in self.by_key)

    @cached_property
    def hosts(self) -> list[str]:
        """Hosts in the document's order."""
        return list(dict.fromkeys(key[2] for key in self.by_key))

    def number(self, field: str, network: str, target: str, host: str, scheduler: str) -> float | None:
        """Return a number of one cell, or None."""
        return self.by_key.get((network, target, host, scheduler), Value())[field].number

    def across(self, field: str, host: str, scheduler: str, target: str) -> dict[str, float]:
        """Return a number of each network that has it."""
        found = {name: self.number(field, name, target, host, scheduler) for name in self.networks}
        return {name: value for name, value in found.items() if value is not None}

    def along(self, field: str, network: str, host: str, scheduler: str) -> dict[str, float]:
        """Return a number at each target that has it, from tight to loose."""
        found = {target: self.number(field, network, target, host, scheduler) for target in self.targets}
        return {target: value for target, value in found.items() if value is not None}

    def ratios(self, field: str, host: str, scheduler: str, target: str, *, over: str = "static") -> dict[str, float]:
        """Return a number over the same of the scheduler `over`, by network."""
        above, below = (self.across(field, host, each, target) for each in (scheduler, over))
        return {name: above[name] / below[name] for name in above if below.get(name, 0.0) > 0}

    def geomean_gain(self, host: str, scheduler: str, target: str) -> float | None:
        """Return the document's `geomean_gain`, or the mean of the cells' gains where it has none."""
        for name, gains in self.document["geomean_gain"].pairs:
            given = gains[scheduler][target].number
            if given is not None and class_of(name) == host:
                return given
        return geomean(self.across("gain", host, scheduler, target).values())

    @cached_property
    def per_watt(self) -> str:
        """The field of capacity per watt: of TDP, as the paper probably has it, where cells hold that."""
        tdp = "qps_per_tdp_watt"
        return tdp if any(cell[tdp].number is not None for cell in self.by_key.values()) else "qps_per_watt"

    def pairs(self, scheduler: str, other: str) -> Iterator[tuple[Key, Value, Value]]:
        """Return (key, cell, the cell of `other` beside it) wherever both exist."""
        for key, cell in self.by_key.items():
            beside = self.by_key.get((*key[:3], other))
            if key[3] == scheduler and beside is not None:
                yield key, cell, beside

    def gpu_of(self, host: str) -> str:
        """Return the name of the GPU beside `host`, as cells name it, or "the GPU"."""
        for cell in self.document["cells"]:
            cpu, _, gpu = (cell["host"].text or "").partition("+")
            if cpu == host and (cell["gpu"].text or gpu):
                return cell["gpu"].text or gpu
        return "the GPU"


def class_of(host: str) -> str:
    """Return the CPU's part of a host's name: skylake-40c of skylake-40c+gtx-1080ti."""
    return host.partition("+")[0]


def title(network: str) -> str:
    """Return how people write a network's name."""
    return TITLES.get(network, network)


def in_order(targets: Iterable[str]) -> list[str]:
    """Return each of `targets` once, from tight to loose; those that the paper does not have come last."""
    return _ordered(set(targets), TARGETS)


def geomean(values: Iterable[float]) -> float | None:
    """Return the geometric mean of positive values; None where there are none, or one is not positive."""
    found = list(values)
    if not found or min(found) <= 0:
        return None
    return math.exp(sum(map(math.log, found)) / len(found))


def _ordered(found: set[str], first: tuple[str, ...]) -> list[str]:
    """Return what was found, those in `first` in its order before all others."""
    return [name for name in first if name in found] + sorted(found - set(first))
