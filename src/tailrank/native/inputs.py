"""What must hold of the inputs that a program is given before compiled code may trust them."""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.native.program import Bag, Program

__all__ = ["NativeInputs", "check_inputs"]

NativeInputs = tuple[NDArray[np.float32] | NDArray[np.int32] | NDArray[np.int64], ...]
"""One array per input of a program, in its order: (items, width) float32 if "dense", int32 or int64 if "ids"."""


def check_inputs(program: Program, inputs: NativeInputs) -> int:
    """Return how many items `inputs` hold; zero is a count.

    Raises `BadInputError` for another number of arrays, another shape, type or layout than `program` says, and for
    an id that names no row of the table it is looked up in.
    """
    if len(inputs) != len(program.inputs):
        kinds = ", ".join(f"{kind} ({width} wide)" for kind, width in program.inputs)
        raise BadInputError(f"{len(inputs)} inputs for a program of {len(program.inputs)}", hint=f"give {kinds}")
    items = len(inputs[0]) if inputs[0].ndim else 0
    for number, (array, (kind, width)) in enumerate(zip(inputs, program.inputs, strict=True)):
        accepted = ("float32",) if kind == "dense" else ("int32", "int64")
        if array.shape != (items, width) or str(array.dtype) not in accepted or not array.flags.c_contiguous:
            layout = "" if array.flags.c_contiguous else ", not C-contiguous"
            raise BadInputError(
                f"input {number} ({kind}) is {array.dtype} {array.shape}{layout}",
                hint=f"give {' or '.join(accepted)} ({items}, {width}), C-contiguous; input 0 sets the items",
            )
    for op in program.ops:
        if isinstance(op, Bag):
            _check_ids(op, cast(NDArray[np.int64], inputs[op.input]))
    return items


def _check_ids(op: Bag, ids: NDArray[np.int64]) -> None:
    """Check that the ids of `op` name rows of its table."""
    read, rows = ids[:, op.first : op.first + op.groups * op.pooling], len(op.table)
    if read.size and (read.min() < 0 or read.max() >= rows):
        item, column = (int(index) for index in np.argwhere((read < 0) | (read >= rows))[0])
        raise BadInputError(
            f"input {op.input}, item {item}, column {op.first + column}: id {read[item, column]} of a table of "
            f"{rows} rows",
            hint=f"ids start at 0 and end at {rows - 1}; they name rows of the merged table",
        )
