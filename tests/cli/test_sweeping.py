import argparse
import io
import math
from pathlib import Path

import pytest

from tailrank.cli.progress import Progress
from tailrank.cli.sweeping import add_sweep, swept


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_sweep(parser)
    return parser.parse_args(words)


def test_by_default_every_core_of_this_host_is_used() -> None:
    arguments = parsed()
    assert (arguments.workers_local, arguments.ray, arguments.resume) == (None, None, None)


def test_ray_takes_an_address_or_finds_the_cluster_of_this_host() -> None:
    assert parsed("--ray").ray == "auto"
    assert parsed("--ray", "local").ray == "local"
    assert parsed("--ray", "10.0.0.1:6379", "--workers-local", "3").workers_local == 3


@pytest.mark.parametrize("words", [["--workers-local", "0"], ["--workers-local", "some"]])
def test_workers_are_counted(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert f"not `{words[1]}`" in capsys.readouterr().err


def test_results_come_back_and_a_log_gets_few_lines(tmp_path: Path) -> None:
    arguments = parsed("--workers-local", "1", "--resume", str(tmp_path / "kept"))
    log = io.StringIO()
    for _ in range(2):
        with Progress(stream=log) as progress:
            assert swept(math.sqrt, [1.0, 4.0], arguments, progress, title="roots") == [1.0, 2.0]
    assert log.getvalue().splitlines() == ["roots", "roots", f"roots: 2 of 2 taken from {tmp_path / 'kept'}"]


def test_a_terminal_sees_every_cell() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    with Progress(stream=screen) as progress:
        swept(math.sqrt, [1.0, 4.0], parsed("--workers-local", "1"), progress, title="roots", label=str)
    assert "roots: 1 of 2, 1.0" in screen.getvalue()
    assert "roots: 2 of 2, 4.0" in screen.getvalue()
