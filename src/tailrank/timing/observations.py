"""Measured points that rooflines are fitted to, from CSV files: the published ones, and the user's own."""

import csv
import io
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from tailrank.core import BadInputError, Config
from tailrank.core.config import from_dict

__all__ = ["Observation", "Quantity", "observations", "read_observations", "shipped_observations"]

Quantity = Literal["total_ms", "compute_ms", "load_ms", "speedup", "share_matmul", "share_lookup", "share_recurrent"]


class Observation(Config, frozen=True, kw_only=True):
    """One measured number: `quantity` of batches of `batch` items of `network` on `device`, `busy` workers busy.

    `total_ms` is the sum of `compute_ms`, the operators, and `load_ms`, the inputs on their way. `speedup` is the time
    on the device `over`, alone, over that here. `share_matmul`, `share_lookup` and `share_recurrent` are shares of the
    operators' time; products within a recurrence count as recurrent only. `tag` says how far to trust it.
    """

    device: str
    network: str
    batch: Annotated[int, Meta(ge=1)]
    quantity: Quantity
    value: Annotated[float, Meta(gt=0)]
    busy: Annotated[int, Meta(ge=1)] = 1
    over: str = ""
    tag: str = ""


def observations(text: str, *, source: str) -> tuple[Observation, ...]:
    """Read observations from CSV with a header of their field names; lines that begin with # are comments.

    Raises `BadInputError` naming the line and what is wrong with it.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    rows = csv.DictReader(io.StringIO("\n".join(line for _, line in lines)))
    found = []
    for (number, _), row in zip(lines[1:], rows, strict=True):
        place = f"{source}, line {number}"
        if None in row or None in row.values():
            raise BadInputError(f"{place}: not as many values as columns", hint="one value for each name in the header")
        found.append(from_dict(Observation, _typed(row, place), source=place))
    if not found:
        raise BadInputError(f"{source}: holds no observations", hint="device,network,batch,quantity,value, then rows")
    return tuple(found)


def shipped_observations(device: str) -> tuple[Observation, ...]:
    """Return the published points of `device` that are shipped with the catalogue; empty where there are none."""
    folder = files("tailrank.timing").joinpath("data")
    tables = sorted((each for each in folder.iterdir() if each.name.endswith(".csv")), key=lambda each: each.name)
    every = [point for table in tables for point in observations(table.read_text(encoding="utf-8"), source=table.name)]
    return tuple(point for point in every if point.device == device)


def read_observations(path: Path) -> tuple[Observation, ...]:
    """Read observations from a CSV file; raises `BadInputError` if it is missing or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}", hint="give the path of a readable CSV file") from None
    return observations(text, source=str(path))


def _typed(row: Mapping[str, str], place: str) -> dict[str, Any]:
    typed: dict[str, Any] = {key: value.strip() for key, value in row.items() if value.strip()}
    for key, kind in (("batch", int), ("busy", int), ("value", float)):
        if key in typed:
            try:
                typed[key] = kind(typed[key])
            except ValueError:
                raise BadInputError(f"{place}: {key}: `{typed[key]}` is not a number", hint="a plain number") from None
    return typed
