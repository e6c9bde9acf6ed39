"""Scenarios for both kernels: random plans and traces, service times with noise and contention, given durations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from tailrank.core import Plan, Pool, Records, SliceRecords, Stage, Trace
from tailrank.timing import BUCKETS, QUANTILES, Overheads, ServiceTable, ServiceTime

COLUMNS = ("query", "stage", "first", "size", "pool", "worker", "queued_ns", "start_ns", "finish_ns")


@dataclass(frozen=True)
class Jittery:
    """Times that depend on items, on how busy the pool is, and on chance."""

    seed: int
    scale_ns: float

    def table(self, max_items: int, workers: int) -> ServiceTable:
        chance = np.random.default_rng(self.seed)
        noise = chance.lognormal(0, 0.4, (BUCKETS, QUANTILES))
        mean = self.scale_ns * (1 + np.arange(max_items + 1) / 8) * (1 + np.arange(workers)[:, None] / 4)
        return ServiceTable(mean, noise)


@dataclass(frozen=True, eq=False)
class Scenario:
    trace: Trace
    plan: Plan
    services: dict[tuple[str, str], ServiceTime]
    overheads: Overheads


@st.composite
def _options(draw: st.DrawFn, batch_size: int) -> dict[str, Any]:
    """Options beyond the paper, any of them."""
    options: dict[str, Any] = {"offload": draw(st.sampled_from(["threshold", "queue-aware"]))}
    if draw(st.booleans()):
        options |= {"adapt": True, "least_batch": draw(st.integers(1, batch_size + 2))}
    if draw(st.booleans()):
        options["combine_wait_us"] = draw(st.sampled_from([0, 0, 1, 3]))
        options["offload_batch"] = draw(st.none() | st.integers(1, 80))
    return options


@st.composite
def _feeds(draw: st.DrawFn, depth: int) -> list[str]:
    """How each stage feeds the next, at least one of them early."""
    feeds = draw(st.lists(st.sampled_from(["whole", "share", "exact"]), min_size=depth - 1, max_size=depth - 1))
    for stage in range(1, depth - 1):
        if feeds[stage - 1] == "exact":
            feeds[stage] = "whole"
    if set(feeds) == {"whole"}:
        feeds[-1] = draw(st.sampled_from(["share", "exact"]))
    return [*feeds, "whole"]


@st.composite
def _scenarios(draw: st.DrawFn, *, costly: bool, dynamic: bool = False, early: bool = False) -> Scenario:
    pools = [f"p{number}" for number in range(draw(st.integers(1, 3)))]
    take = draw(st.none() | st.integers(1, 50))
    stages, depth = [], draw(st.integers(2, 4) if early else st.integers(1, 3))
    feeds = draw(_feeds(depth)) if early else ["whole"] * depth
    for feed in feeds:
        pool = draw(st.sampled_from(pools))
        offload = draw(st.sampled_from([None, *(other for other in pools if other != pool)]))
        batch_size = draw(st.integers(1, 12))
        stages.append(
            Stage(
                model=draw(st.sampled_from(["a", "b"])),
                batch_size=batch_size,
                pool=pool,
                offload_at=None if offload is None else draw(st.integers(1, 40)),
                offload_pool=offload,
                keep=draw(st.none() | st.integers(1, min(40, take or 40))),
                feed=feed,
                **(draw(_options(batch_size)) if dynamic else {}),
            )
        )
    workers = {pool: Pool(workers=draw(st.integers(1, 4))) for pool in pools}
    services: dict[tuple[str, str], ServiceTime] = {
        (model, pool): Jittery(draw(st.integers(0, 9)), draw(st.sampled_from([0.2, 3.0, 100.0, 3000.0])))
        for model in "ab"
        for pool in pools
    }
    most = draw(st.sampled_from([0, 3, 100, 3000]))  # gaps of zero and near-zero make ties
    gaps = draw(st.lists(st.integers(0, most), max_size=25))
    sizes = draw(st.lists(st.integers(1, 50), min_size=len(gaps), max_size=len(gaps)))
    cost = st.sampled_from([0, 0, 1, 6, 250]) if costly else st.just(0)
    names = ("timer_ns", "query_ns", "slice_ns", "wakeup_ns", "handoff_ns", "merge_ns", "cold_ns", "interrupt_ns")
    costs = {name: draw(cost) for name in names}
    overheads = Overheads(**costs, cores=draw(st.integers(0, 3)) if costly else 0)
    trace = Trace(np.cumsum(np.array(gaps, np.int64)), np.array(sizes, np.int64))
    return Scenario(trace, Plan(stages=tuple(stages), pools=workers, take=take), services, overheads)


@pytest.fixture(scope="session")
def scenarios() -> st.SearchStrategy[Scenario]:
    """Any funnel, shared and offload pools, ties, every overhead."""
    return _scenarios(costly=True)


@pytest.fixture(scope="session")
def ideal_scenarios() -> st.SearchStrategy[Scenario]:
    """The same without overheads."""
    return _scenarios(costly=False)


@pytest.fixture(scope="session")
def dynamic_scenarios() -> st.SearchStrategy[Scenario]:
    """Any funnel with any options that decide by the state of the pools."""
    return _scenarios(costly=True, dynamic=True)


@pytest.fixture(scope="session")
def early_scenarios() -> st.SearchStrategy[Scenario]:
    """Any funnel some of whose stages feed early."""
    return _scenarios(costly=True, early=True)


def _assert_same(one: Records, two: Records) -> None:
    for column in ("arrival_ns", "size", "dispatch_ns", "finish_ns"):
        np.testing.assert_array_equal(getattr(one, column), getattr(two, column), column)
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(one.slices, column), getattr(two.slices, column), column)
    assert one.slices.pools == two.slices.pools
    assert one.meta == two.meta
    assert one.errors == two.errors


@pytest.fixture(scope="session")
def assert_same() -> Callable[[Records, Records], None]:
    """Check that two runs agree in every nanosecond and worker."""
    return _assert_same


def _lasting(trace: Trace, *took_ns: NDArray[np.int64]) -> Records:
    """Records of queries of one slice a stage that took `took_ns[stage]`, to be replayed."""
    n, depth = len(trace), len(took_ns)
    zeros = np.zeros(n * depth, np.int64)
    query, stage = np.tile(np.arange(n), depth), np.repeat(np.arange(depth), n)
    slices = SliceRecords(
        query, stage, zeros, trace.size[query], zeros, zeros, zeros, zeros, np.concatenate(took_ns).astype(np.int64)
    )
    return Records(trace.arrival_ns, trace.size, trace.arrival_ns, trace.arrival_ns, slices)


@pytest.fixture(scope="session")
def lasting() -> Callable[..., Records]:
    """Build records to replay from the times alone."""
    return _lasting


@pytest.fixture(scope="session")
def agrees() -> Callable[[list[float], float, float], None]:
    """Check that independent readings average to what theory says: within four standard errors, and those small."""

    def check(readings: list[float], theory: float, precision: float) -> None:
        values = np.array(readings)
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert error < precision * theory, "too noisy to tell anything"
        assert abs(values.mean() - theory) < 4 * error, f"{values.mean()} is not {theory} (standard error {error})"

    return check
