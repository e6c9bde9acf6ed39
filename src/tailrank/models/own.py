"""Models of your own: `package.module:attribute` names an `nn.Module` and a way to make its inputs.

The attribute is one of
- an `nn.Module` with a method `make_inputs(n)`;
- a function that takes nothing and returns such a module, or a pair `(module, make_inputs)`.
`make_inputs(n)` returns a tuple of tensors whose leading dimension is n, one row per item; the module maps them to one
score per item, (n,) or (n, 1). See examples/own_model.py.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from tailrank.core import BadInputError
from tailrank.models.inputs import Accesses, Inputs
from tailrank.models.model import Model, build
from tailrank.models.onnx_model import load_onnx

__all__ = ["load", "resolve"]

_CHECKED_SIZES = (1, 3)


def resolve(name: str, *, memory_bytes: int, seed: int = 0, tasks: int | None = None) -> Model:
    """Return the zoo's network `name`, or a model of your own: `package.module:attribute`, or a file `*.onnx`."""
    if name.endswith(".onnx"):
        return load_onnx(Path(name))
    if ":" in name:
        return load(name)
    return build(name, memory_bytes=memory_bytes, seed=seed, tasks=tasks)


def load(name: str) -> Model:
    """Return the model at `package.module:attribute`, checked on a few items.

    Modules of the current folder can be named. Raises `BadInputError` that says what is wrong and how to mend it.
    """
    module, make_inputs = _parts(name, _attribute(name))
    module.eval()
    for items in _CHECKED_SIZES:
        _check_inputs(name, make_inputs, items)
    scorer = _Column(module).eval()
    for items in _CHECKED_SIZES:
        _check_scores(name, module, make_inputs(items), items)
    table_bytes = sum(
        weight.numel() * weight.element_size()
        for part in module.modules()
        if isinstance(part, nn.Embedding | nn.EmbeddingBag)
        for weight in part.parameters(recurse=False)
    )

    def draw(items: int, _: Accesses, seed: int) -> Inputs:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make_inputs(items)

    return Model(name=name, module=scorer, draw=draw, table_bytes=table_bytes)


class _Column(nn.Module):
    """Scores (n,) of a module that gives (n,) or (n, 1)."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.inner = module

    def forward(self, *inputs: Tensor) -> Tensor:
        return cast(Tensor, self.inner(*inputs).flatten().float())


def _attribute(name: str) -> Any:
    path, _, attribute = name.partition(":")
    if not path or not attribute:
        raise BadInputError(f"`{name}` does not name a model", hint="write package.module:attribute")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            hint = f"run from the folder that holds {path.split('.')[0]}, or install it"
            raise BadInputError(f"`{name}`: no module is called `{error.name}`", hint=hint) from None
        raise BadInputError(f"`{name}`: importing `{path}` needs `{error.name}`", hint="install it") from error
    except Exception as error:
        hint = f'try: python -c "import {path}"'
        raise BadInputError(f"`{name}`: importing `{path}` fails: {_line(error)}", hint=hint) from error
    if not hasattr(found, attribute):
        public = ", ".join(sorted(each for each in vars(found) if not each.startswith("_"))) or "nothing"
        raise BadInputError(f"`{name}`: `{path}` has no `{attribute}`", hint=f"it has: {public}")
    return getattr(found, attribute)


def _parts(name: str, found: Any) -> tuple[nn.Module, Callable[[int], Inputs]]:
    """Return the module and its maker of inputs, whichever way they were given."""
    if callable(found) and not isinstance(found, nn.Module):
        try:
            found = found()
        except Exception as error:
            hint = "it must take no arguments and return a module, or (module, make_inputs)"
            raise BadInputError(f"`{name}`: calling it fails: {_line(error)}", hint=hint) from error
    module, make_inputs = found if _is_pair(found) else (found, getattr(found, "make_inputs", None))
    if not isinstance(module, nn.Module):
        hint = "give an nn.Module, or a function that returns one or (module, make_inputs)"
        raise BadInputError(f"`{name}` gives {_kind(module)}, not a torch.nn.Module", hint=hint)
    if not callable(make_inputs):
        hint = "give the module a method make_inputs(n), or return (module, make_inputs)"
        raise BadInputError(f"`{name}` says nothing of its inputs", hint=hint)
    return module, make_inputs


def _is_pair(found: object) -> bool:
    return isinstance(found, tuple) and len(found) == 2


def _check_inputs(name: str, make_inputs: Callable[[int], object], items: int) -> None:
    hint = f"make_inputs({items}) must return a tuple of tensors with {items} rows each, one per item"
    try:
        inputs = make_inputs(items)
    except Exception as error:
        raise BadInputError(f"`{name}`: make_inputs({items}) fails: {_line(error)}", hint=hint) from error
    if not isinstance(inputs, tuple) or not inputs or not all(isinstance(each, Tensor) for each in inputs):
        raise BadInputError(f"`{name}`: make_inputs({items}) returns {_kind(inputs)}", hint=hint)
    for number, tensor in enumerate(inputs):
        if tensor.ndim == 0 or len(tensor) != items:
            raise BadInputError(f"`{name}`: input {number} has shape {tuple(tensor.shape)} for n={items}", hint=hint)


def _check_scores(name: str, module: nn.Module, inputs: Inputs, items: int) -> None:
    try:
        with torch.inference_mode():
            scores: object = module(*inputs)
    except Exception as error:
        hint = "module(*make_inputs(n)) must work for every n"
        raise BadInputError(f"`{name}`: scoring {items} items fails: {_line(error)}", hint=hint) from error
    if not isinstance(scores, Tensor):
        raise BadInputError(f"`{name}` returns {_kind(scores)}", hint="return one tensor of scores, (n,) or (n, 1)")
    shape = tuple(scores.shape)
    if shape not in ((items,), (items, 1)):
        hint = "reduce the outputs of an item to one score to rank by, e.g. outputs[:, 0]" if len(shape) == 2 else ""
        raise BadInputError(
            f"`{name}` returns shape {shape} for {items} items; one score per item is wanted: (n,) or (n, 1)",
            hint=hint or "return one score per item",
        )
    if not scores.is_floating_point():
        raise BadInputError(f"`{name}` returns {scores.dtype} scores", hint="return floating point scores")


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {', '.join(type(each).__name__ for each in value) or 'nothing'}"
    return f"a {type(value).__name__}"


def _line(error: Exception) -> str:
    """Return the type and the first line of `error`."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
