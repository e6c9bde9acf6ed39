"""Formulas of the policies beyond the paper: whole numbers in, whole numbers out, no state, no clock.

Plain enough that the compiled kernel compiles these very functions.
"""

__all__ = ["finish_in_ns", "remaining_ns", "slice_size"]


def slice_size(size: int, most: int, least: int, idle: int) -> int:
    """Return the slice size that gives each of `idle` workers a part of `size` candidates.

    It lies between `least` and `most` (`most` wins); nobody idle: `most`, since work waits anyway and large batches
    get it done with less time in all.
    """
    if idle <= 0:
        return most
    return min(most, max(least, (size + idle - 1) // idle))


def finish_in_ns(work_ns: int, idle: int, workers: int, slices: int, slice_ns: int, whole_ns: int) -> int:
    """Return in how long a query's slices should be done: `slices` of at most `slice_ns` each, `whole_ns` in all.

    `work_ns` is the expected work that the pool has before them, waiting and in hand. Where every slice finds an idle
    worker, that is one slice. Otherwise the workers share all work evenly, and the last slice ends half a slice after
    the average worker (they end at different times, spread evenly); with one worker this is exact.
    """
    if slices <= idle:
        return slice_ns
    return max(slice_ns, (work_ns + whole_ns) // workers + slice_ns * (workers - 1) // (2 * workers))


def remaining_ns(expected_ns: int, elapsed_ns: int) -> int:
    """Return what is left of a batch in hand: none once it is overdue, all of it before it starts."""
    return min(expected_ns, max(0, expected_ns - elapsed_ns))
