"""An .onnx file as a model: inputs drawn from what the graph says of them, and from a small file beside it.

`model.onnx.toml` beside `model.onnx` says what the graph cannot: how many rows the ids of an input may name, and which
of several outputs is the score.
"""

import json
import math
import re
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from msgspec import Meta, field
from numpy.typing import NDArray

from tailrank.core import BadInputError, Config, stream
from tailrank.core.config import load as load_config
from tailrank.models.inputs import UNIFORM, Accesses, Inputs
from tailrank.models.model import Model
from tailrank.models.onnx_executor import OnnxExecutor
from tailrank.models.onnx_graph import Graph, GraphInput, read_graph
from tailrank.models.weights import require_memory

__all__ = ["Ids", "Sidecar", "load_onnx"]

_CHECKED_SIZES = (1, 3, 64)


class Ids(Config, frozen=True, kw_only=True):
    """What ids may be: 0 to `rows` - 1."""

    rows: Annotated[int, Meta(ge=1)]


class Sidecar(Config, frozen=True, kw_only=True):
    """The file beside an .onnx file: id inputs by name, and the output to rank by where there are several."""

    inputs: dict[str, Ids] = field(default_factory=dict)
    output: str | None = None


def load_onnx(path: Path) -> Model:
    """Return the model in the .onnx file at `path`, checked on a few items.

    Raises `BadInputError` that says what is wrong and how to mend it, and `SetupError` where the weights do not fit
    this host's memory or a library is missing.
    """
    graph = read_graph(path)
    beside = path.with_name(f"{path.name}.toml")
    sidecar = load_config(Sidecar, beside) if beside.exists() else Sidecar()
    inputs = _with_rows(path, beside, graph, sidecar)
    output = _output(path, beside, graph, sidecar)
    require_memory(graph.weight_bytes)
    session = OnnxExecutor(path, output)

    def draw(items: int, accesses: Accesses, seed: int) -> Inputs:
        return tuple(torch.from_numpy(_draw(each, items, accesses, seed)) for each in inputs)

    for items in _CHECKED_SIZES:
        _check(path, session, draw(items, UNIFORM, 0), items)
    return Model(name=str(path), module=None, draw=draw, table_bytes=graph.table_bytes, session=session)


def _with_rows(path: Path, beside: Path, graph: Graph, sidecar: Sidecar) -> list[GraphInput]:
    """Return the graph's inputs, each id input with its rows."""
    named = {each.name: each for each in graph.inputs if each.type != "float32"}
    for name, ids in sidecar.inputs.items():
        if name not in named:
            hint = f"its inputs of ids: {', '.join(named) or 'none'}"
            raise BadInputError(f"{beside}: {path.name} has no input of ids called `{name}`", hint=hint)
        most = named[name].rows
        if most is not None and ids.rows > most:
            hint = f"write at most {most}, or leave it out"
            raise BadInputError(f"{beside}: inputs.{name}.rows is {ids.rows}; its table has {most} rows", hint=hint)
        named[name] = GraphInput(name, named[name].type, named[name].shape, ids.rows)
    unknown = [name for name, each in named.items() if each.rows is None]
    if unknown:
        example = ", ".join(f"inputs.{_key(name)}.rows = 1000" for name in unknown)
        raise BadInputError(
            f"{path}: the graph does not say how many rows the ids of `{'`, `'.join(unknown)}` may name",
            hint=f"say it in {beside.name} beside it: {example}",
        )
    return [named.get(each.name, each) for each in graph.inputs]


def _key(name: str) -> str:
    """Return `name` as a key of a TOML file."""
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else json.dumps(name)


def _output(path: Path, beside: Path, graph: Graph, sidecar: Sidecar) -> str:
    outputs = ", ".join(graph.outputs)
    if sidecar.output is not None:
        if sidecar.output not in graph.outputs:
            raise BadInputError(f"{beside}: {path.name} has no output `{sidecar.output}`", hint=f"it has: {outputs}")
        return sidecar.output
    if len(graph.outputs) != 1:
        hint = f'name the one to rank by in {beside.name} beside it: output = "{graph.outputs[0]}"'
        raise BadInputError(f"{path}: the graph has {len(graph.outputs)} outputs: {outputs}", hint=hint)
    return graph.outputs[0]


def _draw(each: GraphInput, items: int, accesses: Accesses, seed: int) -> NDArray[np.generic]:
    """Draw one input: ids as `accesses` says, other numbers uniform in 0 to 1."""
    rng, shape = stream(seed, "onnx", each.name), (items, *each.shape)
    if each.rows is None:
        return rng.random(shape, dtype=np.float32)
    return accesses.draw(each.rows, math.prod(shape), rng).reshape(shape).astype(each.type, copy=False)


def _check(path: Path, session: OnnxExecutor, inputs: Inputs, items: int) -> None:
    try:
        found = session.output(inputs)
    except Exception as error:  # the library's own types share no base
        line = str(error).strip().partition("\n")[0]
        hint = "the graph must take any number of items; are ids within their tables?"
        raise BadInputError(f"{path}: scoring {items} items fails: {line}", hint=hint) from error
    if not np.issubdtype(found.dtype, np.floating):
        raise BadInputError(f"{path}: the output is of type {found.dtype}", hint="return floating point scores")
    if found.shape not in ((items,), (items, 1)):
        raise BadInputError(
            f"{path}: the output has shape {found.shape} for {items} items, not (n,) or (n, 1)",
            hint="reduce the outputs of an item to one score to rank by, or name another output in the file beside it",
        )
