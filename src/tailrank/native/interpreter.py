"""What a program means, in NumPy: one small function per operation. The compiled executor must agree with it.

Arithmetic inside an operation is float64; what a buffer holds is float32. Shapes: N items, T steps, D dim, H hidden.
"""

from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from tailrank.native.inputs import NativeInputs, check_inputs
from tailrank.native.program import (
    Activation,
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
    Op,
    Program,
    Score,
    Softmax,
    StepAttention,
    Tanh,
    Units,
    View,
)
from tailrank.native.validate import check

__all__ = ["interpret"]

F64 = NDArray[np.float64]


def interpret(program: Program, inputs: NativeInputs) -> NDArray[np.float32]:
    """Return the score of every item, float32 (items,).

    Raises `BadInputError` for what `check` and `check_inputs` refuse.
    """
    check(program)
    items = check_inputs(program, inputs)
    columns = _Columns(program, inputs, items)
    for op in program.ops:
        _run(op, columns)
    return columns.scores


class _Columns:
    """The buffers, of NaN until written, so that a read of what nobody wrote shows."""

    def __init__(self, program: Program, inputs: NativeInputs, items: int) -> None:
        self.inputs = inputs
        self.buffers = [np.full((items, width), np.nan, dtype=np.float32) for width in program.buffers]
        self.scores = np.empty(items, dtype=np.float32)

    def read(self, view: View) -> F64:
        """Return the columns of `view`, (N, width)."""
        return self.buffers[view.buffer][:, view.column : view.column + view.width].astype(np.float64)

    def steps(self, view: View, dim: int) -> F64:
        """Return the columns of `view` as vectors of `dim`, (N, T, dim)."""
        flat = self.read(view)
        return flat.reshape(len(flat), view.width // dim, dim)

    def write(self, view: View, values: F64) -> None:
        """Put `values`, (N, width) or (N, T, D), into the columns of `view`."""
        flat = values.reshape(len(values), view.width)
        self.buffers[view.buffer][:, view.column : view.column + view.width] = flat


def _sigmoid(x: F64) -> F64:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)))


def _softmax(x: F64) -> F64:
    """Softmax over the last axis."""
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def _after(x: F64, activation: Activation) -> F64:
    match activation:
        case "none":
            return x
        case "relu":
            return np.maximum(x, 0.0)
        case "sigmoid":
            return _sigmoid(x)
        case "tanh":
            return np.tanh(x)


@singledispatch
def _run(op: Op, _: _Columns) -> None:
    raise TypeError(f"the interpreter has no {type(op).__name__}")


@_run.register
def _dense(op: Dense, columns: _Columns) -> None:
    columns.write(op.out, columns.inputs[op.input].astype(np.float64))


@_run.register
def _bag(op: Bag, columns: _Columns) -> None:
    ids = columns.inputs[op.input][:, op.first : op.first + op.groups * op.pooling]
    rows = op.table[ids.reshape(len(ids), op.groups, op.pooling)]  # (N, groups, pooling, D)
    columns.write(op.out, rows.sum(axis=2, dtype=np.float64))


@_run.register
def _fc(op: Fc, columns: _Columns) -> None:
    weight, bias = op.layer.weight, op.layer.bias
    product = columns.steps(op.source, weight.shape[1]) @ weight.T.astype(np.float64)
    if bias is not None:
        product = product + bias
    if op.accumulate:
        product = columns.steps(op.out, weight.shape[0]) + product
    columns.write(op.out, _after(product, op.after))


@_run.register
def _add(op: Add, columns: _Columns) -> None:
    columns.write(op.out, _after(columns.read(op.left) + columns.read(op.right), op.after))


@_run.register
def _multiply(op: Multiply, columns: _Columns) -> None:
    columns.write(op.out, columns.read(op.left) * columns.read(op.right))


@_run.register
def _mean(op: Mean, columns: _Columns) -> None:
    columns.write(op.out, columns.read(op.source).mean(axis=1, keepdims=True))


@_run.register
def _click(op: Click, columns: _Columns) -> None:
    columns.write(op.out, _softmax(columns.read(op.source))[:, 1:])


@_run.register
def _dot_pairs(op: DotPairs, columns: _Columns) -> None:
    vectors = columns.steps(op.source, op.dim)
    later, earlier = np.tril_indices(vectors.shape[1], k=-1)  # row by row: (1, 0), (2, 0), (2, 1), ...
    products = vectors @ vectors.transpose(0, 2, 1)
    columns.write(op.out, products[:, later, earlier])


@_run.register
def _attention(op: Attention, columns: _Columns) -> None:
    dim = op.history.shape[0]
    steps, ad = columns.steps(op.steps, dim), columns.read(op.ad)
    mixed = op.history + ad[:, :, None] * op.product  # (N, D, U)
    hidden = steps @ mixed + (ad @ op.ad_weight.T.astype(np.float64) + op.bias)[:, None, :]
    hidden = np.where(hidden > 0, hidden, op.slope * hidden)
    weights = hidden @ op.out_weight.astype(np.float64) + op.out_bias  # (N, T)
    columns.write(op.out, (weights[:, :, None] * steps).sum(axis=1))


@_run.register
def _units(op: Units, columns: _Columns) -> None:
    users, ad = columns.steps(op.users, op.second.shape[1]), columns.read(op.ad)[:, None, :]
    inputs = np.concatenate([users, np.broadcast_to(ad, users.shape), users + ad], axis=2)  # (N, U, 3 D)
    hidden = np.maximum((inputs * op.first).sum(axis=2) + op.first_bias, 0.0)  # (N, U)
    columns.write(op.out, np.maximum(hidden[:, :, None] * op.second + op.second_bias, 0.0).sum(axis=1))


@_run.register
def _gru(op: Gru, columns: _Columns) -> None:
    width, dim = op.state.shape[1], op.input.shape[1]
    x = columns.steps(op.source, dim) @ op.input.T.astype(np.float64) + op.bias  # (N, T, 3 H)
    gate = columns.read(op.gate) if op.gate is not None else np.ones(x.shape[:2])
    h, states = np.zeros((len(x), width)), []
    for step in range(x.shape[1]):
        from_state = h @ op.state.T.astype(np.float64)
        update, reset = np.split(_sigmoid(x[:, step, : 2 * width] + from_state[:, : 2 * width]), 2, axis=1)
        candidate = np.tanh(x[:, step, 2 * width :] + reset * from_state[:, 2 * width :])
        h = h + gate[:, step : step + 1] * update * (candidate - h)
        states.append(h)
    _write_states(op.out, states, width, columns)


@_run.register
def _tanh(op: Tanh, columns: _Columns) -> None:
    width, dim = op.state.shape[1], op.input.shape[1]
    x = columns.steps(op.source, dim) @ op.input.T.astype(np.float64) + op.bias  # (N, T, H)
    h, states = np.zeros((len(x), width)), []
    for step in range(x.shape[1]):
        h = np.tanh(x[:, step] + h @ op.state.T.astype(np.float64))
        states.append(h)
    _write_states(op.out, states, width, columns)


def _write_states(out: View, states: list[F64], width: int, columns: _Columns) -> None:
    """Write all states, or the last where `out` has room for one."""
    columns.write(out, states[-1] if out.width == width else np.stack(states, axis=1))


@_run.register
def _step_attention(op: StepAttention, columns: _Columns) -> None:
    states, query = columns.steps(op.states, op.query.width), columns.read(op.query)
    columns.write(op.out, _softmax((states @ query[:, :, None])[:, :, 0]))


@_run.register
def _runs_of_softmax(op: Softmax, columns: _Columns) -> None:
    columns.write(op.out, _softmax(columns.steps(op.source, op.width)))


@_run.register
def _score(op: Score, columns: _Columns) -> None:
    columns.scores[:] = columns.read(op.source)[:, 0]
