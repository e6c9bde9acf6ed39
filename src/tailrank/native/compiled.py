"""A program made ready to run: weights packed for this processor, one call a batch, the GIL released."""

from functools import singledispatch
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from tailrank.native.extension import core
from tailrank.native.inputs import NativeInputs
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
    Op,
    Precision,
    Program,
    Score,
    Softmax,
    StepAttention,
    Tanh,
    Units,
    View,
)
from tailrank.native.validate import check

__all__ = ["Compiled"]

Columns = tuple[int, int, int]


@final
class Compiled:
    """`program` on this processor. Threads may share one: each call borrows scratch memory of its own.

    `precision` "fp32" reads tables where they lie; "bf16" and "int8" copy them in that form (int8: a scale per row)
    and hold fully connected layers in bf16, with sums in fp32. What reads a history computes in fp32 always. `path` is
    an instruction set of `paths()` (None: the fastest, or the one TAILRANK_NATIVE names), `tile` how many items go
    through all layers together, and `ahead` how many rows are fetched before their turn (0: chosen by size).

    Raises `BadInputError` for a program that is not well formed, `SetupError` where the extension was not built.
    """

    def __init__(
        self, program: Program, precision: Precision = "fp32", *, path: str | None = None, tile: int = 0, ahead: int = 0
    ) -> None:
        native = core()
        check(program)
        self.precision: Precision = precision
        self._run = native.Program(list(program.inputs), list(program.buffers), precision, path or "", ahead)
        tables: dict[int, int] = {}
        for op in program.ops:
            if isinstance(op, Bag) and id(op.table) not in tables:
                tables[id(op.table)] = self._run.table(op.table)
            _build(op, self._run, tables)
        self._run.finish(tile)

    def __call__(self, inputs: NativeInputs) -> NDArray[np.float32]:
        """Return the score of every item; raises `BadInputError` for wrong shapes or types, or an id that is no row."""
        scores: NDArray[np.float32] = self._run(inputs)
        return scores

    def bind(self, inputs: NativeInputs) -> Any:
        """Return a scorer over prepared candidates, for the native pool; it keeps `inputs` alive."""
        return self._run.bind(inputs)

    @property
    def path(self) -> str:
        """The instruction set that runs."""
        return str(self._run.path)

    @property
    def tile(self) -> int:
        """How many items go through all layers together."""
        return int(self._run.tile)

    @property
    def own_bytes(self) -> int:
        """Memory taken beside the module's own: packed layers, and tables in a reduced precision."""
        return int(self._run.weight_bytes + self._run.own_table_bytes)


def _columns(view: View) -> Columns:
    return (view.buffer, view.column, view.width)


@singledispatch
def _build(op: Op, to: Any, tables: dict[int, int]) -> None:  # noqa: ARG001 - what the others take
    """Append `op` to the native program."""
    raise TypeError(f"no native operation for {type(op).__name__}")


@_build.register
def _(op: Dense, to: Any, _: dict[int, int]) -> None:
    to.dense(op.input, _columns(op.out))


@_build.register
def _(op: Bag, to: Any, tables: dict[int, int]) -> None:
    to.bag(op.input, op.first, op.groups, op.pooling, tables[id(op.table)], _columns(op.out))


@_build.register
def _(op: Fc, to: Any, _: dict[int, int]) -> None:
    layer, source, out = op.layer, _columns(op.source), _columns(op.out)
    to.fc(source, layer.weight, layer.bias, out, op.after, op.repeat, op.accumulate)


@_build.register
def _(op: Add, to: Any, _: dict[int, int]) -> None:
    to.combine(_columns(op.left), _columns(op.right), _columns(op.out), False, op.after)


@_build.register
def _(op: Multiply, to: Any, _: dict[int, int]) -> None:
    to.combine(_columns(op.left), _columns(op.right), _columns(op.out), True, "none")


@_build.register
def _(op: Mean, to: Any, _: dict[int, int]) -> None:
    to.mean(_columns(op.source), _columns(op.out))


@_build.register
def _(op: Click, to: Any, _: dict[int, int]) -> None:
    to.click(_columns(op.source), _columns(op.out))


@_build.register
def _(op: DotPairs, to: Any, _: dict[int, int]) -> None:
    to.dot_pairs(_columns(op.source), op.dim, _columns(op.out))


@_build.register
def _(op: Attention, to: Any, _: dict[int, int]) -> None:
    weights = (op.history, op.product, op.ad_weight, op.bias, op.out_weight, op.out_bias, op.slope)
    to.attention(_columns(op.steps), _columns(op.ad), *weights, _columns(op.out))


@_build.register
def _(op: Units, to: Any, _: dict[int, int]) -> None:
    weights = (op.first, op.first_bias, op.second, op.second_bias)
    to.units(_columns(op.users), _columns(op.ad), *weights, _columns(op.out))


@_build.register
def _(op: Gru, to: Any, _: dict[int, int]) -> None:
    gate = _columns(op.gate) if op.gate is not None else None
    to.gru(_columns(op.source), op.input, op.bias, op.state, gate, _columns(op.out))


@_build.register
def _(op: Tanh, to: Any, _: dict[int, int]) -> None:
    to.tanh(_columns(op.source), op.input, op.bias, op.state, _columns(op.out))


@_build.register
def _(op: StepAttention, to: Any, _: dict[int, int]) -> None:
    to.step_attention(_columns(op.states), _columns(op.query), _columns(op.out))


@_build.register
def _(op: Softmax, to: Any, _: dict[int, int]) -> None:
    to.softmax(_columns(op.source), op.width, _columns(op.out))


@_build.register
def _(op: Score, to: Any, _: dict[int, int]) -> None:
    to.score(_columns(op.source))
