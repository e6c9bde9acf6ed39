"""How a batch lies in memory: all inputs of a batch in one block, so that one copy moves it."""

from dataclasses import dataclass
from math import prod
from typing import final

import torch
from torch import Tensor

from tailrank.models.inputs import Inputs

__all__ = ["Layout", "buckets"]

_ALIGNED = 256  # bytes; what a device reads best, and a multiple of every element's size


def buckets(largest: int) -> tuple[int, ...]:
    """Return the batch sizes to record: powers of two and the points half way, up to the first that holds `largest`.

    A batch is padded to the next, so at most half again as many items are scored; on average an eighth or so.
    """
    if largest < 1:
        raise ValueError(f"a batch has at least one item, not {largest}")
    sizes, power = [1], 2
    while sizes[-1] < largest:
        sizes.append(power)
        if power < largest:
            sizes.append(power + power // 2)
        power *= 2
    return tuple(sizes)


@final
@dataclass(frozen=True)
class Layout:
    """The shape of one item of each input, and its type. Blocks are uint8 tensors; floats and ids keep their types."""

    parts: tuple[tuple[tuple[int, ...], torch.dtype], ...]

    @staticmethod
    def of(inputs: Inputs) -> "Layout":
        """Return the layout of batches like `inputs`."""
        return Layout(tuple((tuple(tensor.shape[1:]), tensor.dtype) for tensor in inputs))

    def size_bytes(self, rows: int) -> int:
        """Bytes of a block of `rows` items."""
        return sum(_padded(rows * self._row_bytes(number)) for number in range(len(self.parts)))

    def views(self, block: Tensor, rows: int) -> Inputs:
        """Return the inputs of `rows` items as views of the front of `block` (bytes,)."""
        views, at = [], 0
        for number, (shape, dtype) in enumerate(self.parts):
            size = rows * self._row_bytes(number)
            views.append(block[at : at + size].view(dtype).view(rows, *shape))
            at += _padded(size)
        return tuple(views)

    def _row_bytes(self, number: int) -> int:
        shape, dtype = self.parts[number]
        return prod(shape) * dtype.itemsize


def _padded(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED
