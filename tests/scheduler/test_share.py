from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tailrank.scheduler import share

sizes = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@given(sizes, st.integers(1, 400))
def test_shares_add_up_and_lie_within_one_of_the_exact_part(sizes: list[int], keep: int) -> None:
    shares = share(keep, sizes)
    assert sum(shares) == min(keep, sum(sizes))
    for part, size in zip(shares, sizes, strict=True):
        assert 0 <= part <= size
        assert abs(part - Fraction(min(keep, sum(sizes)) * size, sum(sizes))) < 1


@given(sizes, st.integers(1, 400))
def test_of_two_slices_the_larger_gives_no_less_and_of_two_alike_the_earlier(sizes: list[int], keep: int) -> None:
    shares = share(keep, sizes)
    ranked = sorted(range(len(sizes)), key=lambda part: (-sizes[part], part))
    assert [shares[part] for part in ranked] == sorted(shares, reverse=True)


def test_papers_example() -> None:
    assert share(512, [1024] * 4) == [128] * 4


def test_ties_go_to_the_earlier_slice() -> None:
    assert share(5, [10, 10, 10]) == [2, 2, 1]
    assert share(1, [10, 10, 10]) == [1, 0, 0]
