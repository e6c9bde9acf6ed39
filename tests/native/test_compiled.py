"""The compiled executor against the readable one: every operation, instruction set, tile and thread."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.native import Program, available, interpret, paths, why_not
from tailrank.native.compiled import Compiled
from tailrank.native.program import Bag, Dense, Fc, Layer, Op, Score, View

pytestmark = pytest.mark.skipif(not available(), reason=f"no native executor: {why_not()}")

KINDS = [op for op in get_args(Op) if op is not Score]
RELATIVE = 1e-5  # of the largest value: where terms cancel, what is left is rounding


@pytest.mark.parametrize("path", paths())
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_an_operation_does_what_it_says(cases, kind, path, data):
    case = data.draw(cases(kind, most_items=9))
    tile = data.draw(st.sampled_from([0, 1, 3]))
    found = case.outputs(lambda program, inputs: Compiled(program, path=path, tile=tile)(inputs))
    expected = case.outputs(interpret)
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found, expected, rtol=RELATIVE, atol=RELATIVE * scale)


def table_program(rows=50, dim=24, pooling=7, items=33, dtype=np.int32, seed=0):
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((rows, dim), dtype=np.float32)
    ids = rng.integers(0, rows, (items, 2 * pooling), dtype=dtype)
    dense = rng.standard_normal((items, 5), dtype=np.float32)
    layer = Layer(rng.standard_normal((1, 5 + 2 * dim), dtype=np.float32), np.zeros(1, np.float32))
    ops = (
        Dense(0, View(0, 0, 5)),
        Bag(1, 0, 2, pooling, table, View(0, 5, 2 * dim)),
        Fc(View(0, 0, 5 + 2 * dim), layer, View(1, 0, 1)),
        Score(View(1, 0, 1)),
    )
    return Program((("dense", 5), ("ids", 2 * pooling)), (5 + 2 * dim, 1), ops), (dense, ids)


@pytest.mark.parametrize("path", paths())
@pytest.mark.parametrize("dim", [1, 3, 4, 8, 16, 31, 32, 64, 100, 128])
@pytest.mark.parametrize(("precision", "relative"), [("fp32", 1e-5), ("bf16", 2e-2), ("int8", 3e-2)])
def test_rows_of_every_kind_and_width(path, dim, precision, relative):
    program, inputs = table_program(dim=dim)
    expected = interpret(program, inputs)
    found = Compiled(program, precision, path=path)(inputs)
    assert np.abs(found - expected).max() <= relative * np.abs(expected).max()


@pytest.mark.parametrize("path", paths())
def test_int8_rows_are_off_by_half_a_step_at_most(path):
    rng = np.random.default_rng(1)
    table = rng.standard_normal((40, 24), dtype=np.float32)
    table[7] = 0.0  # has no scale
    ids = np.arange(40, dtype=np.int64).reshape(-1, 1)
    ops = (Bag(0, 0, 1, 1, table, View(0, 0, 24)), Score(View(0, 0, 1)))
    program = Program((("ids", 1),), (24,), ops)
    for column in range(24):
        one = replace(program, ops=(ops[0], Score(View(0, column, 1))))
        found = Compiled(one, "int8", path=path)((ids,))
        assert (np.abs(found - table[:, column]) <= np.abs(table).max(axis=1) / 127 * 0.5001).all()


def test_sets_of_instructions_agree_to_rounding():
    program, inputs = table_program(items=200)
    scores = [Compiled(program, path=path)(inputs) for path in paths()]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("items", [0, 1, 15, 16, 17, 128, 129, 1000])
def test_a_score_does_not_depend_on_its_neighbours(items):
    program, inputs = table_program(items=max(items, 1))
    compiled = Compiled(program)
    whole = compiled(tuple(part[:items] for part in inputs))
    alone = [compiled(tuple(part[n : n + 1] for part in inputs))[0] for n in range(items)]
    np.testing.assert_allclose(whole, np.array(alone, dtype=np.float32), rtol=1e-5, atol=1e-5)


def test_threads_share_one():
    program, inputs = table_program(items=400)
    compiled = Compiled(program)
    expected = compiled(inputs)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: compiled(inputs), range(200)))
    assert all(np.array_equal(each, expected) for each in found)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("bad", [-1, 50, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("place", [(0, 0), (32, 13), (17, 5)])
def test_an_id_that_is_no_row_is_refused(dtype, bad, place):
    program, (dense, ids) = table_program(dtype=dtype)
    ids[place] = bad
    with pytest.raises(BadInputError, match=rf"input 1, item {place[0]}, column {place[1]}: id {bad} is no row"):
        Compiled(program)((dense, ids))


def test_a_wide_id_beyond_32_bits_is_refused():
    program, (dense, ids) = table_program(dtype=np.int64)
    ids[3, 3] = 2**32 + 1  # whose low half is a row
    with pytest.raises(BadInputError, match="is no row"):
        Compiled(program)((dense, ids))


@pytest.mark.parametrize(
    ("mend", "complaint"),
    [
        (lambda dense, _: (dense,), "1 inputs given; the network has 2"),
        (lambda dense, ids: (dense.astype(np.float64), ids), "input 0 has type float64"),
        (lambda dense, ids: (dense, ids.astype(np.int16)), "input 1 has type int16"),
        (lambda dense, ids: (dense, ids.astype(np.uint32)), "input 1 has type uint32"),
        (lambda dense, ids: (dense, dense), "input 1 has type float32"),
        (lambda dense, ids: (dense[:, :4], ids), r"input 0 has shape \(33, 4\)"),
        (lambda dense, ids: (dense, ids.ravel()), r"input 1 has shape \(462\)"),
        (lambda dense, ids: (dense[:-1], ids), "input 1 has 33 items, input 0 has 32"),
        (lambda dense, ids: (np.asfortranarray(dense), ids), "input 0 is not contiguous"),
        (lambda dense, ids: (dense[::2], ids[::2]), "input 0 is not contiguous"),
        (lambda dense, ids: (dense.tolist(), ids), "input 0 is no NumPy array"),
    ],
)
def test_inputs_of_the_wrong_kind_are_refused(mend, complaint):
    program, inputs = table_program()
    compiled = Compiled(program)
    with pytest.raises(BadInputError, match=complaint) as refused:
        compiled(mend(*inputs))
    assert refused.value.hint
    compiled(inputs)  # and it goes on working


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["table", "weight"])
def test_weights_that_are_not_finite_are_refused(bad, where):
    program, _ = table_program()
    (program.ops[1].table if where == "table" else program.ops[2].layer.weight)[0, 3] = bad
    with pytest.raises(BadInputError, match="holds"):
        Compiled(program)


def test_a_precision_or_a_path_nobody_knows_is_refused():
    program, _ = table_program()
    with pytest.raises(BadInputError, match="unknown precision `fp8`"):
        Compiled(program, "fp8")
    with pytest.raises(BadInputError, match="`sse9` is no instruction set"):
        Compiled(program, path="sse9")


def test_a_buffer_that_is_an_input_may_be_added_to():
    weight = np.ones((3, 3), np.float32)
    ops = (
        Dense(0, View(0, 0, 3)),
        Dense(0, View(1, 0, 3)),
        Fc(View(0, 0, 3), Layer(weight), View(1, 0, 3), accumulate=True),
        Score(View(1, 2, 1)),
    )
    dense = np.arange(6, dtype=np.float32).reshape(2, 3)
    before = dense.copy()
    assert Compiled(Program((("dense", 3),), (3, 3), ops))((dense,)).tolist() == [5.0, 17.0]
    assert np.array_equal(dense, before)


class TestBound:
    def test_scores_runs_of_rows_and_gathered_rows(self):
        program, inputs = table_program(items=300)
        compiled = Compiled(program)
        expected = compiled(inputs)
        scorer = compiled.bind(inputs)
        assert scorer.rows == 300
        assert np.allclose(scorer.score(10, 250), expected[10:250], rtol=1e-6, atol=1e-6)
        rows = np.random.default_rng(2).integers(0, 300, 177)
        assert np.allclose(scorer.score_rows(rows), expected[rows], rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize(("first", "stop"), [(-1, 3), (0, 301), (5, 4)])
    def test_refuses_rows_that_are_not_prepared(self, first, stop):
        program, inputs = table_program(items=300)
        with pytest.raises(BadInputError, match="not prepared"):
            Compiled(program).bind(inputs).score(first, stop)

    @pytest.mark.parametrize("row", [-1, 300])
    def test_refuses_a_gathered_row_that_is_not_prepared(self, row):
        program, inputs = table_program(items=300)
        with pytest.raises(BadInputError, match=f"row {row} is not prepared"):
            Compiled(program).bind(inputs).score_rows(np.array([0, row]))

    def test_keeps_its_candidates_alive(self):
        program, inputs = table_program(items=300)
        compiled = Compiled(program)
        expected = compiled(inputs)
        scorer = compiled.bind(tuple(part.copy() for part in inputs))
        assert np.allclose(scorer.score(0, 300), expected, rtol=1e-6, atol=1e-6)
