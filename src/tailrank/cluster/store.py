"""Finished cells in a folder: a JSON file each, written whole or not at all, and read only while it still holds.

A file is named by a hash of its cell. What it says is used again only where the cell, the function with its bound
arguments, every source of Tailrank and the versions of what computes are those it was made with. The test is strict
on purpose: an edited comment costs a recomputation, an edited formula must never go unnoticed.
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_type_hints

import msgspec
import numpy as np

import tailrank
from tailrank.cluster.attempt import Outcome
from tailrank.core import BadInputError
from tailrank.core.files import disk_errors, write_text

__all__ = ["Kept", "Store", "plain", "sources", "version_of"]

C = TypeVar("C")
R = TypeVar("R")
SOURCES = (".py", ".toml", ".csv")  # of the package: code, devices, measured points
COMPUTES = ("numpy", "numba", "scipy")


class Kept(NamedTuple, Generic[R]):
    """A result that was kept; a class of its own, since a result may well be `None`."""

    result: R


class Store(Generic[C, R]):
    """The finished cells of one `function` in the folder `out`, which is made where it does not exist.

    A result is read back as the return annotation of the function says (plain data where there is none).
    """

    def __init__(self, out: Path, function: Callable[[C], R]) -> None:
        self.out = out
        self._name = _name(_unwrapped(function)[0])
        self._kind = _returned(function)
        self._version = version_of(function)
        with disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)

    def path(self, cell: C) -> Path:
        """Return where `cell` is kept, whether it is there or not."""
        return self.out / f"{_digest(_described(cell))}.json"

    def read(self, cell: C) -> Kept[R] | None:
        """Return what is kept of `cell`; None where nothing is, or nothing that still holds."""
        try:
            kept = json.loads(self.path(cell).read_text(encoding="utf-8"))
            if kept["version"] == self._version and kept["cell"] == _described(cell):
                return Kept(self._read(kept["result"]))
        except (OSError, ValueError, KeyError, TypeError):  # absent, cut short, or another program's
            pass
        return None

    def write(self, cell: C, outcome: Outcome[R]) -> R:
        """Keep `outcome`, and return its result as `read` will: then it does not matter who asks when.

        Raises `TypeError` where it is not plain data, or reading it as the annotation says would change it: both are
        mistakes of the function's author.
        """
        result = json.loads(json.dumps(plain(outcome.result)))
        try:
            back = self._read(result)
            lost = _difference(_comparable(result), _comparable(plain(back)))
        except msgspec.ValidationError as error:
            lost = str(error)
        if lost is not None:
            found = type(outcome.result).__name__
            raise TypeError(f"a {found} does not come back from JSON as {self._name} says it is: {lost}")
        document = {
            "cell": _described(cell),
            "version": self._version,
            "seconds": round(outcome.seconds, 3),
            "result": result,
        }
        write_text(self.path(cell), json.dumps(document, indent=1) + "\n")
        return back

    def _read(self, data: Any) -> R:
        result: R = msgspec.convert(data, self._kind, str_keys=True)
        return result


def plain(value: Any) -> Any:
    """Return `value` as dictionaries, lists, text and numbers; raises `TypeError` for what is none of these.

    Every field is named, defaults too. `msgspec.to_builtins` leaves those out of our structs, and takes for a default
    the very object that is one: a copy from another process would be another cell.
    """
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
        data = {said: plain(getattr(value, name)) for name, said in names}
        tag = value.__struct_config__.tag
        return data if tag is None else {value.__struct_config__.tag_field: tag, **data}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    return msgspec.to_builtins(value)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else json.dumps(plain(key))


def version_of(function: Callable[..., object]) -> str:
    """Return a digest of all that decides what `function` answers, beside the cell."""
    inner, bound = _unwrapped(function)
    own = getattr(sys.modules.get(inner.__module__ or ""), "__file__", None)
    content = hashlib.blake2b(Path(own).read_bytes()).hexdigest() if own is not None else ""
    return _hashed(_text([_name(inner), _described(bound), content, sources()]).encode())


@functools.cache
def sources() -> str:
    """Return a digest of Tailrank's own sources and of the versions it computes with: the same on every good node."""
    here, found = Path(tailrank.__file__).parent, [json.dumps(_versions()).encode()]
    for path in sorted(path for path in here.rglob("*") if path.suffix in SOURCES):
        content = path.read_bytes()
        found += [f"{path.relative_to(here).as_posix()} {len(content)} ".encode(), content]
    return _hashed(b"".join(found))


def _unwrapped(function: Callable[..., object]) -> tuple[Any, list[Any]]:
    """Return the function inside partials, and what they bind."""
    bound: list[Any] = []
    while isinstance(function, functools.partial):
        bound.append([list(function.args), function.keywords])
        function = function.func
    return function, bound


def _returned(function: Callable[..., object]) -> Any:
    inner, _ = _unwrapped(function)
    try:
        return get_type_hints(inner).get("return", Any)
    except (TypeError, NameError):  # a built-in, or a name that exists for type checkers only
        return Any


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in COMPUTES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _described(value: object) -> Any:
    """Return what identifies `value`: its kind and its content, as JSON has them."""
    try:
        return [_name(type(value)), json.loads(_text(plain(value)))]
    except TypeError as error:
        raise BadInputError(
            f"{type(value).__name__} cannot be named in a file: {error}",
            hint="cells of a sweep with a folder are plain data: dataclasses, tuples, numbers, text",
        ) from None


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _digest(described: Any) -> str:
    return _hashed(_text(described).encode())


def _hashed(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


def _comparable(data: Any) -> Any:
    """Return `data` with whole numbers as floats and not-a-number as text: 3 in a field of floats comes back as 3.0."""
    return json.loads(_text(data), parse_int=float, parse_constant=str)


def _difference(written: Any, back: Any, place: str = "$") -> str | None:
    """Return where and how the two differ first; None where they are the same."""
    if isinstance(written, dict) and isinstance(back, dict) and written.keys() == back.keys():
        inside = ((f"{place}.{key}", written[key], back[key]) for key in written)
    elif isinstance(written, list) and isinstance(back, list) and len(written) == len(back):
        inside = ((f"{place}[{at}]", *pair) for at, pair in enumerate(zip(written, back, strict=True)))
    else:
        return None if written == back else f"{place} was {_short(written)} and is {_short(back)}"
    return next((found for at, one, other in inside if (found := _difference(one, other, at)) is not None), None)


def _short(data: Any) -> str:
    text = sorted(data) if isinstance(data, dict) else data
    return f"{text}"[:80]
