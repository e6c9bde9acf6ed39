"""The questions that RecPipe asks of a design space: the best at equal quality, at equal load, at equal latency."""

from collections.abc import Callable, Iterable, Sequence

from tailrank.tuner.explore.point import Point

__all__ = ["iso_latency", "iso_load", "iso_quality"]

Best = dict[int, dict[str, Point]]
"""Number of stages -> what was asked -> the point that answers it."""


def iso_quality(points: Iterable[Point], floor: float) -> Best:
    """Return for each number of stages the points with quality of at least `floor`: highest capacity, least latency."""
    among = [each for each in points if each.quality >= floor]
    return _best(among, {"capacity": lambda each: each.capacity_qps, "latency": lambda each: -each.tail_ms})


def iso_load(points: Iterable[Point], qps: float, latency_ms: float) -> Best:
    """Return for each number of stages the point of highest quality that carries `qps` within the target.

    Points were run at one load; `qps` may be another: a capacity of at least `qps` is what says that it is carried.
    """
    among = [each for each in points if each.capacity_qps >= qps and each.tail_ms <= latency_ms]
    return _best(among, {"quality": lambda each: each.quality})


def iso_latency(points: Iterable[Point], latency_ms: float) -> Best:
    """Return for each number of stages the points within `latency_ms` at the load: best quality, highest capacity."""
    among = [each for each in points if each.tail_ms <= latency_ms]
    return _best(among, {"quality": lambda each: each.quality, "capacity": lambda each: each.capacity_qps})


def _best(points: Sequence[Point], asked: dict[str, Callable[[Point], float]]) -> Best:
    found: Best = {}
    for stages in sorted({each.stages for each in points}):
        mine = [each for each in points if each.stages == stages]
        found[stages] = {name: max(mine, key=key) for name, key in asked.items()}
    return found
