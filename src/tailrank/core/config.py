"""The config door: files become frozen objects here, and nowhere else.

A `Config` is frozen and keyword-only (each subclass says so again, for the type checker); a misspelt key
or a wrong type is a `BadInputError` that names its place in the file. docs/decisions/0001 says why this is msgspec.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tomli_w

from tailrank.core.errors import BadInputError
from tailrank.core.files import write_text

__all__ = ["Config", "dump", "dumps", "from_dict", "load", "loads", "to_dict"]


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything read from a file: frozen, keyword-only, strict about unknown keys."""


C = TypeVar("C", bound=Config)


def from_dict(kind: type[C], data: object, *, source: str = "input") -> C:
    """Build a `kind` from plain dictionaries and lists; `source` names the file in errors.

    Raises `BadInputError` with the place of the first unknown key, missing key or wrong value.
    """
    try:
        return msgspec.convert(data, kind)
    except BadInputError as error:
        raise BadInputError(f"{source}: {error.message}", hint=error.hint) from None
    except msgspec.ValidationError as error:
        raise BadInputError(f"{source}: {_place(str(error))}", hint=_hint(str(error), kind)) from None


def to_dict(config: Config) -> dict[str, Any]:
    """Return `config` as plain dictionaries and lists; keys at their default are left out."""
    built: dict[str, Any] = msgspec.to_builtins(config)
    return built


def loads(kind: type[C], text: str, *, source: str = "input") -> C:
    """Parse TOML `text` into a `kind`; errors as in `from_dict`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not valid TOML: {error}", hint="check quotes and brackets near there") from None
    return from_dict(kind, data, source=source)


def load(kind: type[C], path: Path) -> C:
    """Read the TOML file at `path` into a `kind`; raises `BadInputError` if it cannot be read or is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}", hint="give the path of a readable TOML file") from None
    return loads(kind, text, source=str(path))


def dumps(config: Config) -> str:
    """Return `config` as TOML text that `loads` reads back to an equal object."""
    return tomli_w.dumps(to_dict(config))


def dump(config: Config, path: Path) -> None:
    """Write `config` to `path` as TOML, whole or not at all."""
    write_text(path, dumps(config))


def _place(message: str) -> str:
    """Turn msgspec's "... - at `$.stages[0].x`" into "stages.0.x: ...": the reader's place first."""
    found = re.fullmatch(r"(.*) - at `(?:key in )?\$\.?(.*)`", message, re.DOTALL)
    if not found:
        return message
    inside = found.group(2).replace("[...]", ".*")  # msgspec does not say which key of a table
    where = inside.replace("[", ".").replace("]", "").lstrip(".")
    return f"{where}: {found.group(1)}" if where else found.group(1)


def _hint(message: str, kind: type[Config]) -> str:
    found = re.search(r"unknown field `(.*?)`", message)
    if not found:
        return "docs/plans.md, docs/workloads.md and docs/hardware.md show what each key accepts"
    known = sorted(_all_fields(kind))
    close = difflib.get_close_matches(found.group(1), known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known keys: {', '.join(known)}"


def _all_fields(kind: type[Config]) -> set[str]:
    names: set[str] = set()
    todo: list[Any] = [kind]
    while todo:
        each = todo.pop()
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            infos = msgspec.structs.fields(each)
            names.update(info.name for info in infos)
            todo.extend(info.type for info in infos)
        else:
            todo.extend(getattr(each, "__args__", ()))
    return names
