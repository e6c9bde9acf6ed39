import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.native import Program, check_inputs
from tailrank.native.program import Bag, Dense, Score, View


def _floats(*shape):
    return np.ones(shape, dtype=np.float32)


HELD = View(0, 0, 6)
BAG = Bag(1, 1, 3, 1, _floats(5, 2), View(1, 0, 6))
IDS = Program((("dense", 6), ("ids", 4)), (6, 6), (Dense(0, HELD), BAG, Score(View(0, 0, 1))))


def _inputs(items=3, dtype=np.int64):
    return _floats(items, 6), np.zeros((items, 4), dtype=dtype)


@pytest.mark.parametrize("items", [0, 1, 3])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_inputs_of_any_count_of_items_pass(items, dtype):
    assert check_inputs(IDS, _inputs(items, dtype)) == items


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((), "0 inputs for a program of 2"),
        (_inputs()[:1], "1 inputs for a program of 2"),
        ((_floats(3, 5), _inputs()[1]), r"input 0 \(dense\) is float32 \(3, 5\)"),
        ((_floats(2, 6), _inputs()[1]), r"input 1 \(ids\) is int64 \(3, 4\)"),
        ((_floats(3, 6).astype(np.float64), _inputs()[1]), "is float64"),
        ((_inputs()[0], _floats(3, 4)), r"input 1 \(ids\) is float32"),
        ((_inputs()[0], _inputs(dtype=np.uint32)[1]), "is uint32"),
        ((_floats(6, 3).T, _inputs()[1]), "not C-contiguous"),
        ((np.float32(1.0), _inputs()[1]), r"is float32 \(\)"),
    ],
)
def test_inputs_of_another_count_shape_type_or_layout_are_refused(inputs, message):
    with pytest.raises(BadInputError, match=message) as caught:
        check_inputs(IDS, inputs)
    assert caught.value.hint


@settings(max_examples=50, deadline=None)
@given(
    item=st.integers(0, 2), column=st.integers(0, 3), number=st.integers(-(2**31), -1) | st.integers(5, 2**31 - 1),
    dtype=st.sampled_from([np.int32, np.int64]),
)  # fmt: skip
def test_an_id_that_names_no_row_is_refused_where_it_is_looked_up(item, column, number, dtype):
    dense, ids = _inputs(dtype=dtype)
    ids[item, column] = number
    if column == 0:  # the operation reads from column 1 on
        assert check_inputs(IDS, (dense, ids)) == 3
        return
    with pytest.raises(BadInputError, match=f"input 1, item {item}, column {column}: id {number} of a table of 5 rows"):
        check_inputs(IDS, (dense, ids))
