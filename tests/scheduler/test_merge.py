from hypothesis import given
from hypothesis import strategies as st

from tailrank.scheduler import Merge

slices_of = st.dictionaries(st.integers(0, 20), st.integers(1, 6), min_size=1, max_size=8)


@given(slices_of, st.randoms(use_true_random=False))
def test_every_query_finishes_exactly_once_whatever_the_order(slices: dict[int, int], random: object) -> None:
    merge = Merge()
    pieces = [query for query, count in slices.items() for _ in range(count)]
    random.shuffle(pieces)  # type: ignore[attr-defined]
    for query, count in slices.items():
        merge.expect(query, count)
    left = dict(slices)
    for query in pieces:
        left[query] -= 1
        assert merge.finish(query) == (left[query] == 0)
    assert len(merge) == 0


@given(slices_of)
def test_a_dropped_query_never_finishes_and_is_dropped_once(slices: dict[int, int]) -> None:
    merge = Merge()
    for query, count in slices.items():
        merge.expect(query, count)
    dropped = min(slices)
    assert merge.drop(dropped)
    assert not merge.drop(dropped)
    assert not any(merge.finish(dropped) for _ in range(slices[dropped]))
    assert len(merge) == len(slices) - 1


def test_a_piece_of_an_unknown_query_is_never_the_last() -> None:
    merge = Merge()
    assert not merge.finish(3)
    merge.expect(3, 1)
    assert merge.finish(3)
    assert not merge.finish(3)
