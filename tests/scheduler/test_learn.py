import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.scheduler import LearnedTime


def taught(*batches: tuple[int, int]) -> LearnedTime:
    learned = LearnedTime()
    for items, took_ns in batches:
        learned.observe(items, took_ns)
    return learned


def test_what_was_never_seen_takes_no_time() -> None:
    assert LearnedTime().mean_ns(100) == 0


@given(fixed=st.integers(0, 10**7), item=st.integers(1, 10**5), sizes=st.sets(st.integers(1, 1000), min_size=2))
def test_a_line_is_found(fixed: int, item: int, sizes: set[int]) -> None:
    learned = taught(*((size, fixed + item * size) for size in sizes))
    for size in (1, 500, 2000):
        assert learned.mean_ns(size) == pytest.approx(fixed + item * size, rel=1e-3, abs=2)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 10**9)), min_size=1, max_size=40))
def test_larger_batches_never_take_less_and_none_takes_nothing(batches: list[tuple[int, int]]) -> None:
    means = [taught(*batches).mean_ns(size) for size in (1, 10, 100, 1000)]
    assert means == sorted(means)
    assert means[0] >= 1


def test_one_size_alone_is_taken_in_proportion() -> None:
    assert taught((100, 5000), (100, 5000)).mean_ns(200) == pytest.approx(10_000, rel=1e-6)


def test_a_change_is_noticed() -> None:
    learned = taught(*((64, 1000) for _ in range(2000)), *((64, 3000) for _ in range(2000)))
    assert learned.mean_ns(64) == pytest.approx(3000, rel=0.01)
