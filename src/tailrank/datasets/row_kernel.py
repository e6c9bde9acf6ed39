"""The compiled parser of `rows`: bytes and integers only."""

import numpy as np
from numpy.typing import NDArray

from tailrank.core.jit import compiled

__all__ = ["parse_lines"]

I8 = NDArray[np.int8]
U8 = NDArray[np.uint8]
I64 = NDArray[np.int64]

NEWLINE, RETURN, MINUS, POINT, ZERO, NINE = 10, 13, 45, 46, 48, 57
LOWER, A, F = 32, 97, 102
SKIP, DECIMAL, HEX = 0, 2, 3
PLACES = 3  # of a decimal
MOST_DIGITS, MOST_HEX_DIGITS = 15, 8
MISSING = -(2**62)
FIELDS_WRONG, FIELD_BAD = 1, 16


@compiled
def _decimal(buffer: U8, at: int, stop: int, places: int) -> tuple[int, bool]:
    """The number in bytes `at` to `stop` - 1, times 10 to the power of `places`, and whether it is one."""
    negative = at < stop and buffer[at] == MINUS
    if negative:
        at += 1
    value, digits, after_point = 0, 0, -1
    while at < stop:
        byte = buffer[at]
        if ZERO <= byte <= NINE:
            digits += 1
            if after_point < places:
                value = value * 10 + (byte - ZERO)
                after_point += after_point >= 0
        elif byte == POINT and places > 0 and after_point < 0:
            after_point = 0
        else:
            return 0, False
        at += 1
    for _ in range(places - max(after_point, 0)):
        value *= 10
    return (-value if negative else value), 0 < digits <= MOST_DIGITS


@compiled
def _hexadecimal(buffer: U8, at: int, stop: int) -> tuple[int, bool]:
    """The number of at most eight hexadecimal digits in bytes `at` to `stop` - 1, and whether it is one."""
    value, digits = 0, stop - at
    while at < stop:
        byte = buffer[at]
        if ZERO <= byte <= NINE:
            value = value * 16 + (byte - ZERO)
        elif A <= (byte | LOWER) <= F:
            value = value * 16 + (byte | LOWER) - A + 10
        else:
            return 0, False
        at += 1
    return value, 0 < digits <= MOST_HEX_DIGITS


@compiled
def _field_end(buffer: U8, at: int, end: int, separator: U8) -> int:
    """Where the field that begins at `at` ends: at the next separator or the line's `end`, a newline or return."""
    last = len(separator) - 1
    while at < end and not (buffer[at] == separator[0] and buffer[at + last] == separator[last]):
        at += 1
    return at


@compiled
def _row(
    buffer: U8,
    at: int,
    end: int,
    separator: U8,
    kinds: I8,
    empty: NDArray[np.bool_],
    target: I64,
    out: I64,
) -> int:
    """Parse the line in bytes `at` to `end` - 1 into `out`, and return its status."""
    bad, seen = 0, 0
    while True:
        stop = _field_end(buffer, at, end, separator)
        if seen < len(kinds) and kinds[seen] != SKIP:
            column = target[seen]
            if at == stop and empty[seen]:
                value, sound = MISSING, True
            elif kinds[seen] == HEX:
                value, sound = _hexadecimal(buffer, at, stop)
            else:
                value, sound = _decimal(buffer, at, stop, PLACES if kinds[seen] == DECIMAL else 0)
            out[column] = value
            if not sound and bad == 0:
                bad = FIELD_BAD + column
        seen += 1
        if stop >= end:
            return bad if seen == len(kinds) else FIELDS_WRONG
        at = stop + len(separator)


@compiled
def parse_lines(
    buffer: U8,
    separator: U8,
    kinds: I8,
    empty: NDArray[np.bool_],
    target: I64,
    values: I64,
    number: I64,
    status: NDArray[np.int16],
) -> int:
    """Fill `values`, line `number` (from 0) and `status` with the rows in `buffer`; return how many there are.

    Field f, of `kinds[f]`, goes to column `target[f]`. `buffer` ends with a newline; empty lines are no rows.
    """
    at, rows, line = 0, 0, 0
    while at < len(buffer):
        after = at
        while buffer[after] != NEWLINE:
            after += 1
        end = after - 1 if after > at and buffer[after - 1] == RETURN else after
        if end > at:
            status[rows] = _row(buffer, at, end, separator, kinds, empty, target, values[rows])
            number[rows] = line
            rows += 1
        line, at = line + 1, after + 1
    return rows
