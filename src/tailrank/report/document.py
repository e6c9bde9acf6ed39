"""The result document, read with care: any key may be missing, null, or of the wrong kind."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrank.core import BadInputError

__all__ = ["SCHEMA", "Value", "read"]

SCHEMA = 1


@dataclass(frozen=True)
class Value:
    """One place in a JSON document; asking for what is not there gives an empty `Value`, never an error."""

    raw: Any = None

    def __getitem__(self, key: str) -> "Value":
        return Value(self.raw.get(key)) if isinstance(self.raw, dict) else Value()

    def __iter__(self) -> Iterator["Value"]:
        return (Value(each) for each in self.raw) if isinstance(self.raw, list) else iter(())

    def __bool__(self) -> bool:
        return self.raw is not None and self.raw != {} and self.raw != []

    @property
    def number(self) -> float | None:
        """The finite number here, or None: booleans, text, NaN and infinity are not numbers."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, int | float):
            return None
        try:
            value = float(self.raw)
        except OverflowError:
            return None
        return value if math.isfinite(value) else None

    @property
    def text(self) -> str | None:
        """The text here (numbers as they would be typed), or None."""
        if isinstance(self.raw, str) and self.raw.strip():
            return self.raw
        return f"{self.raw}" if self.number is not None else None

    @property
    def numbers(self) -> list[float]:
        """The numbers of a list, NaN where one is missing."""
        return [math.nan if each.number is None else each.number for each in self]

    @property
    def texts(self) -> list[str]:
        """The texts of a list, without the empty ones."""
        return [each.text for each in self if each.text is not None]

    @property
    def pairs(self) -> list[tuple[str, "Value"]]:
        """The keys and values of a table, in the document's order."""
        return [(str(key), Value(each)) for key, each in self.raw.items()] if isinstance(self.raw, dict) else []


def read(path: Path) -> dict[str, Any]:
    """Read the result document at `path`.

    Raises `BadInputError` when it is missing, is not a JSON object, or is of a schema not known here.
    """
    hint = "point at the --out directory of an earlier `tailrank tune`"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}", hint=hint) from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: is not a JSON document: {error}", hint=hint) from None
    if not isinstance(document, dict):
        raise BadInputError(f"{path}: holds a JSON {type(document).__name__}, not an object", hint=hint)
    if document.get("schema", SCHEMA) != SCHEMA:
        raise BadInputError(
            f"{path}: has schema {document['schema']!r}; this version reads schema {SCHEMA}",
            hint="use the version of Tailrank that wrote it",
        )
    return document
