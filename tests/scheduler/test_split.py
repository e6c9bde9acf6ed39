import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tailrank.core import Stage
from tailrank.scheduler import split, split_all

sizes = st.integers(1, 3000)


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    offload_pool = draw(st.sampled_from([None, "gpu"]))
    return Stage(
        model="m",
        batch_size=draw(st.integers(1, 1500)),
        offload_at=draw(st.integers(1, 3000)) if offload_pool else None,
        offload_pool=offload_pool,
    )


@given(sizes, stages())
def test_slices_cover_each_candidate_exactly_once_in_order(size: int, stage: Stage) -> None:
    slices = split(7, size, stage, 2)
    assert [candidate for each in slices for candidate in range(each.start, each.stop)] == list(range(size))
    assert {(each.query, each.stage) for each in slices} == {(7, 2)}


@given(sizes, stages())
def test_slices_are_full_batches_then_the_remainder_unless_offloaded(size: int, stage: Stage) -> None:
    slices = split(0, size, stage, 0)
    if stage.offload_at is not None and size >= stage.offload_at:
        assert [(each.size, each.pool) for each in slices] == [(size, "gpu")]
    else:
        *full, last = [each.size for each in slices]
        assert full == [stage.batch_size] * ((size - 1) // stage.batch_size)
        assert 1 <= last <= stage.batch_size
        assert {each.pool for each in slices} == {"cpu"}


@given(st.lists(sizes, max_size=30), stages())
def test_splitting_many_at_once_gives_the_same_slices(sizes: list[int], stage: Stage) -> None:
    one_by_one = [each for query, size in enumerate(sizes) for each in split(query, size, stage, 0)]
    query, first, size = split_all(np.array(sizes, dtype=np.int64), stage)
    assert query.tolist() == [each.query for each in one_by_one]
    assert first.tolist() == [each.start for each in one_by_one]
    assert size.tolist() == [each.size for each in one_by_one]
