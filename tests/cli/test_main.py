import argparse
import errno
import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tailrank import __version__
from tailrank.cli.main import VERBS, main
from tailrank.core import BadInputError, InfeasibleError, SetupError


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], None]:
    """Return a function that installs a verb called `fake` which runs what it is given."""

    def install(body: Callable[[], int]) -> None:
        module = ModuleType("tailrank.cli.fake")
        module.NAME, module.HELP, module.EXAMPLE = "fake", "pretend", "tailrank fake --size 3"  # type: ignore[attr-defined]
        module.add_arguments = lambda parser: parser.add_argument("--size", type=int)  # type: ignore[attr-defined]
        module.run = lambda args: body()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tailrank.cli.fake", module)
        monkeypatch.setitem(VERBS, "fake", "pretend")

    return install


def raising(error: BaseException) -> Callable[[], int]:
    def body() -> int:
        raise error

    return body


def tailrank(*words: str, **more: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tailrank", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **more)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("words", [["--help"], ["--version"], [], ["no-such-verb"]])
def test_the_front_page_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; from tailrank.cli.main import main; main({words!r})\n"
        "heavy = {'torch', 'numba', 'scipy', 'numpy', 'msgspec', 'plotly'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name, help_text in VERBS.items():
        assert name in text
        assert help_text in text


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tailrank {__version__}\n"


@pytest.mark.parametrize("name", VERBS)
def test_a_verbs_module_says_what_the_front_page_says(name: str) -> None:
    module = importlib.import_module(f"tailrank.cli.{name}")
    assert (name, VERBS[name]) == (module.NAME, module.HELP)
    assert module.EXAMPLE.strip().startswith(f"tailrank {name}")
    parser = argparse.ArgumentParser(exit_on_error=False)
    module.add_arguments(parser)
    example = module.EXAMPLE.strip().splitlines()[0].split()[2:]
    parser.parse_args(example)  # the example in the help must be acceptable to the verb itself


@pytest.mark.parametrize("name", VERBS)
def test_a_verbs_help_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"example:\n  tailrank {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ([], "no verb given", "tune"),
        (["tnue"], "unknown verb `tnue`", "did you mean `tune`?"),
        (["xyzzy"], "unknown verb `xyzzy`", "known: "),
        (["--verison"], "--verison", "did you mean `--version`?"),
        (["fake", "--sise", "3"], "--sise", "did you mean `--size`?"),
        (["fake", "--zzz"], "--zzz", "`tailrank fake --help`"),
        (["fake", "--size", "many"], "many", "`tailrank fake --help`"),
    ],
)
def test_wrong_words_exit_2_with_a_hint(
    verb: Callable[[Callable[[], int]], None],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
    hint: str,
) -> None:
    verb(lambda: 0)
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    error_line, hint_line = err.splitlines()
    assert error_line.startswith("error: ")
    assert message in error_line
    assert hint_line.startswith("hint: ")
    assert hint in hint_line


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (BadInputError("bad x", hint="mend x"), 2, ["error: bad x", "hint: mend x"]),
        (InfeasibleError("no plan", hint="raise the target"), 3, ["error: no plan", "hint: raise the target"]),
        (SetupError("no memory"), 4, ["error: no memory"]),
        (KeyboardInterrupt(), 130, ["interrupted; nothing was written"]),
        (
            OSError(errno.ENOSPC, "No space left", "out/a.json"),
            4,
            ["error: out/a.json: the disk is full", "hint: free some space or choose a place on another disk"],
        ),
        (
            ModuleNotFoundError("No module named 'torch'", name="torch"),
            4,
            ["error: torch is not installed", "hint: pip install torch, or '.[torch]' in a checkout"],
        ),
        (
            ModuleNotFoundError("No module named 'plotly.io'", name="plotly.io"),
            4,
            ["error: plotly is not installed", "hint: pip install plotly, or '.[report]' in a checkout"],
        ),
    ],
)
def test_errors_become_two_lines_and_an_exit_code(
    verb: Callable[[Callable[[], int]], None],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    lines: list[str],
) -> None:
    verb(raising(error))
    assert main(["fake"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == lines


def test_running_out_of_memory_is_said(
    verb: Callable[[Callable[[], int]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    verb(raising(MemoryError()))
    assert main(["fake"]) == 4
    assert "memory" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("ours"), ModuleNotFoundError("x", name="left_pad"), OSError(5, "I/O")])
def test_our_own_mistakes_are_not_hidden(verb: Callable[[Callable[[], int]], None], error: Exception) -> None:
    verb(raising(error))
    with pytest.raises(type(error)):
        main(["fake"])


def test_the_verbs_exit_code_is_passed_on(verb: Callable[[Callable[[], int]], None]) -> None:
    verb(lambda: 3)
    assert main(["fake"]) == 3


@pytest.fixture
def fake_program() -> Callable[[str], list[str]]:
    """Return a function from the body of a verb to the command that runs it in a process of its own."""

    def program(body: str) -> list[str]:
        code = (
            "import sys, types, tailrank.cli.main as door\n"
            f"def run(args):\n    {body}\n    return 0\n"
            "module = types.ModuleType('tailrank.cli.fake')\n"
            "module.NAME, module.HELP, module.EXAMPLE = 'fake', 'pretend', 'x'\n"
            "module.add_arguments, module.run = lambda parser: None, run\n"
            "sys.modules['tailrank.cli.fake'] = module; door.VERBS['fake'] = 'pretend'\n"
            "sys.exit(door.main(['fake']))"
        )
        return [sys.executable, "-c", code]

    return program


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_quiet(fake_program: Callable[[str], list[str]], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run(
            fake_program("print('a line')"),
            stdout=pipe,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    assert done.returncode == 141
    assert done.stderr == b""


def test_python_dash_m_is_the_command() -> None:
    done = tailrank("--version")
    assert (done.returncode, done.stdout) == (0, f"tailrank {__version__}\n")
    assert tailrank("dcotor").returncode == 2


def test_control_c_stops_a_running_verb_without_a_traceback(
    fake_program: Callable[[str], list[str]], tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    command = fake_program(f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "interrupted; nothing was written\n"
