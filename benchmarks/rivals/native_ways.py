"""Tailrank's native executor, in every precision it has, and parts of networks on it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from rivals.way import Absent, Bench, Maker, Way
from tailrank.models import Inputs
from tailrank.native import Compiled, Program, available, why_not
from tailrank.native.program import Precision

__all__ = ["MAKERS", "program_way"]


def _arrays(inputs: Inputs) -> Any:
    return tuple(tensor.numpy() for tensor in inputs)


def program_way(program: Program, prepare: Callable[[Inputs], Inputs]) -> Way:
    """Return the native executor of a program that is a part of a network; `prepare` makes its inputs."""
    return Way(run=Compiled(program), prepare=lambda inputs: _arrays(prepare(inputs)), read=np.asarray)


def _native(bench: Bench, precision: Precision) -> Way:
    if not available():
        raise Absent(why_not())
    from tailrank.models.native.executor import native_executor

    executor = native_executor(bench.model, precision)
    if executor is None:
        raise Absent(f"no native form of {bench.model.name}")
    executor.warm(bench.model.inputs(64))
    note = ", ".join(f"{key} {value}" for key, value in executor.facts().items())
    return Way(run=executor.compiled, prepare=_arrays, read=np.asarray, note=note)


def _fp32(bench: Bench, _: int) -> Way:
    return _native(bench, "fp32")


def _bf16(bench: Bench, _: int) -> Way:
    return _native(bench, "bf16")


def _int8(bench: Bench, _: int) -> Way:
    return _native(bench, "int8")


MAKERS = (
    Maker("native", "fp32", _fp32, ours=True),
    Maker("native", "bf16", _bf16, ours=True),
    Maker("native", "int8", _int8, ours=True),
)
