"""The second seam: how long a batch takes on one device.

A measured profile, a roofline of a named device and the accelerator model are `ServiceTime`s; the
simulator reads the same table from each and cannot tell them apart.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUCKETS",
    "QUANTILES",
    "ConstantTime",
    "LinearTime",
    "Scaled",
    "ServiceTable",
    "ServiceTime",
    "Tabled",
    "bucket",
]

QUANTILES = 256  # equally likely noise factors a bucket; the index fits a uint8
TABLED = 1024  # items of a kept table, at least; larger batches are rare
BUCKETS = 12  # batch of n items uses noise bucket ceil(log2(n)), at most 11 (n > 1024)


def bucket(items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the noise bucket of each batch: ceil(log2(items)), capped at `BUCKETS - 1`."""
    exact: NDArray[np.int64] = np.ceil(np.log2(np.maximum(items, 1))).astype(np.int64)
    return np.minimum(exact, BUCKETS - 1)


@dataclass(frozen=True, eq=False)
class ServiceTable:
    """Service time of every batch, ready for a kernel.

    `mean_ns[b - 1, n]` (float64, shape (workers, max_items + 1)) is the mean time of a batch of n items that
    starts when b workers of the pool, itself included, are busy. `noise[k, q]` (float64, shape
    (BUCKETS, QUANTILES)) are equally likely factors with mean 1 for batches in `bucket` k. The time of a
    batch is `rint(mean_ns[b - 1, n] * noise[bucket(n), q])`, at least 1 ns, q drawn uniformly.
    """

    mean_ns: NDArray[np.float64]
    noise: NDArray[np.float64]


class ServiceTime(Protocol):
    """Batch to nanoseconds on one kind of device."""

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """Return the times of batches of 1 to `max_items` items in a pool of `workers`."""
        ...


def _steady(mean_ns: NDArray[np.float64], workers: int) -> ServiceTable:
    return ServiceTable(np.tile(mean_ns, (workers, 1)), np.ones((BUCKETS, QUANTILES)))


@dataclass(frozen=True)
class ConstantTime:
    """Every batch takes `batch_ns`, whatever its size and however busy the pool is."""

    batch_ns: float

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        return _steady(np.full(max_items + 1, float(self.batch_ns)), workers)


@dataclass(frozen=True)
class LinearTime:
    """A batch of n items takes `fixed_ns + n * item_ns`: the simplest honest stand-in for a device."""

    fixed_ns: float
    item_ns: float

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        return _steady(self.fixed_ns + self.item_ns * np.arange(max_items + 1, dtype=np.float64), workers)


@dataclass(frozen=True)
class Scaled:
    """`service` on a machine that is slower by `factor`: drift, another clock, a what-if."""

    service: ServiceTime
    factor: float

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        table = self.service.table(max_items, workers)
        return ServiceTable(table.mean_ns * self.factor, table.noise)


class Tabled:
    """`service` with its tables kept: the simulator asks for one each time a plan's largest batch changes.

    The first table is as long as most batches, so that shorter ones are parts of it.
    """

    def __init__(self, service: ServiceTime) -> None:
        self.service = service
        self._whole: dict[int, ServiceTable] = {}
        self._cut: dict[tuple[int, int], ServiceTable] = {}

    def table(self, max_items: int, workers: int) -> ServiceTable:
        """See `ServiceTime.table`."""
        key = max_items, workers
        if key not in self._cut:
            whole = self._whole.get(workers)
            if whole is None or whole.mean_ns.shape[1] <= max_items:
                whole = self._whole[workers] = self.service.table(max(max_items, TABLED), workers)
            self._cut[key] = ServiceTable(np.ascontiguousarray(whole.mean_ns[:, : max_items + 1]), whole.noise)
        return self._cut[key]
