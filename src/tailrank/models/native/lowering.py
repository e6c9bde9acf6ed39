"""A program in the making: buffers, and the operations that most networks share."""

from itertools import accumulate
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tailrank.models.layers import Lookup, Mlp
from tailrank.native import Program
from tailrank.native.program import Activation, Bag, Click, Dense, Fc, Layer, Mean, Op, Score, View
from tailrank.zoo import Network

__all__ = ["Lowering", "array", "lookup_width"]

F32 = NDArray[np.float32]


def lookup_width(lookup: Lookup) -> int:
    """Return how many columns the rows of `lookup` take."""
    return lookup.tables * lookup.dim * (lookup.pooling if lookup.sequence else 1)


def array(weight: Tensor) -> F32:
    """Return `weight` as a C-contiguous array: itself where it is one already."""
    return np.ascontiguousarray(weight.detach().cpu().numpy())


class Lowering:
    """A program in the making."""

    def __init__(self, network: Network) -> None:
        groups = {name: [table for table in network.tables if table.group == name] for name in network.groups}
        dense: list[tuple[Literal["dense", "ids"], int]] = [("dense", network.dense)] if network.dense else []
        self.inputs = [*dense, *(("ids", sum(table.pooling for table in group)) for group in groups.values())]
        self.input_of = {name: number + len(dense) for number, name in enumerate(groups)}
        self.buffers: list[int] = []
        self.ops: list[Op] = []

    def buffer(self, *widths: int) -> tuple[View, ...]:
        """Return a new buffer with parts of `widths`: the whole, then each part."""
        number, total = len(self.buffers), sum(widths)
        self.buffers.append(total)
        starts = accumulate(widths, initial=0)
        parts = (View(number, start, width) for start, width in zip(starts, widths, strict=False))
        return (View(number, 0, total), *parts)

    def program(self, score: View) -> Program:
        """Return what was lowered, with `score` for the score."""
        return Program(tuple(self.inputs), tuple(self.buffers), (*self.ops, Score(score)))

    def dense(self, out: View | None = None) -> View:
        """Copy the dense inputs, into a buffer of their own unless `out` says where."""
        out = out or self.buffer(self.inputs[0][1])[0]
        self.ops.append(Dense(0, out))
        return out

    def lookup(self, lookup: Lookup, group: str, out: View | None = None) -> View:
        """Look up `group`: its pooled rows side by side, or every row of a sequence."""
        groups, pooling = lookup.tables, lookup.pooling
        if lookup.sequence:
            groups, pooling = groups * pooling, 1
        return self.bag(lookup.weight, group, groups, pooling, out)

    def bag(self, table: Tensor, group: str, groups: int, pooling: int, out: View | None = None) -> View:
        """Sum the rows that each run of `pooling` ids names."""
        out = out or self.buffer(groups * table.shape[1])[0]
        self.ops.append(Bag(self.input_of[group], 0, groups, pooling, array(table), out))
        return out

    def hidden(self, mlp: Mlp) -> list[View]:
        """Return a buffer for the outputs of every layer of `mlp` but the last."""
        return [self.buffer(len(bias))[0] for bias in list(mlp.biases)[:-1]]

    def chain(
        self,
        mlp: Mlp,
        source: View,
        out: View | None = None,
        *,
        hidden: list[View] | None = None,
        columns: NDArray[np.int64] | None = None,
    ) -> View:
        """Run `mlp`. `hidden` are buffers to use again; `columns` are what `source` holds, as `mlp` numbers them."""
        out = out or self.buffer(len(mlp.biases[-1]))[0]
        outs = [*(self.hidden(mlp) if hidden is None else hidden), out]
        weights = [array(weight) for weight in mlp.weights]
        if columns is not None:
            weights[0] = np.ascontiguousarray(weights[0][:, columns])
        afters: list[Activation] = ["relu"] * len(outs)
        afters[-1] = cast(Activation, mlp.last)
        for weight, bias, into, after in zip(weights, mlp.biases, outs, afters, strict=True):
            self.ops.append(Fc(source, Layer(weight, array(bias)), into, after))
            source = into
        return out

    def mean(self, source: View) -> View:
        """Return the mean of the columns of `source`, which is itself where it has one."""
        if source.width == 1:
            return source
        out, _ = self.buffer(1)
        self.ops.append(Mean(source, out))
        return out

    def click(self, logits: View) -> View:
        """Return the second of the softmax of two logits."""
        out, _ = self.buffer(1)
        self.ops.append(Click(logits, out))
        return out

    def towers(self, towers: nn.ModuleList, source: View) -> View:
        """Run every tower over `source`, taking turns in the same hidden buffers; return all outputs, side by side."""
        mlps = [cast(Mlp, tower) for tower in towers]
        whole, *outs = self.buffer(*(len(mlp.biases[-1]) for mlp in mlps))
        hidden = self.hidden(mlps[0])
        for mlp, out in zip(mlps, outs, strict=True):
            self.chain(mlp, source, out, hidden=hidden)
        return whole
