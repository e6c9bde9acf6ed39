"""The page docs/reproductions/recpipe.md: the study's tables, the artifact's numbers with their tags."""

from collections.abc import Iterable, Sequence
from typing import Any

from tailrank.report.document import Value
from tailrank.report.recpipe import tables
from tailrank.report.recpipe.answers import answers
from tailrank.report.tables import Table

__all__ = ["page"]


def page(result: dict[str, Any]) -> str:
    """Return the page of a result document."""
    value = Value(result)
    answered = {each.key: each for each in answers(value)}
    beside: dict[str, list[Table | None]] = {
        "quality": [tables.funnels(value, name) for name in result["quality"]],
        "stages": [tables.errors(value), tables.ratios(value), tables.too_fast(value), tables.beside(value)],
        "gpu": [tables.low_load(value)],
        "cut": [],
        "limits": [],
    }
    lines = [
        "# RecPipe, reproduced",
        "",
        f"Made by `{result['command']} --write-docs FILE` (seed {result['seed']}).",
        "Tails are simulated, verified on no engine: from times in the artifact's logs, or on rooflines fitted to",
        "other machines. Quality is measured on tiers trained here. Numbers of the artifact are marked [L] (read in",
        "its logs) or [C] (its formulas) and are never mixed with ours.",
        *(["", "**A quick run: no figure here counts.**"] if result["quick"] else []),
        *_checks(value),
    ]
    for key, answer in answered.items():
        lines += ["", f"## {answer.question}"]
        for words in answer.paragraphs:
            lines += ["", words]
        for each in beside[key]:
            lines += _table(each)
    lines += ["", "## Every logged tail", *_table(tables.tails(value), titled=False)]
    return "\n".join(lines) + "\n"


def _checks(value: Value) -> list[str]:
    found: list[str] = []
    for number in (10, 13):
        each = tables.checks(value, number)
        if each is not None:
            found += ["", f"## {each.title}", *_table(each, titled=False)]
    return found


def _table(each: Table | None, *, titled: bool = True) -> list[str]:
    if each is None:
        return []
    head = ["", f"### {each.title}"] if titled else []
    note = ["", each.note] if each.note else []
    return [*head, "", *_rows(each.columns, each.rows), *note]


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"

    return [line(header), f"|{'---|' * len(header)}", *map(line, rows)]
