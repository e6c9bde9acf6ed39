from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import Stage
from tailrank.scheduler import Choice, cut, decide, split


@dataclass
class Pools:
    """Pools as told, one nanosecond an item on the CPU and a fixed time on the GPU."""

    idle_workers: dict[str, int] = field(default_factory=lambda: {"cpu": 4, "gpu": 1})
    work: dict[str, int] = field(default_factory=lambda: {"cpu": 0, "gpu": 0})
    gpu_ns: int = 100
    weighs: bool = True

    def workers(self, pool: str) -> int:
        return {"cpu": 4, "gpu": 1}[pool]

    def idle(self, pool: str) -> int:
        return self.idle_workers[pool]

    def work_ns(self, pool: str) -> int:
        return self.work[pool]

    def expected_ns(self, stage: int, pool: str, items: int, busy: int) -> int:
        assert 1 <= busy <= self.workers(pool)
        return items if pool == "cpu" else self.gpu_ns


def aware(offload_at: int = 1, **options: object) -> Stage:
    return Stage(  # type: ignore[arg-type]
        model="m", batch_size=64, offload_at=offload_at, offload_pool="gpu", offload="queue-aware", **options
    )


def test_a_query_goes_where_it_should_be_done_earlier() -> None:
    assert decide(200, 0, aware(), Pools(gpu_ns=65)).pool == "cpu"  # four slices, the largest of 64, side by side
    assert decide(200, 0, aware(), Pools(gpu_ns=63)) == Choice("gpu", 200, 63, 63)
    assert decide(200, 0, aware(), Pools(gpu_ns=64)) == Choice("cpu", 64, 64, 8)  # equal: it stays


def test_work_ahead_sends_a_query_to_the_other_pool() -> None:
    busy = {"cpu": 0, "gpu": 0}
    assert decide(64, 0, aware(), Pools(busy, {"cpu": 1000, "gpu": 100})).pool == "gpu"
    assert decide(64, 0, aware(), Pools(busy, {"cpu": 1000, "gpu": 900})).pool == "cpu"


def test_a_query_below_the_threshold_stays_whatever_waits() -> None:
    assert decide(63, 0, aware(64), Pools({"cpu": 0, "gpu": 1}, {"cpu": 10**9, "gpu": 0})).pool == "cpu"


@given(size=st.integers(1, 500), idle=st.integers(0, 4), least=st.integers(1, 80))
def test_slices_adapt_to_the_idle_workers_of_their_own_pool(size: int, idle: int, least: int) -> None:
    stage = Stage(model="m", batch_size=64, adapt=True, least_batch=least)
    choice = decide(size, 0, stage, Pools({"cpu": idle, "gpu": 0}, weighs=False))
    slices = cut(0, size, 0, choice.pool, choice.step)
    assert sum(each.size for each in slices) == size
    if idle and min(64, least) < choice.step < 64:
        assert len(slices) <= idle


@given(size=st.integers(1, 500), at=st.none() | st.integers(1, 500), weighs=st.booleans())
def test_without_options_it_is_split(size: int, at: int | None, weighs: bool) -> None:
    stage = Stage(model="m", batch_size=64, offload_at=at, offload_pool=None if at is None else "gpu")
    choice = decide(size, 3, stage, Pools(weighs=weighs))
    assert cut(7, size, 3, choice.pool, choice.step) == split(7, size, stage, 3)


def test_nobody_is_asked_for_times_where_nothing_is_compared() -> None:
    class Silent(Pools):
        def expected_ns(self, stage: int, pool: str, items: int, busy: int) -> int:
            raise AssertionError("asked")

    assert decide(10, 0, Stage(model="m", batch_size=64), Silent(weighs=False)) == Choice("cpu", 64)
    with pytest.raises(AssertionError, match="asked"):
        decide(10, 0, aware(), Silent())
