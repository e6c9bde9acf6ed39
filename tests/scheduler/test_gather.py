from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from tailrank.scheduler import gather

queues = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 40), st.integers(0, 50)), min_size=1, max_size=12).map(
    lambda rows: [
        (stage, size, at) for (stage, size, _), at in zip(rows, accumulate(gap for _, _, gap in rows), strict=True)
    ]
)


@given(queue=queues, limit=st.integers(1, 100), wait=st.integers(0, 500))
def test_a_batch_is_the_longest_beginning_that_fits(queue: list[tuple[int, int, int]], limit: int, wait: int) -> None:
    count, _ = gather(queue, limit, wait)
    batch = queue[:count]
    assert len({stage for stage, _, _ in batch}) == 1
    assert count == 1 or sum(size for _, size, _ in batch) <= limit
    if count < len(queue) and sum(size for _, size, _ in batch) < limit:
        stage, size, _ = queue[count]
        assert stage != batch[0][0] or sum(size for _, size, _ in batch) + size > limit


@given(queue=queues, limit=st.integers(1, 100), wait=st.integers(0, 500))
def test_it_leaves_when_it_cannot_grow_or_its_oldest_has_waited(
    queue: list[tuple[int, int, int]], limit: int, wait: int
) -> None:
    count, leaves = gather(queue, limit, wait)
    oldest, newest = queue[0][2], queue[count - 1][2]
    assert leaves >= newest
    assert leaves <= max(newest, oldest + wait)
    if count == len(queue) and sum(size for _, size, _ in queue) < limit:
        assert leaves == max(newest, oldest + wait)  # it may still grow


@given(queue=queues, limit=st.integers(1, 100))
def test_without_a_wait_it_leaves_with_what_is_there(queue: list[tuple[int, int, int]], limit: int) -> None:
    count, leaves = gather(queue, limit, 0)
    assert leaves == queue[count - 1][2]


@given(queue=queues, limit=st.integers(1, 100), wait=st.integers(0, 500), data=st.data())
def test_a_slice_more_never_delays_a_batch_beyond_its_own_arrival(
    queue: list[tuple[int, int, int]], limit: int, wait: int, data: st.DataObject
) -> None:
    more = [*queue, (data.draw(st.integers(0, 1)), data.draw(st.integers(1, 40)), queue[-1][2])]
    assert gather(more, limit, wait)[1] <= max(gather(queue, limit, wait)[1], queue[-1][2])
