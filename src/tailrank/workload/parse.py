"""Workloads from files and flags, with errors that name the kinds there are."""

import difflib
from pathlib import Path
from typing import Any, get_args

import msgspec

from tailrank.core import BadInputError, Config
from tailrank.core.config import from_dict, load, to_dict
from tailrank.workload.workload import Accesses, Arrivals, Sizes, Workload

__all__ = ["load_workload", "parse_accesses", "parse_arrivals", "parse_sizes", "workload_from_dict"]

PARTS: dict[str, Any] = {"arrivals": Arrivals, "sizes": Sizes, "accesses": Accesses}


class _Tables(Config, frozen=True, kw_only=True):
    """A workload whose parts have not been looked at."""

    arrivals: dict[str, Any] | None = None
    sizes: dict[str, Any] | None = None
    accesses: dict[str, Any] | None = None


def load_workload(path: Path) -> Workload:
    """Read the TOML file at `path`; raises `BadInputError` if it cannot be read or is wrong.

    As `core.config.load`, but an unknown kind lists the known ones. Paths in it count from the current folder.
    """
    return _workload(load(_Tables, path), str(path))


def workload_from_dict(data: object, *, source: str = "workload") -> Workload:
    """Build a workload from tables `arrivals`, `sizes` and `accesses`, each with a `kind`; all may be absent.

    `source` names the file in errors.
    """
    return _workload(from_dict(_Tables, data, source=source), source)


def _workload(tables: _Tables, source: str) -> Workload:
    return Workload(**{name: _part(name, table, f"{source}: {name}") for name, table in to_dict(tables).items()})


def parse_arrivals(flag: str) -> Arrivals:
    """Read arrivals from shorthand: "poisson", "bursty:cv=4,model=mmpp", "replay:path=day.csv,repeat=true"."""
    return _shorthand("arrivals", flag)  # type: ignore[no-any-return]


def parse_sizes(flag: str) -> Sizes:
    """Read sizes from shorthand: "production", "lognormal:mu=5.1,sigma=0.2"."""
    return _shorthand("sizes", flag)  # type: ignore[no-any-return]


def parse_accesses(flag: str) -> Accesses:
    """Read accesses from shorthand: "uniform", "zipf:exponent=1.05"."""
    return _shorthand("accesses", flag)  # type: ignore[no-any-return]


def _shorthand(part: str, flag: str) -> Any:
    name, _, rest = flag.partition(":")
    given = {"kind": name.strip()}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise BadInputError(f"{part} `{flag}`: `{pair}` is not name=value", hint='e.g. "bursty:cv=4,model=gamma"')
        if key.strip() in given:
            raise BadInputError(f"{part} `{flag}`: `{key.strip()}` is given twice", hint="give it once")
        given[key.strip()] = value.strip()
    return _part(part, given, f"{part} `{flag}`", strict=False)


def _part(part: str, data: dict[str, Any], source: str, *, strict: bool = True) -> Any:
    kinds = {kind.__struct_config__.tag: kind for kind in get_args(PARTS[part])}
    name = str(data.get("kind", ""))
    if name not in kinds:
        close = difflib.get_close_matches(name, kinds, n=1)
        mend = f"did you mean `{close[0]}`? " if close else ""
        what = "`kind` is missing" if not name else f"unknown kind `{name}`"
        raise BadInputError(f"{source}: {what}", hint=f"{mend}known: {', '.join(sorted(kinds))}")
    kind: type[Config] = kinds[name]
    return from_dict(kind, data if strict else _typed(kind, data), source=source)


def _typed(kind: type[Config], data: dict[str, Any]) -> dict[str, Any]:
    """Turn text from a flag into the numbers and truths that `kind` declares; what cannot be stays text."""
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    return {name: _value(fields.get(name, str), value) for name, value in data.items()}


def _value(declared: Any, value: str) -> Any:
    try:
        return msgspec.convert(value, declared, strict=False)
    except msgspec.ValidationError:
        return value
