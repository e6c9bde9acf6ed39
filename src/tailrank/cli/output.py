"""What verbs print to stdout: aligned plain text for people, one JSON document for programs."""

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["pairs", "print_json", "significant", "table"]


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned plain text, two spaces between columns; numbers to the right, `None` as "-"."""
    body = list(rows)
    cells = [[_cell(value) for value in row] for row in body]
    right = [all(_is_number(row[column]) for row in body) for column in range(len(header))]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [list(header), *cells]
    )


def pairs(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """Return a titled block of "name  value" lines, names aligned."""
    lines = list(rows)
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {_cell(value)}".rstrip() for name, value in lines)])


def significant(value: float | None, digits: int = 3) -> str:
    """Return `value` with `digits` significant digits and no exponent ("1240", "0.0312"); "-" when not a number."""
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return f"{value:.{decimals}f}"


def print_json(document: Any) -> None:
    """Print exactly one JSON document; NaN and infinity are refused, since they are not JSON."""
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return significant(value) if isinstance(value, float) else str(value)
