"""What must hold of a program before compiled code may trust it."""

from collections.abc import Iterator
from dataclasses import fields
from functools import singledispatch
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.native.extension import available, core
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
    Layer,
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

__all__ = ["check"]

F32 = NDArray[np.float32]
_BLOCK = 1 << 18  # floats looked at together: they and the answer stay in cache
_WEIGHTS_HINT = "train with a lower rate or clip gradients, and lower the network again; NaN and inf score nothing"
_PROGRAM_HINT = "a program that `lower` made is well formed; mend the one written by hand"


def check(program: Program) -> None:
    """Raise `BadInputError`, naming the operation, unless `program` is well formed.

    Views lie inside their buffers, widths and weights agree, weights are finite C-contiguous float32, an operation
    reads what earlier ones wrote and writes nothing that it reads (except `Fc` where it accumulates), and one `Score`
    ends it. What nobody reads is allowed: some networks compute and discard.
    """
    _check_declared(program)
    written = [np.zeros(width, dtype=np.bool_) for width in program.buffers]
    for number, op in enumerate(program.ops):
        where = f"op {number} ({type(op).__name__})"
        for complaint in _complaints(op, program, written):
            raise BadInputError(f"{where}: {complaint}", hint=_PROGRAM_HINT)
        for name, array in _arrays(op):
            _check_finite(f"{where}: `{name}`", array)
        if out := _out(op):
            written[out.buffer][out.column : out.column + out.width] = True


def _check_declared(program: Program) -> None:
    """Check what a program says before its first operation, and where its score is."""
    for number, (kind, width) in enumerate(program.inputs):
        if kind not in ("dense", "ids") or width < 1:
            raise BadInputError(f"input {number} is {kind!r}, {width} wide", hint='"dense" or "ids", at least 1 wide')
    for number, width in enumerate(program.buffers):
        if width < 1:
            raise BadInputError(f"buffer {number} is {width} wide", hint="give it at least one column")
    scores = [number for number, op in enumerate(program.ops) if isinstance(op, Score)]
    if not program.inputs or scores != [len(program.ops) - 1]:
        raise BadInputError(
            f"a program of {len(program.inputs)} inputs and {len(program.ops)} ops has a Score at {scores or 'no op'}",
            hint="give at least one input, and exactly one Score, last",
        )


def _complaints(op: Op, program: Program, written: list[NDArray[np.bool_]]) -> Iterator[str]:
    """Yield what is wrong with `op`, the first thing first: what comes later may fail on account of it."""
    out, read = _out(op), list(_read(op))
    for name, view in [*read, ("out", out)] if out else read:
        if not 0 <= view.buffer < len(program.buffers):
            yield f"`{name}` is of buffer {view.buffer} of {len(program.buffers)}"
        if view.width < 1 or view.column < 0 or view.column + view.width > program.buffers[view.buffer]:
            yield f"`{name}` {view} leaves its buffer of {program.buffers[view.buffer]} columns"
    for name, array in _arrays(op):
        if array.dtype != np.float32 or not array.flags.c_contiguous or array.size == 0:
            yield f"`{name}` is {array.dtype} {array.shape}; C-contiguous float32 that is not empty is accepted"
    for name, view in read:
        if not written[view.buffer][view.column : view.column + view.width].all():
            yield f"`{name}` {view} has columns that no earlier op wrote"
        if out and _overlap(view, out) and not (name == "out" and isinstance(op, Fc) and op.accumulate):
            yield f"`{name}` {view} and `out` {out} share columns"
    if isinstance(op, Dense | Bag) and not 0 <= op.input < len(program.inputs):
        yield f"input {op.input} of {len(program.inputs)}"
    yield from _misfits(op, program)


def _read(op: Op) -> Iterator[tuple[str, View]]:
    """Yield (field, view) of every view that `op` reads."""
    for each in fields(op):
        value = getattr(op, each.name)
        if isinstance(value, View) and (each.name != "out" or (isinstance(op, Fc) and op.accumulate)):
            yield each.name, value


def _out(op: Op) -> View | None:
    return None if isinstance(op, Score) else op.out


def _arrays(op: Op) -> Iterator[tuple[str, F32]]:
    """Yield (field, weights) of `op`; a layer's are called weight and bias."""
    for each in fields(op):
        value = getattr(op, each.name)
        if isinstance(value, np.ndarray):
            yield each.name, value
        if isinstance(value, Layer):
            yield "weight", value.weight
            if value.bias is not None:
                yield "bias", value.bias


def _overlap(one: View, other: View) -> bool:
    apart = one.column + one.width <= other.column or other.column + other.width <= one.column
    return one.buffer == other.buffer and not apart


def _check_finite(what: str, array: F32) -> None:
    if available() and core().all_finite(array):
        return  # at the speed of memory; what follows finds the place, or does without the extension
    flat = array.reshape(-1)
    for first in range(0, flat.size, _BLOCK):
        fine = np.isfinite(flat[first : first + _BLOCK])
        if not fine.all():
            at = first + int(np.argmin(fine))
            place = tuple(int(index) for index in np.unravel_index(at, array.shape))
            raise BadInputError(f"{what} holds {flat[at]} at {place}", hint=_WEIGHTS_HINT)


def _shaped(name: str, array: F32, *expected: int) -> Iterator[str]:
    if array.shape != expected:
        yield f"`{name}` is {array.shape}, not {expected}"


def _wide(name: str, view: View, expected: int) -> Iterator[str]:
    if view.width != expected:
        yield f"`{name}` is {view.width} columns wide, not {expected}"


def _steps(name: str, view: View, dim: int) -> Iterator[str]:
    if dim < 1 or view.width % dim:
        yield f"`{name}` of {view.width} columns is no sequence of vectors of {dim}"


def _matrix(name: str, array: F32) -> Iterator[str]:
    if array.ndim != 2:
        yield f"`{name}` has shape {array.shape}; a matrix is accepted"


def _known(activation: Activation) -> Iterator[str]:
    if activation not in get_args(Activation):
        yield f"no activation {activation!r}; accepted: {', '.join(get_args(Activation))}"


@singledispatch
def _misfits(op: Op, _: Program) -> Iterator[str]:
    """Yield where widths, weights and inputs of `op` do not fit each other."""
    yield f"{type(op).__name__} is not an operation"


@_misfits.register
def _dense(op: Dense, program: Program) -> Iterator[str]:
    kind, width = program.inputs[op.input]
    if kind != "dense":
        yield f'input {op.input} is "{kind}", not "dense"'
    yield from _wide("out", op.out, width)


@_misfits.register
def _bag(op: Bag, program: Program) -> Iterator[str]:
    kind, width = program.inputs[op.input]
    if kind != "ids":
        yield f'input {op.input} is "{kind}", not "ids"'
    if op.groups < 1 or op.pooling < 1:
        yield f"{op.groups} groups of {op.pooling} ids; both start at 1"
    if op.first < 0 or op.first + op.groups * op.pooling > width:
        yield f"{op.groups} groups of {op.pooling} ids from column {op.first} on leave input {op.input}, {width} wide"
    yield from _matrix("table", op.table)
    yield from _wide("out", op.out, op.groups * op.table.shape[1])


@_misfits.register
def _fc(op: Fc, _: Program) -> Iterator[str]:
    yield from _matrix("weight", op.layer.weight)
    outputs, inputs = op.layer.weight.shape
    if op.repeat < 1:
        yield f"repeat starts at 1, not {op.repeat}"
    yield from _wide("source", op.source, op.repeat * inputs)
    yield from _wide("out", op.out, op.repeat * outputs)
    if op.layer.bias is not None:
        yield from _shaped("bias", op.layer.bias, outputs)
    yield from _known(op.after)


@_misfits.register
def _add(op: Add, _: Program) -> Iterator[str]:
    yield from _wide("left", op.left, op.out.width)
    yield from _wide("right", op.right, op.out.width)
    yield from _known(op.after)


@_misfits.register
def _multiply(op: Multiply, _: Program) -> Iterator[str]:
    yield from _wide("left", op.left, op.out.width)
    yield from _wide("right", op.right, op.out.width)


@_misfits.register
def _mean(op: Mean, _: Program) -> Iterator[str]:
    yield from _wide("out", op.out, 1)


@_misfits.register
def _click(op: Click, _: Program) -> Iterator[str]:
    yield from _wide("source", op.source, 2)
    yield from _wide("out", op.out, 1)


@_misfits.register
def _dot_pairs(op: DotPairs, _: Program) -> Iterator[str]:
    yield from _steps("source", op.source, op.dim)
    vectors = op.source.width // op.dim
    if vectors < 2:
        yield "one vector has no pairs"
    yield from _wide("out", op.out, vectors * (vectors - 1) // 2)


@_misfits.register
def _attention(op: Attention, _: Program) -> Iterator[str]:
    yield from _matrix("history", op.history)
    dim, units = op.history.shape
    yield from _shaped("product", op.product, dim, units)
    yield from _shaped("ad_weight", op.ad_weight, units, dim)
    yield from _shaped("bias", op.bias, units)
    yield from _shaped("out_weight", op.out_weight, units)
    yield from _steps("steps", op.steps, dim)
    yield from _wide("ad", op.ad, dim)
    yield from _wide("out", op.out, dim)
    if not np.isfinite([op.out_bias, op.slope]).all():
        yield f"out_bias {op.out_bias} and slope {op.slope} must be finite"


@_misfits.register
def _units(op: Units, _: Program) -> Iterator[str]:
    yield from _matrix("second", op.second)
    units, dim = op.second.shape
    yield from _shaped("second_bias", op.second_bias, units, dim)
    yield from _shaped("first", op.first, units, 3 * dim)
    yield from _shaped("first_bias", op.first_bias, units)
    yield from _wide("users", op.users, units * dim)
    yield from _wide("ad", op.ad, dim)
    yield from _wide("out", op.out, dim)


def _recurrent(op: Gru | Tanh, gates: int) -> Iterator[str]:
    yield from _matrix("state", op.state)
    yield from _matrix("input", op.input)
    width, dim = op.state.shape[1], op.input.shape[1]
    yield from _shaped("state", op.state, gates * width, width)
    yield from _shaped("input", op.input, gates * width, dim)
    yield from _shaped("bias", op.bias, gates * width)
    yield from _steps("source", op.source, dim)
    if op.out.width != width:  # then all states, else the last
        yield from _wide("out", op.out, op.source.width // dim * width)


@_misfits.register
def _gru(op: Gru, _: Program) -> Iterator[str]:
    yield from _recurrent(op, 3)
    if op.gate is not None:
        yield from _wide("gate", op.gate, op.source.width // op.input.shape[1])


@_misfits.register
def _tanh(op: Tanh, _: Program) -> Iterator[str]:
    yield from _recurrent(op, 1)


@_misfits.register
def _step_attention(op: StepAttention, _: Program) -> Iterator[str]:
    yield from _steps("states", op.states, op.query.width)
    yield from _wide("out", op.out, op.states.width // op.query.width)


@_misfits.register
def _softmax(op: Softmax, _: Program) -> Iterator[str]:
    yield from _steps("source", op.source, op.width)
    yield from _wide("out", op.out, op.source.width)


@_misfits.register
def _score(op: Score, _: Program) -> Iterator[str]:
    yield from _wide("source", op.source, 1)
