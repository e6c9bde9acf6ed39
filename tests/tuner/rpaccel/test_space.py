import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrank.accelerator import Chip, Part, place
from tailrank.core import BadInputError
from tailrank.core.config import dumps, loads
from tailrank.tuner.rpaccel.space import HITS, HitCurve, Space, partitions


def test_the_hit_curve_passes_through_its_points_and_goes_on() -> None:
    for rows, rate in zip(HITS.rows, HITS.hit_rate, strict=True):
        assert HITS.at(rows) == pytest.approx(rate)
    assert HITS.at(0) == 0.0
    assert HITS.at(2**60) == HITS.most


@given(st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_rows_never_hit_less(one: float, other: float) -> None:
    assert HITS.at(min(one, other)) <= HITS.at(max(one, other)) + 1e-12


def test_every_partition_fits_and_uses_most_of_the_chip() -> None:
    chip, space = Chip(), Space()
    ways = partitions(space, chip, 2)
    assert len(ways) > 20
    assert len(set(ways)) == len(ways)
    for way in ways:
        assert sum(array.cells * count for array, count in way) > chip.array.cells / 2
        place(chip, [Part(array, count, array.cells / chip.array.cells) for array, count in way])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"funnels": (("rm-small", "rm-med", "rm-large"),)}, "one or two"),
        ({"parts": ()}, "parts"),
        ({"keep": ()}, "keep"),
        ({"sub_arrays": ("big",)}, "big"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        Space(**wrong)  # type: ignore[arg-type]


def test_hit_curves_that_are_none_are_refused() -> None:
    for rows, rates in itertools.product([(5, 5), (1,)], [(0.1, 0.2), (0.1,)]):
        with pytest.raises(BadInputError):
            HitCurve(rows=rows, hit_rate=rates)


def test_a_space_survives_its_file() -> None:
    space = Space(keep=(256,), bins=(32,))
    assert loads(Space, dumps(space)) == space
