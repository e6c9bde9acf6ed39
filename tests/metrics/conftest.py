from collections.abc import Callable

import numpy as np
import pytest

from tailrank.core import Records, SliceRecords


@pytest.fixture
def no_slices() -> SliceRecords:
    return SliceRecords(*(np.zeros(0, np.int64) for _ in range(9)))


@pytest.fixture
def queue(no_slices) -> Callable[..., Records]:
    """Records of an M/M/c queue by the Kiefer-Wolfowitz recursion; mean service 1 ms."""

    def run(load, queries, seed, *, workers=1, gap=None, service=None, slices=True) -> Records:
        rng = np.random.default_rng([seed, workers])
        gaps = rng.exponential(1, queries) if gap is None else gap(rng, queries)
        arrival = np.cumsum(gaps / gaps.mean() if gap is not None else gaps) * 1e6 / (load * workers)
        work = (rng.exponential(1, queries) if service is None else service(rng, queries)) * 1e6
        free = [0.0] * workers
        worker, start = np.zeros(queries, np.int64), np.zeros(queries)
        for number, due in enumerate(arrival.tolist()):
            worker[number] = first = min(range(workers), key=free.__getitem__)
            start[number] = max(due, free[first])
            free[first] = start[number] + work[number]
        arrival_ns, start_ns, finish_ns = (np.rint(x).astype(np.int64) for x in (arrival, start, start + work))
        zero, one = np.zeros(queries, np.int64), np.ones(queries, np.int64)
        served = SliceRecords(np.arange(queries), zero, zero, one, zero, worker, arrival_ns, start_ns, finish_ns)
        return Records(arrival_ns, one, arrival_ns, finish_ns, served if slices else no_slices)

    return run


@pytest.fixture
def records_of(no_slices) -> Callable[..., Records]:
    """Records without slices from arrivals and latencies; latency -1 is a failure."""

    def build(arrival_ns, latency_ns) -> Records:
        arrival_ns, latency_ns = np.asarray(arrival_ns, np.int64), np.asarray(latency_ns, np.int64)
        finish_ns = np.where(latency_ns < 0, -1, arrival_ns + latency_ns)
        return Records(arrival_ns, np.ones_like(arrival_ns), arrival_ns, finish_ns, no_slices)

    return build
