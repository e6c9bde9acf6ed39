"""Scatter: a fixed shuffle of the rows of a table that needs no memory."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["scatter"]

U64 = NDArray[np.uint64]


def scatter(rank: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Return where each `rank` in [0, rows) lies in a fixed permutation of the rows; any shape.

    Popular rows of a real table are not neighbours, so ranks of popularity must not be row numbers. Each step
    (xor with the high bits, odd multiplier, modulo the next power of two) can be undone; ranks that land
    beyond `rows` walk on until they are inside, which keeps the map one to one.
    """
    bits = max(int(rows - 1).bit_length(), 1)
    flat = rank.reshape(-1).astype(np.uint64)
    out = _mix(flat, bits)
    outside = np.flatnonzero(out >= rows)
    while len(outside):
        out[outside] = _mix(out[outside], bits)
        outside = outside[out[outside] >= rows]
    return out.astype(np.int64).reshape(rank.shape)


def _mix(values: U64, bits: int) -> U64:
    mask = np.uint64((1 << bits) - 1)
    half = np.uint64(max(bits // 2, 1))
    for odd in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9):
        values = (values * np.uint64(odd) + np.uint64(odd >> 7)) & mask
        values = values ^ (values >> half)
    return values
