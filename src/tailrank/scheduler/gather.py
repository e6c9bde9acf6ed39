"""Gather: which waiting slices make the next batch, and from when on it may leave."""

from collections.abc import Iterable

__all__ = ["FOREVER_NS", "gather"]

FOREVER_NS = 1 << 62


def gather(waiting: Iterable[tuple[int, int, int]], limit: int, wait_ns: int) -> tuple[int, int]:
    """Return how many slices from the head of a queue make its next batch, and the instant from which it may leave.

    `waiting` are (stage, size, queued_ns), oldest first, at least one. Slices of one stage join as long as they are
    at most `limit` candidates together; the first joins whatever its size. The batch leaves when it cannot grow
    any more (it is full, or the next slice is of another stage or too large), at the latest `wait_ns` after its oldest
    slice was queued.
    """
    slices = iter(waiting)
    stage, items, oldest_ns = next(slices)
    count, newest_ns, complete_ns = 1, oldest_ns, oldest_ns if items >= limit else FOREVER_NS
    while complete_ns == FOREVER_NS and (following := next(slices, None)) is not None:
        next_stage, size, queued_ns = following
        if next_stage != stage or items + size > limit:
            complete_ns = queued_ns
            break
        count, items, newest_ns = count + 1, items + size, queued_ns
        if items == limit:
            complete_ns = queued_ns
    return count, max(newest_ns, min(oldest_ns + wait_ns, complete_ns))
