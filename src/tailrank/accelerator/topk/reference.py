"""The filter unit one score at a time: bit by bit what it does, and slow. `select` gives the same."""

from collections.abc import Sequence
from typing import NamedTuple

from tailrank.accelerator.topk.unit import RTL_OFFSET_BITS, FilterUnit

__all__ = ["Passed", "reference"]


class Passed(NamedTuple):
    """What one batch leaves: `positions` that go on, in order of arrival; and what it took to find them.

    `buffered` scores were kept until the walk, `lost` found the buffer full, `walked` bins were looked at, and the
    fullest lane had `deepest` entries. `edge` is the lower edge of the last bin walked.
    """

    positions: list[int]
    buffered: int
    lost: int
    walked: int
    deepest: int
    edge: int


def reference(unit: FilterUnit, codes: Sequence[int], keep: int, threshold: int | None = None) -> Passed:
    """Return what `unit` lets go on of a batch of `codes`, each from 0 to `unit.codes` - 1, asked for `keep`.

    `threshold` is that of a later sub-batch: `unit.next_threshold` of the `edge` before. Absent: the unit's own.
    """
    least = threshold if threshold is not None else -1 if unit.threshold is None else unit.threshold
    counts, buffer, depth, lost = [0] * unit.bins, [], [0] * unit.lanes, 0
    room = len(codes) if unit.buffer is None else unit.buffer
    for position, code in enumerate(codes):
        number = code >> unit.shift
        if number < unit.bins:
            counts[number] += 1
        if code <= least:
            continue
        if sum(depth) == room:
            lost += 1
            continue
        offset = position % (1 << RTL_OFFSET_BITS) if unit.faults.short_offset else position
        buffer.append((code, offset))
        depth[position % unit.lanes] += 1
    edge, walked, above = _walk(unit, counts, keep)
    if unit.faults.one_register:
        buffer = buffer[-1:]
    going = [entry for entry in buffer if _above(unit, *entry, edge)]
    return Passed(_cut(unit, going, edge, keep, above), sum(depth), lost, walked, max(depth), edge)


def _walk(unit: FilterUnit, counts: list[int], keep: int) -> tuple[int, int, int]:
    """Return the lower edge of the bin in which `keep` scores are reached, bins walked, and scores above that bin."""
    if keep == 0:
        return unit.bins << unit.shift, 0, 0
    order = list(range(unit.bins - 1, -1, -1))
    if unit.faults.wrapped_scan:
        order = [0, *order[:-1]]
    seen = 0
    for walked, number in enumerate(order, 1):
        if seen + counts[number] >= keep:
            return number << unit.shift, walked, seen
        seen += counts[number]
    return 0, unit.bins, seen


def _above(unit: FilterUnit, code: int, offset: int, edge: int) -> bool:
    if unit.faults.narrow_compare:
        return (code << RTL_OFFSET_BITS | offset % (1 << RTL_OFFSET_BITS)) > edge
    return code > edge if unit.faults.strict_edge else code >= edge


def _cut(unit: FilterUnit, going: list[tuple[int, int]], edge: int, keep: int, above: int) -> list[int]:
    """Return the positions that go on when there are more than `keep`, as `excess` says."""
    if unit.excess == "first":
        return [offset for _, offset in going[:keep]]
    if unit.excess == "pass":
        return [offset for _, offset in going]
    kept, left = [], max(0, keep - above)
    for code, offset in going:
        if code >> unit.shift > edge >> unit.shift:
            kept.append(offset)
        elif left:
            kept.append(offset)
            left -= 1
    return kept
