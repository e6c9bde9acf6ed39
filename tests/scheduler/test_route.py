import pytest

from tailrank.core import Stage
from tailrank.scheduler import route


@pytest.mark.parametrize(("size", "pool"), [(1, "cpu"), (99, "cpu"), (100, "gpu"), (1000, "gpu")])
def test_queries_of_at_least_the_threshold_are_offloaded(size: int, pool: str) -> None:
    stage = Stage(model="m", batch_size=10, offload_at=100, offload_pool="gpu")
    assert route(size, stage) == pool


def test_without_a_threshold_everything_stays() -> None:
    assert route(10**9, Stage(model="m", batch_size=1, pool="fast")) == "fast"
