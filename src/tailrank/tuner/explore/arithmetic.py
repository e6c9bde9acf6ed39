"""What arithmetic alone says of a funnel on given pools: no run can beat it, and most plans need no run at all.

A pool with w workers does at most w seconds of work a second, and a query is not done before the longest slice of
each of its stages is. Both hold whatever the order of arrivals, as `tuner.Bounds` says of plans with one stage.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.metrics.percentiles import order
from tailrank.timing import ServiceTable, ServiceTime
from tailrank.tuner.explore.space import Funnel, Sharing, Space

__all__ = ["Arithmetic", "Crowded", "Option", "StageTime"]

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


class StageTime(NamedTuple):
    """Time of one stage in ns: mean work a query at the least and with all workers busy; of the query at the target's
    percentile by size, the longest slice and all of the work at the least.
    """

    work_ns: float
    busy_work_ns: float
    slice_ns: float
    query_ns: float


class Option(NamedTuple):
    """A funnel on pools. `bound_qps` and `least_ms` no run can beat, `likely_qps` is an estimate.

    `workers` are those of each stage's pool; where `sharing` is `shared`, stages on one pool share them.
    """

    places: tuple[str, ...]
    sharing: Sharing
    workers: tuple[int, ...]
    batches: tuple[int, ...]
    offload: tuple[int, str] | None
    bound_qps: float
    likely_qps: float
    least_ms: float


class Crowded:
    """`service` in a pool that is a part of `workers` on the same device, whose others count as busy.

    A profile says how batches slow each other down within one pool; split pools still share caches and memory.
    """

    def __init__(self, service: ServiceTime, workers: int) -> None:
        self.service, self.workers = service, workers

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        whole = self.service.table(max_items, max(workers, self.workers))
        return ServiceTable(np.ascontiguousarray(whole.mean_ns[-workers:]), whole.noise)


class Arithmetic:
    """Bounds of funnels of `space` for queries of these sizes, shape (n,).

    `services` are by network and pool of the space. `percentile` is the target's.
    """

    def __init__(
        self, space: Space, services: Mapping[tuple[str, str], ServiceTime], sizes: I64, percentile: float
    ) -> None:
        self.space, self.services = space, services
        self.sizes, counts = np.unique(sizes, return_counts=True)
        self.shares = counts / counts.sum()
        self.large = int(np.sort(sizes)[order(len(sizes), percentile) - 1])
        self._times: dict[tuple[str, str], tuple[F64, F64]] = {}
        self._stages: dict[tuple[str, str, int, int, int], StageTime] = {}

    def options(self, funnel: Funnel) -> Iterator[Option]:
        """Yield every way to place `funnel` on pools, those left out that another is sure to beat stage by stage."""
        for places in self.space.places(len(funnel.networks)):
            for sharing in self.space.sharing:
                if sharing == "separate" and len(set(places)) == len(places):
                    continue  # every stage has a pool of its own anyway
                workers = self._workers(funnel, places, sharing)
                if workers is None:
                    continue
                lists = [
                    self.batches(network, place, items, count)
                    for network, place, items, count in zip(funnel.networks, places, funnel.items, workers, strict=True)
                ]
                for batches in itertools.product(*lists):
                    yield self.option(funnel, places, sharing, workers, batches)
                    for offload in self._offloads(places[0], sharing):
                        yield self.option(funnel, places, sharing, workers, batches, offload)

    def option(
        self,
        funnel: Funnel,
        places: Sequence[str],
        sharing: Sharing,
        workers: Sequence[int],
        batches: Sequence[int],
        offload: tuple[int, str] | None = None,
    ) -> Option:
        """Return one way to place `funnel`, with its bounds."""
        work: dict[object, list[float]] = {}
        least_ns = 0.0
        stages = zip(funnel.networks, places, funnel.items, workers, batches, strict=True)
        for number, (network, place, items, count, batch) in enumerate(stages):
            threshold = offload if number == 0 else None
            time = self.stage(network, place, items, batch, 0 if threshold is None else threshold[0])
            pool = work.setdefault(place if sharing == "shared" else number, [0.0, 0.0, float(count)])
            pool[0] += time.work_ns
            pool[1] += time.busy_work_ns
            span_ns = max(time.slice_ns, time.query_ns / count)
            if threshold is not None:
                at, other = threshold
                away_ns = self.away(network, other, items, at)
                pool = work.setdefault(other, [0.0, 0.0, float(self.space.pools[other].workers)])
                pool[0] += away_ns
                pool[1] += away_ns
                if min(self.large, items) >= at:
                    span_ns = float(self._time(network, other)[0][min(self.large, items)])
            least_ns += span_ns
        bound = min(count / max(ns, 1e-3) for ns, _, count in work.values()) * 1e9
        likely = min(count / max(ns, 1e-3) for _, ns, count in work.values()) * 1e9
        return Option(tuple(places), sharing, tuple(workers), tuple(batches), offload, bound, likely, least_ns / 1e6)

    def batches(self, network: str, place: str, items: int, workers: int) -> list[int]:
        """Return the batch sizes of a stage that no other beats in both work and shortest time."""
        kept: list[tuple[float, float]] = []
        chosen = []
        found = [(self.stage(network, place, items, batch), batch) for batch in self.sizes_for(items)]
        for time, batch in sorted(found, key=lambda each: (each[0].busy_work_ns, each[1])):
            span_ns = max(time.slice_ns, time.query_ns / workers)
            if all(span_ns < other for _, other in kept):
                kept.append((time.busy_work_ns, span_ns))
                chosen.append(batch)
        return chosen

    def sizes_for(self, items: int) -> list[int]:
        """Return the batch sizes that differ for `items` items: of those that take them whole, the smallest."""
        sizes = sorted(set(self.space.batch_sizes))
        return [size for place, size in enumerate(sizes) if place == 0 or sizes[place - 1] < items]

    def stage(self, network: str, place: str, items: int, batch: int, offload_at: int = 0) -> StageTime:
        """Return the time of a stage whose queries bring at most `items` items; from `offload_at` they go elsewhere."""
        key = network, place, items, batch, offload_at
        if key not in self._stages:
            least_ns, busy_ns = self._time(network, place)
            size = np.minimum(self.sizes, items)
            shares = self.shares * (size < offload_at) if offload_at else self.shares
            large = min(self.large, items)
            self._stages[key] = StageTime(
                float(shares @ (size // batch * least_ns[batch] + least_ns[size % batch])),
                float(shares @ (size // batch * busy_ns[batch] + busy_ns[size % batch])),
                float(least_ns[min(batch, large)]),
                float(large // batch * least_ns[batch] + least_ns[large % batch]),
            )
        return self._stages[key]

    def away(self, network: str, place: str, items: int, offload_at: int) -> float:
        """Return the mean work in ns that whole queries of at least `offload_at` items bring to `place`."""
        size = np.minimum(self.sizes, items)
        return float((self.shares * (size >= offload_at)) @ self._time(network, place)[0][size])

    def _offloads(self, place: str, sharing: Sharing) -> Iterator[tuple[int, str]]:
        for other in self.space.pools:
            if other != place and sharing == "shared":
                yield from ((at, other) for at in self.space.offload_at)

    def _workers(self, funnel: Funnel, places: Sequence[str], sharing: Sharing) -> tuple[int, ...] | None:
        """Return the workers of each stage's pool; split pools give theirs where the work is."""
        if sharing == "shared":
            return tuple(self.space.pools[place].workers for place in places)
        least = [
            min(self.stage(network, place, items, batch).busy_work_ns for batch in self.sizes_for(items))
            for network, place, items in zip(funnel.networks, places, funnel.items, strict=True)
        ]
        given = [1] * len(places)
        for place in set(places):
            mine = [stage for stage, other in enumerate(places) if other == place]
            left = self.space.pools[place].workers - len(mine)
            if left < 0:
                return None
            for _ in range(left):
                given[max(mine, key=lambda stage: least[stage] / given[stage])] += 1
        return tuple(given)

    def _time(self, network: str, place: str) -> tuple[F64, F64]:
        """Return the mean time of batches of every size, at the least and with all workers busy; 0 items take none."""
        key = network, place
        if key not in self._times:
            workers = self.space.pools[place].workers
            most = max(int(self.sizes[-1]), *self.space.batch_sizes)
            mean_ns = self.services[key].table(most, workers).mean_ns[:workers].copy()
            mean_ns[:, 0] = 0.0
            self._times[key] = mean_ns.min(axis=0), mean_ns[-1]
        return self._times[key]
