from dataclasses import fields, replace

import numpy as np
import pytest

from tailrank.core import BadInputError
from tailrank.native import Program, check
from tailrank.native.program import (
    Add,
    Attention,
    Bag,
    Click,
    Dense,
    DotPairs,
    Fc,
    Gru,
    Layer,
    Mean,
    Multiply,
    Score,
    Softmax,
    StepAttention,
    Tanh,
    Units,
    View,
)


def _floats(*shape):
    return np.ones(shape, dtype=np.float32)


HELD, FREE = View(0, 0, 6), View(1, 0, 6)
ONE, TWO, OUT = View(0, 0, 1), View(0, 0, 2), View(1, 0, 1)
TABLE = _floats(5, 2)
LAYER = Layer(_floats(6, 6), _floats(6))


def _program(op, *after):
    """A program in which `op` finds six columns of HELD written, and six of FREE not."""
    score = Score(View(0, 0, 1))
    return Program((("dense", 6), ("ids", 4)), (6, 6), (Dense(0, HELD), op, *after, score))


WELL_FORMED = {
    "dense": Dense(0, FREE),
    "bag": Bag(1, 0, 3, 1, TABLE, FREE),
    "bag from the second id": Bag(1, 1, 1, 3, TABLE, View(1, 4, 2)),
    "fc": Fc(HELD, LAYER, FREE),
    "fc that accumulates": Fc(View(0, 0, 3), Layer(_floats(3, 3)), View(0, 3, 3), accumulate=True),
    "fc of steps": Fc(HELD, Layer(_floats(1, 2)), View(1, 0, 3), repeat=3),
    "add": Add(ONE, View(0, 1, 1), OUT, "sigmoid"),
    "add of one to itself": Add(ONE, ONE, View(0, 1, 1)),
    "multiply": Multiply(HELD, HELD, FREE),
    "mean": Mean(HELD, OUT),
    "click": Click(TWO, OUT),
    "pairs": DotPairs(HELD, 2, View(1, 0, 3)),
    "attention": Attention(
        HELD, TWO, _floats(2, 4), _floats(2, 4), _floats(4, 2), _floats(4), _floats(4), 0.0, 0.25, View(1, 0, 2)
    ),
    "units": Units(HELD, TWO, _floats(3, 6), _floats(3), _floats(3, 2), _floats(3, 2), View(1, 0, 2)),
    "gru": Gru(HELD, _floats(6, 3), _floats(6), _floats(6, 2), View(1, 0, 4), View(0, 4, 2)),
    "gru's last": Gru(HELD, _floats(6, 3), _floats(6), _floats(6, 2), View(1, 0, 2)),
    "tanh": Tanh(HELD, _floats(2, 3), _floats(2), _floats(2, 2), View(1, 0, 4)),
    "step attention": StepAttention(HELD, TWO, View(1, 0, 3)),
    "softmax": Softmax(HELD, 3, FREE),
}


@pytest.mark.parametrize("op", WELL_FORMED.values(), ids=WELL_FORMED)
def test_well_formed_operations_pass_though_nobody_reads_what_they_write(op):
    check(_program(op))


@pytest.mark.parametrize("op", WELL_FORMED.values(), ids=WELL_FORMED)
def test_weights_of_another_shape_type_layout_or_value_are_refused(op):
    for each in fields(op):
        array = getattr(op, each.name)
        if not isinstance(array, np.ndarray):
            continue
        name = f"`{each.name}`"
        with pytest.raises(BadInputError, match=r"op 1 "):
            check(_program(replace(op, **{each.name: np.repeat(array, 5, -1)})))
        for wrong in (array[None], array.astype(np.float64), np.empty(0, dtype=np.float32)):
            with pytest.raises(BadInputError, match=name):
                check(_program(replace(op, **{each.name: wrong})))
        for value in (np.nan, np.inf, -np.inf):
            bad = array.copy()
            bad.flat[-1] = value
            with pytest.raises(BadInputError, match=rf"op 1 \({type(op).__name__}\): {name} holds {value} at"):
                check(_program(replace(op, **{each.name: bad})))


@pytest.mark.parametrize("op", WELL_FORMED.values(), ids=WELL_FORMED)
def test_views_outside_unwritten_or_too_wide_are_refused(op):
    for each in fields(op):
        view = getattr(op, each.name)
        if not isinstance(view, View):
            continue
        for wrong, message in (
            (replace(view, buffer=2), "of buffer 2 of 2"),
            (replace(view, buffer=-1), "of buffer -1"),
            (replace(view, column=5, width=2), "leaves its buffer"),
            (replace(view, column=-1), "leaves its buffer"),
            (replace(view, width=0), "leaves its buffer"),
        ):
            with pytest.raises(BadInputError, match=rf"`{each.name}`.*{message}"):
                check(_program(replace(op, **{each.name: wrong})))
        if each.name != "out":
            with pytest.raises(BadInputError, match=r"no earlier op wrote|share columns"):
                check(_program(replace(op, **{each.name: replace(view, buffer=1)})))


@pytest.mark.parametrize(
    ("op", "message"),
    [
        (Dense(1, FREE), 'input 1 is "ids"'),
        (Dense(2, FREE), "input 2 of 2"),
        (Dense(-1, FREE), "input -1 of 2"),
        (Dense(0, OUT), "`out` is 1 columns wide, not 6"),
        (Bag(0, 0, 3, 1, TABLE, FREE), 'input 0 is "dense"'),
        (Bag(1, 0, 3, 2, TABLE, FREE), "3 groups of 2 ids from column 0 on leave input 1, 4 wide"),
        (Bag(1, -1, 3, 1, TABLE, FREE), "from column -1"),
        (Bag(1, 0, 0, 1, TABLE, FREE), "both start at 1"),
        (Bag(1, 0, 3, 0, TABLE, FREE), "both start at 1"),
        (Bag(1, 0, 2, 1, TABLE, FREE), "`out` is 6 columns wide, not 4"),
        (Bag(1, 0, 3, 1, _floats(0, 2), FREE), "`table` is float32 .*not empty"),
        (Fc(HELD, Layer(_floats(6, 6).astype(np.float16)), FREE), "`weight` is float16"),
        (Fc(HELD, Layer(np.ones((6, 6), dtype=np.float32, order="F")), FREE), "C-contiguous"),
        (Fc(HELD, Layer(_floats(6, 6), _floats(5)), FREE), r"`bias` is \(5,\), not \(6,\)"),
        (Fc(HELD, Layer(_floats(6, 6) * np.float32(np.nan)), FREE), r"`weight` holds nan at \(0, 0\)"),
        (Fc(HELD, Layer(_floats(6, 6), _floats(6) * np.float32(np.inf)), FREE), r"`bias` holds inf at \(0,\)"),
        (Fc(HELD, LAYER, HELD), "`source` .* and `out` .* share columns"),
        (Fc(HELD, LAYER, HELD, accumulate=True), "`source` .* and `out` .* share columns"),
        (Fc(HELD, LAYER, FREE, accumulate=True), "`out` .* has columns that no earlier op wrote"),
        (Fc(HELD, LAYER, FREE, repeat=0), "repeat starts at 1"),
        (Fc(HELD, LAYER, FREE, repeat=2), "`source` is 6 columns wide, not 12"),
        (Fc(HELD, LAYER, FREE, after="gelu"), "accepted: none, relu, sigmoid, tanh"),
        (Add(TWO, ONE, OUT), "`left` is 2 columns wide, not 1"),
        (Add(ONE, ONE, OUT, after="gelu"), "no activation 'gelu'"),
        (Multiply(ONE, TWO, OUT), "`right` is 2 columns wide"),
        (Mean(HELD, View(1, 0, 2)), "`out` is 2 columns wide, not 1"),
        (Click(HELD, OUT), "`source` is 6 columns wide, not 2"),
        (DotPairs(HELD, 4, FREE), "no sequence of vectors of 4"),
        (DotPairs(HELD, 0, FREE), "no sequence of vectors of 0"),
        (DotPairs(HELD, 6, OUT), "one vector has no pairs"),
        (DotPairs(HELD, 2, FREE), "`out` is 6 columns wide, not 3"),
        (replace(WELL_FORMED["attention"], out_bias=float("nan")), "must be finite"),
        (replace(WELL_FORMED["attention"], slope=float("inf")), "must be finite"),
        (replace(WELL_FORMED["attention"], ad=ONE), "`ad` is 1 columns wide, not 2"),
        (replace(WELL_FORMED["gru"], gate=ONE), "`gate` is 1 columns wide, not 2"),
        (replace(WELL_FORMED["gru"], out=View(1, 0, 3)), "`out` is 3 columns wide, not 4"),
        (replace(WELL_FORMED["tanh"], source=View(0, 0, 5)), "no sequence of vectors of 3"),
        (StepAttention(View(0, 0, 5), TWO, View(1, 0, 3)), "no sequence of vectors of 2"),
        (StepAttention(HELD, TWO, TWO), "share columns"),
        (Softmax(HELD, 4, FREE), "no sequence of vectors of 4"),
        (Softmax(HELD, 0, FREE), "no sequence of vectors of 0"),
        (Score(HELD), "a Score at"),
    ],
)
def test_an_operation_that_does_not_fit_is_named(op, message):
    with pytest.raises(BadInputError, match=message) as caught:
        check(_program(op))
    assert caught.value.hint


@pytest.mark.parametrize(
    "program",
    [
        Program((), (1,), (Score(ONE),)),
        Program((("dense", 1),), (1,), (Dense(0, ONE),)),
        Program((("dense", 1),), (1,), ()),
        Program((("dense", 1),), (1,), (Score(ONE), Dense(0, ONE))),
        Program((("dense", 1),), (1,), (Dense(0, ONE), Score(ONE), Score(ONE))),
        Program((("dense", 1),), (1,), (Score(ONE),)),
        Program((("dense", 0),), (1,), (Dense(0, ONE), Score(ONE))),
        Program((("floats", 1),), (1,), (Dense(0, ONE), Score(ONE))),
        Program((("dense", 1),), (1, 0), (Dense(0, ONE), Score(ONE))),
        Program((("dense", 2),), (2,), (Dense(0, TWO), Score(TWO))),
    ],
)
def test_a_program_needs_inputs_columns_and_one_score_at_its_end(program):
    with pytest.raises(BadInputError) as caught:
        check(program)
    assert caught.value.hint


def test_a_non_finite_weight_is_found_wherever_it_lies():
    table = _floats(300_000, 2)
    table[299_999, 1] = np.nan
    with pytest.raises(BadInputError, match=r"`table` holds nan at \(299999, 1\)"):
        check(_program(Bag(1, 0, 3, 1, table, FREE)))
