import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from tailrank.tuner.explore import dominated_by, front, knee

F64 = NDArray[np.float64]
POINTS = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-3, 3).map(float))


def beats(first: F64, second: F64) -> bool:
    return bool(np.all(first >= second) and np.any(first > second))


@given(POINTS)
def test_a_front_is_non_dominated_and_complete_against_brute_force(points: F64) -> None:
    best = {tuple(each) for each in points if not any(beats(other, each) for other in points)}
    found = front(points)
    assert {tuple(points[row]) for row in found} == best
    assert len(found) == len(best)  # each value once


@given(POINTS)
def test_every_point_is_equalled_or_beaten_by_the_front(points: F64) -> None:
    assert dominated_by(points, points[front(points)]).all()


@given(POINTS, st.randoms(use_true_random=False))
def test_the_front_does_not_depend_on_the_order_of_points(points: F64, random: object) -> None:
    order = np.arange(len(points))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert {tuple(points[row]) for row in front(points)} == {tuple(points[order][row]) for row in front(points[order])}


def test_of_equal_points_the_first_stays() -> None:
    assert front(np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0]])).tolist() == [1, 0]


def test_nan_is_worse_than_everything() -> None:
    assert front(np.array([[1.0, np.nan], [1.0, 0.0]])).tolist() == [1]


def test_the_front_of_nothing_is_empty() -> None:
    assert len(front(np.empty((0, 3)))) == 0


def test_a_knee_is_where_both_objectives_are_nearly_best() -> None:
    assert knee(np.array([[0.0, 1.0], [0.9, 0.9], [1.0, 0.0]])) == 1


@given(POINTS)
def test_a_knee_does_not_depend_on_units(points: F64) -> None:
    best = points[front(points)]
    assert knee(best) == knee(best * 8.0 + 3.0)


def test_no_front_has_no_knee() -> None:
    with pytest.raises(ValueError, match="no knee"):
        knee(np.empty((0, 2)))
