"""Traces of accesses: keys from a file, or rows of several tables, numbered from 0."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tailrank.core import BadInputError
from tailrank.workload.text import read_bytes

__all__ = ["Numbered", "number", "read_keys"]

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

LONGEST = 2**31 - 1


class Numbered(NamedTuple):
    """Accesses in order of time: `ids` int32 (n,) from 0 to `rows` - 1, in order of first appearance."""

    ids: I32
    rows: int


def read_keys(path: str, dtype: str) -> I64:
    """Return the keys in the file at `path`, plain or packed (.xz .gz .bz2), whose integers are of NumPy's `dtype`.

    int64 (n,). Raises `BadInputError` for a file that cannot be read, holds no whole number of keys or none at all, and
    for a `dtype` that is no integer.
    """
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind.kind not in "iu":
        raise BadInputError(
            f"`{dtype}` is no type of whole numbers", hint="such as >i8 (big-endian, 8 bytes), <u4 (little-endian, 4)"
        )
    data = read_bytes(path)
    if len(data) == 0 or len(data) % kind.itemsize:
        raise BadInputError(
            f"{path}: {len(data)} bytes are not a whole number of {kind.itemsize}-byte keys, or none",
            hint="give the type that the trace was written with as --dtype",
        )
    keys = np.frombuffer(data, kind).astype(kind.newbyteorder("="))
    return keys.view(np.int64) if kind == np.uint64 else keys.astype(np.int64)


def number(keys: NDArray[np.integer]) -> Numbered:
    """Number `keys` (n,), any integers, from 0 in order of first appearance."""
    from tailrank.accelerator.memory import kernels

    if keys.ndim != 1 or keys.dtype.kind not in "iu" or not 0 < len(keys) <= LONGEST:
        raise BadInputError(
            f"a trace is one row of keys, not {keys.dtype} of shape {keys.shape}", hint="give integers, at least one"
        )
    ids = np.empty(len(keys), np.int32)
    return Numbered(ids, kernels.number(np.ascontiguousarray(keys, np.int64), ids))
