"""A measured profile: service times of one network on one host, alone and with the whole pool busy."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from tailrank.core.config import Config, from_dict, to_dict
from tailrank.core.errors import BadInputError
from tailrank.core.files import write_json
from tailrank.timing.noise import noise_table
from tailrank.timing.overheads import NO_OVERHEADS, Overheads
from tailrank.timing.service import ServiceTable

__all__ = ["CLIP", "Point", "Profile", "load_profile", "save_profile"]

F64 = NDArray[np.float64]
CLIP = 5.0  # a sample beyond this multiple of its median is a hiccup of the host, and counts as that multiple


class Point(Config, frozen=True, kw_only=True):
    """Times of batches of `items` candidates that ran while `busy` workers, themselves included, were busy."""

    items: Annotated[int, Meta(ge=1)]
    busy: Annotated[int, Meta(ge=1)]
    samples_ns: Annotated[tuple[int, ...], Meta(min_length=1)]

    def clipped_ns(self) -> F64:
        """Return the samples with hiccups cut to `CLIP` times the median, shape (samples,)."""
        samples = np.asarray(self.samples_ns, dtype=np.float64)
        clipped: F64 = np.minimum(samples, CLIP * np.median(samples))
        return clipped


class Profile(Config, frozen=True, kw_only=True):
    """A `ServiceTime` made of measurements, and the overheads measured beside them.

    Between measured sizes the time is linear in the batch; beyond the largest it continues the last slope;
    between measured numbers of busy workers it is linear too. Pools larger than the largest measured use
    its times, which is stated where it happens (`measured_workers`).
    """

    network: str
    points: Annotated[tuple[Point, ...], Meta(min_length=1)]
    overheads: Overheads = NO_OVERHEADS

    @property
    def measured_workers(self) -> int:
        """Largest number of workers that were busy together."""
        return max(point.busy for point in self.points)

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        levels = sorted({point.busy for point in self.points})
        curves = np.stack([self._curve(level, max_items) for level in levels])
        at = np.interp(np.arange(1, workers + 1), levels, np.arange(len(levels)))  # clamps outside what was measured
        low = np.minimum(at.astype(np.int64), len(levels) - 1)
        high = np.minimum(low + 1, len(levels) - 1)
        share = (at - low)[:, None]
        return ServiceTable(curves[low] * (1 - share) + curves[high] * share, self._noise())

    def merged(self, other: "Profile") -> "Profile":
        """Return a profile with the samples of both; the overheads are this one's."""
        samples: dict[tuple[int, int], tuple[int, ...]] = {}
        for point in (*self.points, *other.points):
            key = (point.items, point.busy)
            samples[key] = samples.get(key, ()) + point.samples_ns
        points = tuple(Point(items=n, busy=b, samples_ns=s) for (n, b), s in sorted(samples.items()))
        return Profile(network=self.network, points=points, overheads=self.overheads)

    def slower_than(self, other: "Profile") -> float:
        """Return the time of this profile's batches over what `other` says of them: how far the machine drifted.

        Every measured size and number of busy workers counts alike, so that long batches do not drown short ones.
        """
        table = other.table(max(point.items for point in self.points), self.measured_workers).mean_ns
        ratios = [float(p.clipped_ns().mean()) / float(table[p.busy - 1, p.items]) for p in self.points]
        return float(np.median(ratios))

    def with_overheads(self, overheads: Overheads) -> "Profile":
        """Return the same service times with other overheads."""
        return Profile(network=self.network, points=self.points, overheads=overheads)

    def _curve(self, busy: int, max_items: int) -> F64:
        points = sorted((p for p in self.points if p.busy == busy), key=lambda p: p.items)
        items = np.array([p.items for p in points], dtype=np.float64)
        means = np.array([p.clipped_ns().mean() for p in points])
        sizes = np.arange(max_items + 1, dtype=np.float64)
        curve: F64 = np.interp(sizes, items, means)
        if len(items) > 1:
            slope = (means[-1] - means[-2]) / (items[-1] - items[-2])
            beyond = sizes > items[-1]
            curve[beyond] = means[-1] + max(slope, 0.0) * (sizes[beyond] - items[-1])
        return curve

    def _noise(self) -> F64:
        items = np.concatenate([np.full(len(p.samples_ns), p.items) for p in self.points])
        factors = np.concatenate([p.clipped_ns() / p.clipped_ns().mean() for p in self.points])
        return noise_table(items, factors)


def load_profile(path: Path) -> Profile:
    """Read a profile that `save_profile` wrote; raises `BadInputError` if it is missing or wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{path}: not a readable profile: {error}", hint="make one with `tailrank profile NETWORK --out DIR`"
        ) from None
    return from_dict(Profile, data, source=str(path))


def save_profile(profile: Profile, path: Path) -> None:
    """Write `profile` as JSON, whole or not at all."""
    write_json(path, to_dict(profile))
