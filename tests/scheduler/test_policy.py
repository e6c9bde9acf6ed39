from hypothesis import given
from hypothesis import strategies as st

from tailrank.scheduler import finish_in_ns, remaining_ns, slice_size

counts = st.integers(1, 2000)


@given(size=counts, most=counts, least=counts, idle=st.integers(1, 64))
def test_every_idle_worker_gets_a_part_within_the_limits(size: int, most: int, least: int, idle: int) -> None:
    step = slice_size(size, most, least, idle)
    assert min(least, most) <= step <= most
    slices = -(-size // step)
    if least <= step < most:  # no limit in the way: no more slices than idle workers, and one more item would not do
        assert slices <= idle
        assert step == least or -(-size // (step - 1)) > idle


@given(size=counts, most=counts, least=counts)
def test_with_nobody_idle_slices_are_as_large_as_allowed(size: int, most: int, least: int) -> None:
    assert slice_size(size, most, least, 0) == most


@given(size=counts, most=counts, least=counts, idle=st.integers(1, 64))
def test_more_idle_workers_never_make_larger_slices(size: int, most: int, least: int, idle: int) -> None:
    assert slice_size(size, most, least, idle + 1) <= slice_size(size, most, least, idle)


@given(work=st.integers(0, 10**12), slices=st.integers(1, 50), each=st.integers(1, 10**9))
def test_one_worker_does_everything_in_turn(work: int, slices: int, each: int) -> None:
    assert finish_in_ns(work, 0, 1, slices, each, slices * each) == work + slices * each


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 10**9))
def test_idle_workers_need_no_wait(workers: int, slices: int, each: int) -> None:
    idle = max(workers, slices)
    assert finish_in_ns(0, idle, idle, slices, each, slices * each) == each


@given(
    work=st.integers(0, 10**9),
    more=st.integers(0, 10**9),
    workers=st.integers(1, 40),
    slices=st.integers(1, 50),
    each=st.integers(1, 10**6),
)
def test_more_work_ahead_is_never_done_earlier(work: int, more: int, workers: int, slices: int, each: int) -> None:
    early, late = (finish_in_ns(ahead, 0, workers, slices, each, slices * each) for ahead in (work, work + more))
    assert each <= early <= late


@given(work=st.integers(0, 10**9), workers=st.integers(1, 40), slices=st.integers(1, 50), each=st.integers(1, 10**6))
def test_the_estimate_lies_within_what_list_scheduling_allows(work: int, workers: int, slices: int, each: int) -> None:
    """Graham: greedy workers end at the average plus at most one last slice, and never before the average."""
    average = (work + slices * each) // workers
    assert average <= finish_in_ns(work, 0, workers, slices, each, slices * each) <= average + each


def test_what_is_left_of_a_batch() -> None:
    assert [remaining_ns(100, elapsed) for elapsed in (-5, 0, 30, 100, 900)] == [100, 100, 70, 0, 0]
