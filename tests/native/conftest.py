"""Random programs of one operation each: what any executor of programs is held against."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import strategies as st

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
    Program,
    Score,
    Softmax,
    StepAttention,
    Tanh,
    Units,
    View,
)


@dataclass(frozen=True, eq=False)
class Case:
    """One operation on random columns; `values` is what its views hold before it runs, (items, width) each."""

    op: object
    out: View
    program: Program  # without a score
    inputs: tuple
    values: dict

    def scoring(self, column: int) -> Program:
        """Return the program whose score is one column of what the operation writes."""
        score = Score(View(self.out.buffer, self.out.column + column, 1))
        return replace(self.program, ops=(*self.program.ops, score))

    def outputs(self, run: Callable) -> np.ndarray:
        """Return all that the operation writes, (items, out.width), where `run(program, inputs)` scores."""
        return np.stack([run(self.scoring(column), self.inputs) for column in range(self.out.width)], axis=1)


@dataclass
class Draft:
    """A program in the making: views lie at any column of two buffers, which they share with each other."""

    draw: Callable
    rng: np.random.Generator
    items: int
    inputs: list = field(default_factory=list)
    kinds: list = field(default_factory=list)
    buffers: list = field(default_factory=lambda: [1, 1])
    ops: list = field(default_factory=list)
    values: dict = field(default_factory=dict)

    def count(self, most: int, least: int = 1) -> int:
        return self.draw(st.integers(least, most))

    def width(self) -> int:
        """Return a width on either side of what vector registers hold."""
        return self.draw(st.integers(1, 9) | st.sampled_from([15, 16, 17, 31, 32, 33, 48, 65]))

    def weights(self, *shape: int) -> np.ndarray:
        return self.rng.standard_normal(shape, dtype=np.float32)

    def room(self, width: int) -> View:
        """Return columns that nobody wrote."""
        buffer, gap = self.count(1, least=0), self.count(3, least=0)
        view = View(buffer, self.buffers[buffer] + gap, width)
        self.buffers[buffer] = view.column + width
        return view

    def filled(self, width: int) -> View:
        """Return columns that hold a dense input."""
        view = self.room(width)
        self.inputs.append(self.weights(self.items, width))
        self.kinds.append(("dense", width))
        self.ops.append(Dense(len(self.inputs) - 1, view))
        self.values[view] = self.inputs[-1].astype(np.float64)
        return view

    def ids(self, width: int, rows: int) -> int:
        """Return the number of an input of ids."""
        dtype = self.draw(st.sampled_from([np.int32, np.int64]))
        self.inputs.append(self.rng.integers(0, rows, (self.items, width), dtype=dtype))
        self.kinds.append(("ids", width))
        return len(self.inputs) - 1

    def after(self) -> Activation:
        return self.draw(st.sampled_from(get_args(Activation)))


def _dense(draft: Draft) -> Dense:
    draft.filled(draft.width())
    return draft.ops.pop()


def _bag(draft: Draft) -> Bag:
    groups, pooling, rows, dim = draft.count(3), draft.count(5), draft.count(30), draft.width()
    first, more = draft.count(2, least=0), draft.count(2, least=0)
    ids = draft.ids(first + groups * pooling + more, rows)
    return Bag(ids, first, groups, pooling, draft.weights(rows, dim), draft.room(groups * dim))


def _fc(draft: Draft) -> Fc:
    inputs, outputs, repeat, accumulate = draft.width(), draft.width(), draft.count(3), draft.count(1, least=0) == 1
    bias = draft.weights(outputs) if draft.count(1, least=0) else None
    source = draft.filled(repeat * inputs)
    out = (draft.filled if accumulate else draft.room)(repeat * outputs)
    return Fc(source, Layer(draft.weights(outputs, inputs), bias), out, draft.after(), repeat, accumulate)


def _add(draft: Draft) -> Add:
    width = draft.width()
    return Add(draft.filled(width), draft.filled(width), draft.room(width), draft.after())


def _multiply(draft: Draft) -> Multiply:
    width = draft.width()
    return Multiply(draft.filled(width), draft.filled(width), draft.room(width))


def _mean(draft: Draft) -> Mean:
    return Mean(draft.filled(draft.width()), draft.room(1))


def _click(draft: Draft) -> Click:
    return Click(draft.filled(2), draft.room(1))


def _dot_pairs(draft: Draft) -> DotPairs:
    vectors, dim = draft.count(7, least=2), draft.width()
    return DotPairs(draft.filled(vectors * dim), dim, draft.room(vectors * (vectors - 1) // 2))


def _attention(draft: Draft) -> Attention:
    steps, dim, units = draft.count(6), draft.width(), draft.width()
    return Attention(
        draft.filled(steps * dim),
        draft.filled(dim),
        history=draft.weights(dim, units),
        product=draft.weights(dim, units),
        ad_weight=draft.weights(units, dim),
        bias=draft.weights(units),
        out_weight=draft.weights(units),
        out_bias=float(draft.rng.normal()),
        slope=draft.draw(st.sampled_from([0.0, 0.25, -0.5, 1.0])),
        out=draft.room(dim),
    )


def _units(draft: Draft) -> Units:
    units, dim = draft.count(5), draft.width()
    return Units(
        draft.filled(units * dim),
        draft.filled(dim),
        first=draft.weights(units, 3 * dim),
        first_bias=draft.weights(units),
        second=draft.weights(units, dim),
        second_bias=draft.weights(units, dim),
        out=draft.room(dim),
    )


def _recurrent(draft: Draft, gates: int) -> tuple:
    """Return the number of steps, and source, weights and room for all states or the last."""
    steps, dim, width = draft.count(5), draft.width(), draft.width()
    state = draft.weights(gates * width, width) / np.sqrt(width, dtype=np.float32)  # or rounding grows step by step
    matrices = draft.weights(gates * width, dim), draft.weights(gates * width), state
    kept = steps if draft.count(1, least=0) else 1
    return steps, (draft.filled(steps * dim), *matrices, draft.room(kept * width))


def _gru(draft: Draft) -> Gru:
    steps, parts = _recurrent(draft, 3)
    return Gru(*parts, gate=draft.filled(steps) if draft.count(1, least=0) else None)


def _tanh(draft: Draft) -> Tanh:
    return Tanh(*_recurrent(draft, 1)[1])


def _step_attention(draft: Draft) -> StepAttention:
    steps, width = draft.count(6), draft.width()
    return StepAttention(draft.filled(steps * width), draft.filled(width), draft.room(steps))


def _softmax(draft: Draft) -> Softmax:
    runs, width = draft.count(3), draft.width()
    return Softmax(draft.filled(runs * width), width, draft.room(runs * width))


def _score(draft: Draft) -> Score:
    return Score(draft.filled(1))


_MAKERS: dict[type, Callable[[Draft], object]] = {
    Dense: _dense,
    Bag: _bag,
    Fc: _fc,
    Add: _add,
    Multiply: _multiply,
    Mean: _mean,
    Click: _click,
    DotPairs: _dot_pairs,
    Attention: _attention,
    Units: _units,
    Gru: _gru,
    Tanh: _tanh,
    StepAttention: _step_attention,
    Softmax: _softmax,
    Score: _score,
}


@st.composite
def _cases(draw: Callable, kind: type, most_items: int) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    draft = Draft(draw, rng, items=draw(st.integers(1, most_items)))
    op = _MAKERS[kind](draft)
    ops = draft.ops if kind is Score else [*draft.ops, op]
    program = Program(tuple(draft.kinds), tuple(draft.buffers), tuple(ops))
    out = op.source if kind is Score else op.out
    return Case(op, out, program, tuple(draft.inputs), draft.values)


@pytest.fixture(scope="session")
def cases() -> Callable[..., st.SearchStrategy[Case]]:
    """Strategy of programs of one operation of a class, for up to so many items."""
    return lambda kind, most_items=5: _cases(kind, most_items)
