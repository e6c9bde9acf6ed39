"""Tailrank's native executor, in every precision it has."""

from collections.abc import Callable
from typing import Any

from rivals.way import Absent, Bench, Maker, Way
from tailrank.models import Inputs
from tailrank.native import Program

__all__ = ["MAKERS", "program_way"]


def program_way(program: Program, prepare: Callable[[Inputs], Any]) -> Way:
    """Return the native executor of a program that is a part of a network; `prepare` makes its inputs."""
    raise Absent("no native executor of a program yet")


def _native(bench: Bench, precision: str) -> Way:
    try:
        from tailrank.models.native.executor import native_executor
    except ImportError as error:
        raise Absent("the native executor was not built on this host") from error
    executor = native_executor(bench.model, precision)
    if executor is None:
        raise Absent("the native executor was not built on this host")
    executor.warm(bench.model.inputs(64))
    return Way(run=executor, note=", ".join(f"{key} {value}" for key, value in executor.facts().items()))


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
