"""Functions to sweep. They live in a module that fresh processes can import, as a sweep requires of them."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = """
import os
import time
from dataclasses import dataclass
from pathlib import Path

from tailrank.core import BadInputError, stream


@dataclass(frozen=True)
class Cell:
    number: int
    seed: int = 1

    @property
    def label(self):
        return f"number {self.number}"


@dataclass(frozen=True)
class Result:
    number: int
    draws: tuple[float, ...]


class Awkward(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def draw(cell: Cell) -> Result:
    return Result(cell.number, tuple(stream(cell.seed, "draw", cell.number).random(3).tolist()))


def last_is_first(cell: Cell) -> Result:
    time.sleep(0.02 * (4 - cell.number))
    return draw(cell)


def counted(folder, cell: Cell) -> Result:
    Path(folder, f"{cell.number}-{time.time_ns()}").touch()
    return draw(cell)


def other(folder, cell: Cell) -> Result:
    return counted(folder, cell)


def first_is_quick(folder, cell: Cell) -> Result:
    counted(folder, cell)
    if cell.number:
        time.sleep(600)
    return draw(cell)


def wait(folder, cell: Cell) -> Result:
    Path(folder, str(os.getpid())).touch()
    time.sleep(600)


def refuse(cell: Cell) -> Result:
    raise BadInputError("not this one", hint="another one")


def stumble(cell: Cell) -> Result:
    raise ZeroDivisionError("by zero")


def awkward(cell: Cell) -> Result:
    raise Awkward("this", "that")


def die(cell: Cell) -> Result:
    os._exit(9)


def lock(cell: Cell):
    import threading
    return threading.Lock()
"""


@pytest.fixture
def sweepable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of functions and cells, importable here and in spawned processes."""
    folder = tmp_path / "importable"
    folder.mkdir()
    (folder / "sweepable.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "sweepable", raising=False)
    module = importlib.import_module("sweepable")
    monkeypatch.setitem(sys.modules, "sweepable", module)
    return module


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder in which `counted` leaves a file for every run of a cell."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder
