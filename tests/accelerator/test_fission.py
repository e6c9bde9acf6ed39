import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.accelerator import Array, Chip, Part, place, slice_of, sliced
from tailrank.core import BadInputError

CHIP = Chip()


def test_slices_of_the_artifact_are_squares() -> None:
    assert [slice_of(CHIP, each) for each in (1, 4, 16, 64)] == [Array(side, side) for side in (128, 64, 32, 16)]


def test_other_powers_of_two_are_tall() -> None:
    assert [slice_of(CHIP, each) for each in (2, 8, 1024)] == [Array(128, 64), Array(64, 32), Array(4, 4)]


@pytest.mark.parametrize("slices", [0, 3, 12, 4096])
def test_what_does_not_divide_the_array_is_refused(slices: int) -> None:
    with pytest.raises(BadInputError, match="do not divide"):
        slice_of(CHIP, slices)


def test_engines_are_those_of_the_artifact() -> None:
    assert [part.count for part in sliced(CHIP, (4, 16))] == [2, 8]
    assert [part.count for part in sliced(CHIP, (4, 16, 64))] == [1, 5, 21]
    assert [part.count for part in sliced(CHIP, (16,))] == [16]
    assert all(part.shared for part in sliced(CHIP, (1, 1)))


def test_a_stage_without_a_slice_is_refused() -> None:
    with pytest.raises(BadInputError, match="too few"):
        sliced(CHIP, (1, 4))


@given(
    st.lists(
        st.tuples(st.sampled_from([4, 8, 16, 32, 64]), st.sampled_from([4, 8, 16, 32, 64]), st.integers(1, 6)),
        min_size=1,
        max_size=4,
    )
)
def test_sub_arrays_lie_within_the_array_and_apart(shapes: list[tuple[int, int, int]]) -> None:
    parts = [Part(Array(rows, cols), count, rows * cols / 128**2) for rows, cols, count in shapes]
    try:
        placed = place(CHIP, parts)
    except BadInputError:
        return
    taken = np.zeros((128, 128), int)
    for each in placed:
        taken[each.row : each.row + each.array.rows, each.col : each.col + each.array.cols] += 1
    assert taken.max() == 1
    assert taken.sum() == sum(rows * cols * count for rows, cols, count in shapes)
    assert [(each.stage, each.number) for each in placed] == [
        (stage, number) for stage, part in enumerate(parts) for number in range(part.count)
    ]


@given(st.lists(st.sampled_from([4, 16, 64]), min_size=2, max_size=3))
def test_the_artifacts_divisions_all_find_a_place(slices: list[int]) -> None:
    if all(each >= len(slices) for each in slices):
        parts = sliced(CHIP, slices)
        assert len(place(CHIP, parts)) == sum(part.count for part in parts)


def test_the_papers_unequal_division_finds_a_place() -> None:
    eight, two = Part(Array(32, 32), 8, 1 / 16), Part(Array(64, 64), 2, 1 / 4)
    assert len(place(CHIP, (eight, two))) == 10


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([Part(Array(256, 64), 1, 0.5)], "larger than the array"),
        ([Part(Array(6, 4), 1, 0.1)], "whole blocks"),
        ([Part(Array(64, 64), 5, 0.1)], "exceed"),
        ([Part(Array(64, 64), 2, 0.6)], "shares"),
        ([Part(Array(68, 68), 2, 0.25)], "no place"),
    ],
)
def test_impossible_divisions_are_refused_with_the_reason(parts: list[Part], why: str) -> None:
    with pytest.raises(BadInputError, match=why):
        place(CHIP, parts)


def test_bandwidth_and_cache_may_be_divided_otherwise_but_not_exceeded() -> None:
    chip, half = Chip(), Array(128, 64)
    parts = (Part(half, 1, 0.5, bandwidth=0.75, cache=0.1), Part(half, 1, 0.5, bandwidth=0.25, cache=0.9))
    assert [each.array for each in place(chip, parts)] == [half, half]
    assert (parts[0].bandwidth_share, parts[0].cache_share, Part(half, 1, 0.5).cache_share) == (0.75, 0.1, 0.5)
    for field, words in (("bandwidth", "of bandwidth"), ("cache", "embedding SRAM")):
        with pytest.raises(BadInputError, match=words):
            place(chip, (dataclasses.replace(parts[0], **{field: 0.8}), parts[1]))
