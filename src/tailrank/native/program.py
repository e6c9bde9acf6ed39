"""A network as a list of operations on columns: what the native executor runs, and its NumPy reference interprets.

Everything has one row per item. A buffer is (items, width) float32; a `View` is some of its columns, so that a
concatenation is a matter of where operations write. Sequences lie flat in a row: step t of a view of T * D columns is
its columns t * D to (t + 1) * D.

No operation writes columns that it reads, except an `Fc` that accumulates; `validate` says what else must hold.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Activation",
    "Add",
    "Attention",
    "Bag",
    "Click",
    "Dense",
    "DotPairs",
    "Fc",
    "Gru",
    "Layer",
    "Mean",
    "Multiply",
    "Op",
    "Precision",
    "Program",
    "Score",
    "Softmax",
    "StepAttention",
    "Tanh",
    "Units",
    "View",
]

F32 = NDArray[np.float32]
Activation = Literal["none", "relu", "sigmoid", "tanh"]
Precision = Literal["fp32", "bf16", "int8"]


@dataclass(frozen=True)
class View:
    """Columns `column` to `column + width` of buffer number `buffer`."""

    buffer: int
    column: int
    width: int


@dataclass(frozen=True, eq=False)
class Layer:
    """A fully connected layer: weight (outputs, inputs), bias (outputs,) or None."""

    weight: F32
    bias: F32 | None = None


@dataclass(frozen=True)
class Dense:
    """Copy input `input`, float32 (items, out.width)."""

    input: int
    out: View


@dataclass(frozen=True, eq=False)
class Bag:
    """Pooled lookups: ids (items, groups * pooling) of input `input`, from its column `first` on.

    Group g of an item is the sum of the rows of `table` (rows, dim) that its `pooling` ids name; it goes to columns
    g * dim of `out`, whose width is groups * dim. Ids name rows of the merged table. Pooling 1 keeps rows apart.
    """

    input: int
    first: int
    groups: int
    pooling: int
    table: F32
    out: View


@dataclass(frozen=True, eq=False)
class Fc:
    """out = after(held + source weight^T + bias), `repeat` times side by side.

    `held` is zero, or with `accumulate` what `out` holds before. source.width = repeat * inputs, out.width =
    repeat * outputs: the steps of a sequence share one layer.
    """

    source: View
    layer: Layer
    out: View
    after: Activation = "none"
    repeat: int = 1
    accumulate: bool = False


@dataclass(frozen=True)
class Add:
    """out = after(left + right), element by element."""

    left: View
    right: View
    out: View
    after: Activation = "none"


@dataclass(frozen=True)
class Multiply:
    """out = left * right, element by element."""

    left: View
    right: View
    out: View


@dataclass(frozen=True)
class Mean:
    """out (one column) = the mean of the columns of source."""

    source: View
    out: View


@dataclass(frozen=True)
class Click:
    """out (one column) = the second of a softmax over the two columns of source."""

    source: View
    out: View


@dataclass(frozen=True)
class DotPairs:
    """Dot products of all pairs of the F vectors in source (F * dim): pair (i, j), j < i, at i * (i - 1) / 2 + j."""

    source: View
    dim: int
    out: View


@dataclass(frozen=True, eq=False)
class Attention:
    """DIN's activation unit and weighted sum over a history (T * D), for an ad (D): out (D).

    w_t = out_weight . leaky(h_t (history + diag(ad) product) + ad_weight ad + bias) + out_bias, with `history` and
    `product` (D, U), `ad_weight` (U, D), `bias` and `out_weight` (U,); leaky's slope below zero is `slope`.
    out = sum over t of w_t h_t.
    """

    steps: View
    ad: View
    history: F32
    product: F32
    ad_weight: F32
    bias: F32
    out_weight: F32
    out_bias: float
    slope: float
    out: View


@dataclass(frozen=True, eq=False)
class Units:
    """The artifact's DIN: U units of one hidden value, each with weights of its own, summed: out (D).

    hidden_u = relu(first[u] . [x_u, ad, x_u + ad] + first_bias[u]); out = sum over u of
    relu(hidden_u * second[u] + second_bias[u]). users is U * D; first (U, 3 D), first_bias (U,), second and
    second_bias (U, D).
    """

    users: View
    ad: View
    first: F32
    first_bias: F32
    second: F32
    second_bias: F32
    out: View


@dataclass(frozen=True, eq=False)
class Gru:
    """A GRU from a zero state over source (T * D); all states (T * H) or, where `out` is H wide, the last.

    [u, r] = sigmoid(x W_g + b_g + h U_g), c = tanh(x W_c + b_c + r * (h U_c)), h' = h + a_t u (c - h). `input` is
    (3 H, D) in the order u, r, c with `bias` (3 H,); `state` is (3 H, H). `gate` (T columns) is a_t; None: one.
    """

    source: View
    input: F32
    bias: F32
    state: F32
    out: View
    gate: View | None = None


@dataclass(frozen=True, eq=False)
class Tanh:
    """A plain recurrence h' = tanh(x input^T + bias + h state^T) from zero; all states, or the last, as in `Gru`.

    input (H, D), bias (H,), state (H, H).
    """

    source: View
    input: F32
    bias: F32
    state: F32
    out: View


@dataclass(frozen=True)
class StepAttention:
    """out (T) = softmax over steps of states (T * H) . query (H)."""

    states: View
    query: View
    out: View


@dataclass(frozen=True)
class Softmax:
    """Softmax over each run of `width` columns of source, into out of the same width."""

    source: View
    width: int
    out: View


@dataclass(frozen=True)
class Score:
    """The item's score is the one column of source."""

    source: View


Op = (
    Dense
    | Bag
    | Fc
    | Add
    | Multiply
    | Mean
    | Click
    | DotPairs
    | Attention
    | Units
    | Gru
    | Tanh
    | StepAttention
    | Softmax
    | Score
)


@dataclass(frozen=True, eq=False)
class Program:
    """Buffers' widths and the operations in order; `inputs` names each input "dense" or "ids" with its width."""

    inputs: tuple[tuple[Literal["dense", "ids"], int], ...]
    buffers: tuple[int, ...]
    ops: tuple[Op, ...] = field(default=())
