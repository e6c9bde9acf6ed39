import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tailrank.native import available, path, paths, why_not

needs_extension = pytest.mark.skipif(not available(), reason=f"no native extension: {why_not()}")

# The mean of three columns, by the extension and by the reference; and what the package says of itself.
PROGRAM = """
import json
import numpy as np
from tailrank.core import TailrankError
from tailrank.native import Compiled, available, interpret, paths, remedy, why_not
from tailrank.native.program import Dense, Mean, Program, Score, View

columns, mean = View(0, 0, 3), View(1, 0, 1)
program = Program((("dense", 3),), (3, 1), (Dense(0, columns), Mean(columns, mean), Score(mean)))
inputs = (np.arange(6, dtype=np.float32).reshape(2, 3),)
said = {"available": available(), "why_not": why_not(), "remedy": remedy(), "paths": paths()}
said["reference"] = interpret(program, inputs).tolist()
try:
    compiled = Compiled(program)
    said |= {"path": compiled.path, "native": compiled(inputs).tolist()}
except TailrankError as error:
    said |= {"exit": error.exit_code, "message": error.message, "hint": error.hint}
print(json.dumps(said))
"""


def said_with(variable: str | None, before: str = "") -> dict[str, Any]:
    """Return what PROGRAM says in a fresh interpreter where TAILRANK_NATIVE is `variable`, after the code `before`."""
    environment = {name: value for name, value in os.environ.items() if name != "TAILRANK_NATIVE"}
    if variable is not None:
        environment["TAILRANK_NATIVE"] = variable
    code = [sys.executable, "-c", before + PROGRAM]
    done = subprocess.run(code, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["reference"] == [1.0, 4.0]
    return said


@needs_extension
@pytest.mark.parametrize("variable", [None, "", "auto"])
def test_the_fastest_path_runs_unless_the_variable_says_otherwise(variable: str | None) -> None:
    said = said_with(variable)
    assert said["path"] == said["paths"][0]
    assert said["native"] == [1.0, 4.0]


@needs_extension
@pytest.mark.parametrize("name", paths())
def test_the_variable_names_the_path_that_runs(name: str) -> None:
    said = said_with(name)
    assert said["path"] == name
    assert said["native"] == [1.0, 4.0]


@needs_extension
def test_a_path_that_this_processor_does_not_know_is_refused_where_a_program_is_made() -> None:
    said = said_with("avx1024")
    assert said["exit"] == 2
    assert "TAILRANK_NATIVE: `avx1024`" in said["message"]
    assert all(name in said["hint"] for name in (*paths(), "auto", "off"))


def test_off_leaves_the_extension_out() -> None:
    said = said_with("off")
    assert not said["available"]
    assert said["paths"] == []
    assert said["why_not"] == "TAILRANK_NATIVE=off"
    assert said["exit"] == 4
    assert "TAILRANK_NATIVE=off" in said["message"]
    assert said["hint"].startswith("unset TAILRANK_NATIVE")
    assert said["remedy"] == "unset TAILRANK_NATIVE"


def test_an_install_without_the_extension_says_so() -> None:
    said = said_with(None, before="import sys; sys.modules['tailrank.native._core'] = None\n")
    assert not said["available"]
    assert "was not built" in said["why_not"]
    assert said["exit"] == 4
    assert said["hint"].startswith("install a C++17 compiler and reinstall")
    assert said["remedy"] == "install a C++17 compiler and reinstall"


@needs_extension
def test_portable_runs_everywhere_and_is_the_last_choice() -> None:
    assert paths()[-1] == "portable"
    assert path() in paths()
