"""How the page of the RPAccel study is written: titles, tables, milliseconds, and words for what holds."""

from collections.abc import Iterable, Sequence

from tailrank.cli.output import significant

__all__ = ["ARRIVALS", "MODES", "SAID", "ms", "rows_of", "title"]

MODES = ("released", "corrected")
ARRIVALS = {"paper": "whole-millisecond gaps", "poisson": "Poisson arrivals"}
SAID = {True: "holds", False: "does not hold", None: "a finding"}


def ms(value: float | None) -> str:
    """Return milliseconds to three digits; nothing for None."""
    return "" if value is None else significant(value)


def title(text: str) -> list[str]:
    """Return a heading with a line around it."""
    return ["", f"## {text}", ""]


def rows_of(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a Markdown table; a bar within a cell becomes a semicolon."""
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return lines + [f"| {' | '.join(cell.replace('|', ';') for cell in row)} |" for row in rows]
