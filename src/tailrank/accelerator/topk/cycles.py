"""How many cycles the filter unit takes for a batch of scores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tailrank.accelerator.topk.unit import FilterUnit
from tailrank.core import BadInputError

if TYPE_CHECKING:
    from tailrank.accelerator.topk.select import Selection

__all__ = ["FilterCycles", "filter_cycles", "selection_cycles"]

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class FilterCycles:
    """Cycles of a batch: its scores `stream` in, the lanes' counts are added up, bins walked, buffers read.

    The scores come from the array; where it gives no more than `lanes` a cycle, streaming hides behind it and only
    `after_last` shows. The artifact counts only streaming.
    """

    stream: int
    merge: int
    scan: int
    drain: int

    @property
    def after_last(self) -> int:
        """Cycles from the last score to the last that goes on."""
        return self.merge + self.scan + self.drain

    @property
    def total(self) -> int:
        """All cycles."""
        return self.stream + self.after_last

    @property
    def interval(self) -> int:
        """Cycles between batches when there are two sets of counters and buffers, taken in turns."""
        return max(self.stream, self.after_last)


def filter_cycles(
    unit: FilterUnit, items: int, *, walked: int | None = None, deepest: int | None = None
) -> FilterCycles:
    """Return the cycles of a batch of `items` scores; absent `walked` and `deepest`: the most there can be.

    A lane takes a score a cycle, and reads an entry of its buffer a cycle. The bin of each lane goes through a tree of
    adders, in which every level takes a cycle, and then a bin is walked a cycle.
    """
    if items < 1:
        raise BadInputError(f"a batch of {items} scores", hint="give at least 1")
    entries = -(-min(items, unit.buffer or items) // unit.lanes) if deepest is None else deepest
    return FilterCycles(
        stream=-(-items // unit.lanes),
        merge=(unit.lanes - 1).bit_length(),
        scan=unit.bins if walked is None else walked,
        drain=entries,
    )


def selection_cycles(unit: FilterUnit, found: "Selection") -> I64:
    """Return the cycles of each query, (Q,), its batches one after the other."""
    items = np.diff(found.begin)
    fixed = (unit.lanes - 1).bit_length()
    each = -(-items // unit.lanes) + fixed + found.walked + found.deepest
    cycles: I64 = np.add.reduceat(each, found.queries[:-1])
    return cycles
