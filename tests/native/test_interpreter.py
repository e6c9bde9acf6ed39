"""Every operation against what it is defined as, written once more per item, as the networks' own papers have it."""

import math
from functools import singledispatch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrank.core import BadInputError
from tailrank.native import Program, interpret
from tailrank.native.program import (
    Add,
    Attention,
    Bag,
    Click,
    Dense,
    DotPairs,
    Fc,
    Gru,
    Mean,
    Multiply,
    Score,
    Softmax,
    StepAttention,
    Tanh,
    Units,
    View,
)

_AFTER = {
    "none": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
}


def _each(function, values):
    return np.array([function(float(value)) for value in values])


@singledispatch
def expected(op, value, row):
    """Return what `op` writes for one item: value(view) is what a view holds for it, row(input) its inputs."""
    raise NotImplementedError(op)


@expected.register
def _(op: Dense, value, row):
    return row(op.input)


@expected.register
def _(op: Bag, value, row):
    pooled = []
    for group in range(op.groups):
        start = op.first + group * op.pooling
        pooled.append(sum(op.table[number].astype(float) for number in row(op.input)[start : start + op.pooling]))
    return np.concatenate(pooled)


@expected.register
def _(op: Fc, value, row):
    held = value(op.out) if op.accumulate else np.zeros(op.out.width)
    bias = 0.0 if op.layer.bias is None else op.layer.bias
    steps = [op.layer.weight.astype(float) @ step + bias for step in np.split(value(op.source), op.repeat)]
    return _each(_AFTER[op.after], held + np.concatenate(steps))


@expected.register
def _(op: Add, value, row):
    return _each(_AFTER[op.after], value(op.left) + value(op.right))


@expected.register
def _(op: Multiply, value, row):
    return value(op.left) * value(op.right)


@expected.register
def _(op: Mean, value, row):
    return [math.fsum(value(op.source)) / op.source.width]


@expected.register
def _(op: Click, value, row):
    skip, take = value(op.source)
    return [math.exp(take) / (math.exp(skip) + math.exp(take))]


@expected.register
def _(op: DotPairs, value, row):
    vectors = value(op.source).reshape(-1, op.dim)
    out = [math.nan] * op.out.width
    for i in range(len(vectors)):
        for j in range(i):
            out[i * (i - 1) // 2 + j] = vectors[i] @ vectors[j]
    return out


@expected.register
def _(op: Attention, value, row):
    """DIN's own form: one layer over [h, h * ad, ad] of every position."""
    ad, total = value(op.ad), 0.0
    layer = np.concatenate([op.history, op.product, op.ad_weight.T]).astype(float)
    for h in value(op.steps).reshape(-1, op.ad.width):
        hidden = np.concatenate([h, h * ad, ad]) @ layer + op.bias
        hidden = _each(lambda x: x if x > 0 else op.slope * x, hidden)
        total = total + (hidden @ op.out_weight + op.out_bias) * h
    return total


@expected.register
def _(op: Units, value, row):
    ad, total = value(op.ad), 0.0
    for unit, user in enumerate(value(op.users).reshape(-1, op.ad.width)):
        hidden = np.concatenate([user, ad, user + ad]) @ op.first[unit] + float(op.first_bias[unit])
        second, bias = op.second[unit].astype(float), op.second_bias[unit]
        total = total + _each(_AFTER["relu"], max(hidden, 0.0) * second + bias)
    return total


def _kept(op, states, width):
    return states[-1] if op.out.width == width else np.concatenate(states)


@expected.register
def _(op: Gru, value, row):
    """A mixture of old state and candidate, each gate with matrices of its own."""
    width = op.state.shape[1]
    w_u, w_r, w_c = np.split(op.input.astype(float), 3)
    b_u, b_r, b_c = np.split(op.bias.astype(float), 3)
    u_u, u_r, u_c = np.split(op.state.astype(float), 3)
    xs = value(op.source).reshape(-1, op.input.shape[1])
    h, states = np.zeros(width), []
    for step, x in enumerate(xs):
        update = _each(_AFTER["sigmoid"], w_u @ x + b_u + u_u @ h)
        reset = _each(_AFTER["sigmoid"], w_r @ x + b_r + u_r @ h)
        candidate = _each(math.tanh, w_c @ x + b_c + reset * (u_c @ h))
        if op.gate is not None:
            update = update * value(op.gate)[step]
        h = (1 - update) * h + update * candidate
        states.append(h)
    return _kept(op, states, width)


@expected.register
def _(op: Tanh, value, row):
    h, states = np.zeros(op.state.shape[1]), []
    for x in value(op.source).reshape(-1, op.input.shape[1]):
        h = _each(math.tanh, op.input.astype(float) @ x + op.bias + op.state.astype(float) @ h)
        states.append(h)
    return _kept(op, states, len(h))


def _soft(values):
    exponentials = [math.exp(value - max(values)) for value in values]
    return np.array(exponentials) / math.fsum(exponentials)


@expected.register
def _(op: StepAttention, value, row):
    return _soft([h @ value(op.query) for h in value(op.states).reshape(-1, op.query.width)])


@expected.register
def _(op: Softmax, value, row):
    return np.concatenate([_soft(run) for run in value(op.source).reshape(-1, op.width)])


@expected.register
def _(op: Score, value, row):
    return value(op.source)


@pytest.mark.parametrize("kind", [kind for kind in expected.registry if kind is not object])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_operation_gives_what_it_is_defined_as(cases, kind, data):
    case = data.draw(cases(kind))
    found = case.outputs(interpret)
    assert found.dtype == np.float32
    for item in range(len(found)):
        wanted = expected(
            case.op,
            lambda view, item=item: case.values[view][item],
            lambda number, item=item: case.inputs[number][item],
        )
        np.testing.assert_allclose(found[item], wanted, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("kind", [kind for kind in expected.registry if kind is not object])
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_an_items_score_depends_on_its_own_row_only(cases, kind, data):
    case = data.draw(cases(kind))
    whole = case.outputs(interpret)
    for item in range(len(whole)):
        alone = tuple(array[item : item + 1] for array in case.inputs)
        one = interpret(case.scoring(0), alone)
        np.testing.assert_allclose(one, whole[item : item + 1, 0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("logit", [-1e30, -1e4, -200.0, 200.0, 1e4, 1e30])
def test_far_logits_saturate_without_warnings(logit):
    dense = np.array([[0.0, logit]], dtype=np.float32)
    pair, score = View(0, 0, 2), View(1, 0, 1)
    program = Program((("dense", 2),), (2, 1), (Dense(0, pair), Click(pair, score), Score(score)))
    assert interpret(program, (dense,)) == pytest.approx([float(logit > 0)], abs=1e-7)
    either = Add(View(0, 0, 1), View(0, 1, 1), score, "sigmoid")
    program = Program((("dense", 2),), (2, 1), (Dense(0, pair), either, Score(score)))
    assert interpret(program, (dense,)) == pytest.approx([float(logit > 0)], abs=1e-7)


def test_no_items_have_no_scores():
    one = View(0, 0, 1)
    program = Program((("dense", 1),), (1,), (Dense(0, one), Score(one)))
    assert interpret(program, (np.empty((0, 1), dtype=np.float32),)).shape == (0,)


def test_a_program_that_does_not_hold_is_refused():
    with pytest.raises(BadInputError, match="no earlier op wrote"):
        interpret(Program((("dense", 1),), (1,), (Score(View(0, 0, 1)),)), (np.zeros((1, 1), dtype=np.float32),))
