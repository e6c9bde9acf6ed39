"""Lowering: a network's torch module becomes a `Program` of the same scores; tables are shared, never copied.

A concatenation is one buffer into whose columns its parts are written.
"""

from functools import singledispatch

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tailrank.core import BadInputError
from tailrank.models.artifact import DeepOnly, DienOfArtifact, DinOfArtifact, NcfOfArtifact, SharedTrunk
from tailrank.models.interest import SLOPE, Dien, Din, Recurrence
from tailrank.models.layers import Dot, Lookup
from tailrank.models.native.lowering import Lowering, array, lookup_width
from tailrank.models.ranking import Dlrm, NeuMf, NeuMfApart, WideAndDeep
from tailrank.native import Program
from tailrank.native.program import (
    Add,
    Attention,
    DotPairs,
    Fc,
    Gru,
    Layer,
    Multiply,
    Softmax,
    StepAttention,
    Tanh,
    Units,
    View,
)
from tailrank.zoo import Network

__all__ = ["lower"]


def lower(module: nn.Module, network: Network) -> Program:
    """Return the program of `module`, which `network` describes; its inputs are those of `draw_inputs`, in order.

    Weights are read where `module` keeps them: one that is trained on changes the program's tables. Raises
    `BadInputError` for a module that is none of the zoo's.
    """
    to = Lowering(network)
    return to.program(_lower(module, to))


@singledispatch
def _lower(module: nn.Module, _: Lowering) -> View:
    """Append the operations of `module` and return the column of the score."""
    raise BadInputError(
        f"no native program for a {type(module).__name__}", hint="networks of the zoo have one; run others in torch"
    )


@_lower.register
def _dlrm(module: Dlrm, to: Lowering) -> View:
    if isinstance(module.interaction, Dot):
        return _dlrm_of_pairs(module, to)
    whole, bottom, rows = to.buffer(len(module.bottom.biases[-1]), lookup_width(module.lookup))
    to.chain(module.bottom, to.dense(), bottom)
    to.lookup(module.lookup, "features", rows)
    return to.chain(module.top, whole)


def _dlrm_of_pairs(module: Dlrm, to: Lowering) -> View:
    """Lower DLRM with the `dot` interaction.

    The dense vector is written after the tables' and before the pairs, so that it joins both without a copy; the top
    chain's columns follow the pairs, which are then numbered otherwise.
    """
    tables, dim = module.lookup.tables, module.lookup.dim
    _, rows, bottom, pairs = to.buffer(tables * dim, dim, (tables + 1) * tables // 2)
    to.chain(module.bottom, to.dense(), bottom)
    to.lookup(module.lookup, "features", rows)
    to.ops.append(DotPairs(View(rows.buffer, 0, rows.width + dim), dim, pairs))
    columns = np.concatenate([np.arange(dim), dim + _pairs_dense_last(tables)])
    return to.chain(module.top, View(bottom.buffer, bottom.column, dim + pairs.width), columns=columns)


def _pairs_dense_last(tables: int) -> NDArray[np.int64]:
    """Return the number `Dot` gives each pair, in the order of pairs when the dense vector, its 0, comes last."""
    vector = np.roll(np.arange(tables + 1), -1)  # 1, 2, ..., tables, 0
    one, other = (vector[index] for index in np.tril_indices(tables + 1, k=-1))
    i, j = np.maximum(one, other), np.minimum(one, other)
    return np.asarray(i * (i - 1) // 2 + j)


def _two_and_two(module: NeuMf | NcfOfArtifact, to: Lowering) -> tuple[View, View, View, View]:
    """Look up four vectors; return the first, the second, the columns for their product or sum, and head's source."""
    dim = module.lookup.dim
    _, one, other, deep = to.buffer(dim, dim, 2 * dim)
    to.lookup(module.lookup, "features", View(one.buffer, 0, 4 * dim))
    whole, factors, last = to.buffer(dim, len(module.mlp.biases[-1]))
    to.chain(module.mlp, deep, last)
    return one, other, factors, whole


@_lower.register
def _ncf(module: NeuMf, to: Lowering) -> View:
    users, items, factors, whole = _two_and_two(module, to)
    to.ops.append(Multiply(users, items, factors))
    return to.chain(module.head, whole)


@_lower.register
def _ncf_of_two_dims(module: NeuMfApart, to: Lowering) -> View:
    dim = module.factors.dim
    vectors, users, items = to.buffer(dim, dim)
    to.lookup(module.factors, "mf", vectors)
    whole, factors, last = to.buffer(dim, len(module.mlp.biases[-1]))
    to.ops.append(Multiply(users, items, factors))
    to.chain(module.mlp, to.lookup(module.lookup, "mlp"), last)
    return to.chain(module.head, whole)


@_lower.register
def _ncf_of_artifact(module: NcfOfArtifact, to: Lowering) -> View:
    one, other, factors, whole = _two_and_two(module, to)
    to.ops.append(Add(one, other, factors))
    return to.mean(to.chain(module.head, whole))


def _dense_and_rows(lookup: Lookup, group: str, to: Lowering) -> tuple[View, View]:
    """Return the concatenation of dense inputs and pooled rows, and the dense columns of it."""
    whole, dense, rows = to.buffer(to.inputs[0][1], lookup_width(lookup))
    to.dense(dense)
    to.lookup(lookup, group, rows)
    return whole, dense


@_lower.register
def _wide_and_deep(module: WideAndDeep, to: Lowering) -> View:
    shared, dense = _dense_and_rows(module.deep, "deep", to)
    logits = to.towers(module.towers, shared)
    to.ops.append(Fc(dense, Layer(array(module.wide_dense.weight.t())), logits, accumulate=True))
    _, ids = to.inputs[to.input_of["wide"]]
    wide = to.bag(module.wide.weight, "wide", 1, ids)
    probabilities, _ = to.buffer(logits.width)
    to.ops.append(Add(logits, wide, probabilities, "sigmoid"))
    return to.mean(probabilities)


@_lower.register
def _deep_only(module: DeepOnly, to: Lowering) -> View:
    return to.chain(module.top, _dense_and_rows(module.lookup, "features", to)[0])


@_lower.register
def _shared_trunk(module: SharedTrunk, to: Lowering) -> View:
    trunk = to.chain(module.trunk, _dense_and_rows(module.lookup, "features", to)[0])
    return to.mean(to.towers(module.towers, trunk))


def _features(lookup: Lookup, interest: int, to: Lowering) -> tuple[View, View, View]:
    """Look up profile, ad and context; return the concatenation with an interest, the ad, and the interest's place."""
    rows = lookup_width(lookup)
    whole, features, out = to.buffer(rows, interest)
    to.lookup(lookup, "features", features)
    return whole, View(whole.buffer, lookup.dim, lookup.dim), out


@_lower.register
def _din(module: Din, to: Lowering) -> View:
    unit = module.attention
    whole, ad, interest = _features(module.features, unit.history.shape[0], to)
    steps = to.lookup(module.history, "history")
    attention = Attention(
        steps=steps,
        ad=ad,
        history=array(unit.history),
        product=array(unit.product),
        ad_weight=array(unit.ad),
        bias=array(unit.bias),
        out_weight=array(unit.out[0]),
        out_bias=unit.out_bias.item(),
        slope=SLOPE,
        out=interest,
    )
    to.ops.append(attention)
    return to.click(to.chain(module.top, whole))


@_lower.register
def _din_of_artifact(module: DinOfArtifact, to: Lowering) -> View:
    units = module.attention
    whole, ad, interest = _features(module.features, units.second.shape[2], to)
    users = to.lookup(module.history, "history")
    first, first_bias = array(units.first[:, :, 0]), array(units.first_bias[:, 0, 0])
    second, second_bias = array(units.second[:, 0]), array(units.second_bias[:, 0])
    to.ops.append(Units(users, ad, first, first_bias, second, second_bias, interest))
    return to.click(to.chain(module.top, whole))


def _gru(unit: Recurrence, source: View, out: View, gate: View | None = None) -> Gru:
    """Return the operation of `unit`; its parts join in the order update, reset, candidate."""
    weight = np.concatenate([array(unit.gate_input), array(unit.new_input)])
    bias = np.concatenate([array(unit.gate_bias), array(unit.new_bias)])
    state = np.concatenate([array(unit.gate_state.t()), array(unit.new_state.t())])
    return Gru(source, weight, bias, state, out, gate)


@_lower.register
def _dien(module: Dien, to: Lowering) -> View:
    whole, ad, interest = _features(module.features, module.evolution.width, to)
    history = to.lookup(module.history, "history")
    steps = history.width // module.history.dim
    states, _ = to.buffer(steps * module.interests.width)
    to.ops.append(_gru(module.interests, history, states))
    query, _ = to.buffer(module.interests.width)
    to.ops.append(Fc(ad, Layer(array(module.attention.weight)), query))
    gate, _ = to.buffer(steps)
    to.ops.append(StepAttention(states, query, gate))
    to.ops.append(_gru(module.evolution, states, interest, gate))
    return to.click(to.chain(module.top, whole))


@_lower.register
def _dien_of_artifact(module: DienOfArtifact, to: Lowering) -> View:
    first, discarded, second = module.first, module.attention, module.second
    whole, _, interest = _features(module.features, second.state.shape[0], to)
    history = to.lookup(module.history, "history")
    steps, width = history.width // module.history.dim, first.state.shape[0]
    states, _ = to.buffer(steps * width)
    to.ops.append(Tanh(history, array(first.weight), array(first.bias), array(first.state.t()), states))
    layer = Layer(array(discarded.weight), array(discarded.bias))
    logits, _ = to.buffer(steps * width)
    unread, _ = to.buffer(steps * width)  # the artifact computes it and adds it with weight zero
    to.ops += [Fc(states, layer, logits, repeat=steps), Softmax(logits, width, unread)]
    to.ops.append(Tanh(states, array(second.weight), array(second.bias), array(second.state.t()), interest))
    return to.click(to.chain(module.top, whole))
