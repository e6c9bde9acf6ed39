import io

import pytest

from tailrank.cli.progress import CLEAR, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def talk(progress: Progress) -> None:
    with progress:
        progress.step("profiling")
        progress.update("profiling 1 of 2")
        progress.update("profiling 2 of 2")
        progress.note("compiled")
        progress.step("searching")


def test_a_log_gets_a_line_per_step() -> None:
    log = io.StringIO()
    talk(Progress(stream=log))
    assert log.getvalue() == "profiling\ncompiled\nsearching\n"


def test_a_terminal_gets_one_line_that_updates_and_vanishes() -> None:
    screen = Terminal()
    talk(Progress(stream=screen))
    text = screen.getvalue()
    assert [part for part in text.split(CLEAR) if part] == [
        "profiling",
        "profiling 1 of 2",
        "profiling 2 of 2",
        "compiled\n",
        "searching",
    ]
    assert text.endswith(CLEAR)


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_says_nothing(stream: type[io.StringIO]) -> None:
    out = stream()
    talk(Progress(quiet=True, stream=out))
    assert out.getvalue() == ""


def test_the_line_is_cleared_before_an_error_is_printed() -> None:
    screen = Terminal()

    def work() -> None:
        with Progress(stream=screen) as progress:
            progress.step("working")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert screen.getvalue().endswith(CLEAR)
